from typing import Any

import pytest
from small_study import RECIPE, STUDY, study, volumes

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.studies.config import as_study

LATENT = {"patterns": 3, "neighbours": 1, "size": 16, "width": 5, "methods": ["linear"]}
"""A study of latent spaces that the tiny study can have."""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kinds": ["resnet"]}, r"'resnet' is no kind of network, expected some of gap_unet"),
        ({"losses": ["l2"]}, r"'l2' is no loss, expected some of mse"),
        ({"classical": ["magic"]}, r"'magic' is no classical method, expected some of nearest"),
        ({"learning": {"methods": ["vae"]}}, r"'vae' is no method that learns.*dip"),
        ({"learning": {"minutes": 0}}, r"minutes is 0.*greater than 0"),
        ({"kinds": ["tunet", "tunet"]}, r"expected each once"),
        ({"shapes": {"vit": {}}}, r"shapes has vit, expected some of gap_unet"),
        (
            {"shapes": {"tunet": {"width": 3}}},
            r"shapes.tunet.width is 3,.*expected some of guess, depth, base, growth: mend its",
        ),
        ({"latent": {"sise": 16}}, r"latent.sise is 16,.*one of patterns, width, size,"),
        (
            {"training": {**STUDY["training"], "start": "default"}},
            r"training.start is 'default', which are .* expected none, as .*: leave it out",
        ),
        ({"latent": {"patterns": 20, "neighbours": 20}}, r"fewer than the 20 patterns"),
        ({"left_out": ["tunet", "unet"]}, r"'unet', which none is called.*gap_unet, tunet"),
        ({"widths": []}, "widths is .*at least one"),
        ({"widths": [-3]}, r"widths is \[-3\]: expected widths of at least 1"),
        ({"widths": [0]}, "expected widths of at least 1"),
        ({"widths": [3, 3]}, "each once"),
        (
            {"widths": [3, 25]},
            "widths has 25, expected at most 24 in patterns of 32: give narrower",
        ),
        ({"measured_widths": [3, 0]}, "measured_widths .*at least 1"),
        ({"shapes_of_gaps": []}, "shapes_of_gaps.*at least one"),
        ({"learning": {"widths": [0]}}, "learning.widths .*at least 1"),
        ({"learning": {"widths": []}}, "learning.widths .*at least one"),
        ({"learning": {"starts": []}}, "learning.starts .*at least one"),
        ({"learning": {"methods": ["dip"], "widths": [30]}}, "learning.widths has 30"),
        ({"learning": {"widths": [6]}}, r"learning.widths has 6.*at least 40.*gan-g.*they have 32"),
        ({"latent": LATENT | {"size": 48}}, "latent.size is 48, expected a part of .*32"),
        ({"latent": LATENT | {"size": 64}}, "latent.size is 64"),
        ({"latent": LATENT | {"patterns": 4}}, "latent.patterns is 4, expected at most the 3"),
        ({"latent": LATENT | {"width": 30}}, "latent.width has 30, expected at most 24"),
        (
            {"latent": LATENT | {"methods": ["lineer"]}},
            "'lineer'.*some of linear, kriging, first guess, gap_unet, tunet, tunet . inputs",
        ),
        ({"held_out": RECIPE | {"shape": [32] * 3}}, "held_out.shape is .*expected 2 sides"),
        ({"held_out": {"count": 3}}, "held_out.shape is not given, expected 2 sides"),
        (
            {"patches": {"size": 64}},
            "patches.size is 64, expected at most the 32 of patterns.shape",
        ),
        (
            {"patches": {"size": 64}, "patterns": RECIPE | {"shape": [64, 64]}},
            "patches.size is 64, expected at most the 32 of held_out.shape",
        ),
        ({"released": True}, "released is for scans"),
        ({"cubes": {}}, "cubes is for scans"),
        ({"measured": [{"name": "S", "file": "s.npz"}]}, "measured is for scans"),
        ({"measured_widths": [3]}, "measured_widths is for scans"),
        ({"shapes": {"tunet": {"n_dim": 3}}}, "shapes.tunet.n_dim is 3.*leave it out"),
        ({"last_step": {}}, r"gap_unet \+ last step: .*3 dimensions.*has 2.*leave last_step out"),
        ({"last_step": {"share": 2}}, r"last_step.share is 2"),
        ({"last_step_behind": ["tunet"]}, "last_step is not given, expected both or none"),
        (
            {"training": {**STUDY["training"], "last_step": {}}},
            r"training.last_step would be of all networks.*beside training",
        ),
        (
            {"own_width": 6, "patches": {"size": 32}},
            "own_width is 6, expected one of widths, 3, 17, as",
        ),
        ({"colour": 3}, "colour"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        as_study(STUDY | changes, "tiny.yaml")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("tiny.yaml: ")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"latent": LATENT}, "latent is for images"),
        (
            {"last_step": {}, "last_step_behind": ["gap_unet"]},
            r"'gap_unet' is no published one of kinds \(last_step_behind\), expected some of tunet",
        ),
        ({"cubes": {"size": 48}}, "cubes.size is 48, expected at most the 32 of held_out.shape"),
        ({"cubes": {"size": 16}}, "cubes.widths has 9, expected 1 to 8 in a cube of 16"),
        ({"measured": [{"name": "simulated", "file": "s.npz"}]}, "a scan 'simulated'"),
        (
            {"measured": [{"name": "S", "file": "s.npz"}] * 2},
            "a scan 'S', expected a name for each",
        ),
    ],
)
def test_what_is_wrong_of_scans_is_said_in_a_line(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        volumes(**changes)
    assert "\n" not in str(caught.value)


def test_what_fits_is_no_error() -> None:
    learning = {"methods": ["dip"], "widths": [24]}
    latent = LATENT | {"methods": ["first guess", "tunet + inputs"]}
    assert study(learning=learning, latent=latent, widths=[24]).n_dim == 2
    assert volumes(cubes={"size": 16, "widths": [8]}, released=True).n_dim == 3
    assert as_study(STUDY | {"patterns": {}, "held_out": {}}, "x").n_dim == 3


def test_patches_that_a_network_cannot_take_are_refused_with_the_fix() -> None:
    with pytest.raises(InputError, match=r"partial_conv: .*patches.size is 16.*multiple of 32"):
        study(kinds=("partial_conv",))


def test_two_columns_of_each_published_network_and_ours_once() -> None:
    own = {"own_width": 6, "widths": [6], "patches": {"size": 32}}
    contestants = study(losses=["mae", "ours"], **own).contestants()
    assert [each.name for each in contestants] == [
        "gap_unet",
        "tunet",
        "tunet + inputs",
        "gap_unet, mae",
        "unet_dilated, 6 px only",
    ]
    inputs = [getattr(each.plan.network, "inputs", "ours") for each in contestants]
    assert inputs == ["ours", "published", "ours", "ours", "published"]
    assert contestants[1].plan.loss.mae == 1
    assert contestants[-1].plan.patches.widths == ((6, 6),)
    assert len({each.plan.name for each in contestants}) == len(contestants)


def test_a_network_can_be_left_out_by_its_name() -> None:
    names = [each.name for each in study(left_out=["tunet"]).contestants()]
    assert names == ["gap_unet", "tunet + inputs"]


def test_our_network_with_a_last_step_has_the_time_of_all() -> None:
    training = {**STUDY["training"], "minutes": 40}
    values = {"last_step": {"share": 0.25}, "training": training, "shapes": {}, "patches": {}}
    contestants = volumes(**values).contestants()
    names = [each.name for each in contestants]
    assert names == ["gap_unet + last step", "gap_unet", "tunet", "tunet + inputs"]
    with_step, *others = contestants
    assert (with_step.kind, with_step.column, with_step.loss) == ("gap_unet", "ours", "ours")
    assert with_step.plan.network == others[0].plan.network
    times = [(each.plan.training.minutes, each.plan.training.network_minutes) for each in others]
    assert times == [(40, 40)] * 3
    assert with_step.plan.training.minutes == 40
    assert with_step.plan.training.network_minutes == 30
    assert names[1:] == [each.name for each in volumes(**values, left_out=[names[0]]).contestants()]


def test_a_published_network_can_have_the_last_step_too() -> None:
    behind = volumes(last_step={}, last_step_behind=["tunet"], shapes={}, patches={}).contestants()
    _, found, *others = behind
    assert found.name == "tunet + inputs + last step"
    (same,) = (each for each in others if each.name == "tunet + inputs")
    assert found.plan.network == same.plan.network
    assert found.plan.training.last_step is not None
    assert found.plan.name != same.plan.name
