from typing import Any

import pytest
from small_study import STUDY, study, volumes

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.studies.config import as_study


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
        ({"shapes": {"tunet": {"width": 3}}}, r"tunet: .*width"),
        ({"latent": {"patterns": 20, "neighbours": 20}}, r"fewer than the 20 patterns"),
        ({"left_out": ["tunet", "unet"]}, r"'unet', which none is called.*gap_unet, tunet"),
        ({"widths": []}, "widths"),
        ({"last_step": {}}, r"gap_unet \+ last step: .*3 dimensions.*has 2.*leave last_step out"),
        ({"last_step": {"share": 2}}, r"last_step.share is 2"),
        (
            {"training": {**STUDY["training"], "last_step": {}}},
            r"training.last_step would be of all networks.*beside training",
        ),
        ({"colour": 3}, "colour"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        as_study(STUDY | changes, "tiny.yaml")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("tiny.yaml: ")


def test_patches_that_a_network_cannot_take_are_refused_with_the_fix() -> None:
    with pytest.raises(InputError, match=r"partial_conv: .*patches.size is 16.*multiple of 32"):
        study(kinds=("partial_conv",))


def test_two_columns_of_each_published_network_and_ours_once() -> None:
    contestants = study(losses=["mae", "ours"], own_width=6, patches={"size": 32}).contestants()
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
