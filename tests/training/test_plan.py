from pathlib import Path

import pytest
from pydantic import ValidationError

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals.config import PhasingConfig
from bcdi_inpaint.training.plan import Plan, read_plan, read_yaml
from simulation.crystals import CrystalConfig
from simulation.recipe import as_recipe

CONFIGS = sorted((Path(__file__).resolve().parents[2] / "configs").glob("*.yaml"))
RECIPES = [path for path in CONFIGS if path.name.startswith("patterns")]
PHASINGS = [path for path in CONFIGS if path.name.startswith("phasing")]
STUDIES = [path for path in CONFIGS if path.name.startswith("methods")]
LAST = "name: x\npatterns: {}\nheld_out: {}\ntraining: {last_step: {}}\n"
"""A plan of a network with a last step."""
PLANS = [path for path in CONFIGS if path not in STUDIES and "training" in read_yaml(path)]


def test_every_shipped_file_is_of_a_known_kind() -> None:
    """Those of evaluations and of studies are loaded by that command's tests."""
    evaluations = [path for path in CONFIGS if path.name.startswith("evaluate")]
    assert sorted(RECIPES + PLANS + evaluations + STUDIES + PHASINGS) == CONFIGS


@pytest.mark.parametrize("path", PHASINGS, ids=lambda path: path.name)
def test_every_shipped_judgement_of_crystals_is_valid(path: Path) -> None:
    config = PhasingConfig.model_validate(read_yaml(path))
    least = 48 if path.stem == "phasing_narrow" else 64  # ten crystals, each phased three ways
    assert min(CrystalConfig.model_validate(config.crystals).sizes) >= least
    assert "mask" in config.scores.treatments


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_every_shipped_recipe_is_valid(path: Path) -> None:
    assert as_recipe(read_yaml(path), str(path)).count > 100


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.name)
def test_every_shipped_plan_is_valid(path: Path) -> None:
    plan = read_plan(path)
    patterns, held_out = (as_recipe(r, str(path)) for r in (plan.patterns, plan.held_out))
    assert patterns.seed != held_out.seed
    assert patterns.shape == held_out.shape


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\npatterns: {}\nheld_out: {}\nspeed: 3\n", "speed"),
        ("name: x\npatterns: {}\nheld_out: {}\ntraining: {steps: 0}\n", "training.steps is 0"),
        ("name: x\npatterns: {}\nheld_out: {}\nnetwork: {channels: [8]}\n", "dilations"),
        ("name: x\n", "patterns is missing"),
        ("name: ../x\npatterns: {}\nheld_out: {}\n", "name is '../x'"),
        ("name: x\npatterns: 3\nheld_out: {}\n", "patterns is 3"),
        ("name: x\npatterns: {}\nheld_out: {}\ntraining: {precision: half}\n", "precision is 'h"),
        ("name: x\npatterns: {}\nheld_out: {}\nloss: {mse: -1}\n", "loss.mse is -1"),
        ("name: x\npatterns: {}\nheld_out: {}\npatches: {size: 36}\n", "multiple of 8"),
        (
            "name: x\npatterns: {}\nheld_out: {}\nnetwork: {kind: unet}\npatches: {size: 48}\n",
            "multiple of 32 for this unet: set patches.size",
        ),
        (
            "name: x\npatterns: {}\nheld_out: {}\nnetwork: {kind: resnet}\n",
            "expected a kind of gap_",
        ),
        (
            "name: x\npatterns: {}\nheld_out: {}\nloss: huber\n",
            "'huber': expected one of mse",
        ),
        ("name: x\npatterns: {}\nheld_out: {}\npatches: {widths: [[5, 3]]}\n", "widths is"),
        ("name: x\npatterns: {}\nheld_out: {}\npatches: {widths: [[2, 3]]}\n", "shares is"),
        ("name: x\npatterns: {}\nheld_out: {}\npatches: {shares: [0, 0, 0]}\n", "shares is"),
        ("name: x\npatterns: {}\nheld_out: {}\npatches: {shares: [2, -1, 0]}\n", "shares is"),
        ("name: x\npatterns: {}\nheld_out: {}\npatches: {size: 8}\n", "patches.size is 8"),
        ("name: x\npatterns: {}\nheld_out: {}\npatches: {peak_spread: 0}\n", "peak_spread is 0"),
        ("name: x\npatterns: {}\nheld_out: {}\ntraining: {slabs: 0}\n", "training.slabs is 0"),
        ("name: x\npatterns: {}\nheld_out: {}\nloss: {likelihood: -1}\n", "loss.likelihood is"),
        ("name: x\npatterns: {}\nheld_out: {}\npatches: {faint: 2}\n", "patches.faint is 2"),
        ("name: x\npatterns: {}\nheld_out: {}\npatches: {flux_factor: [0, 1]}\n", "flux_factor"),
        (
            LAST + "network: {n_dim: 2}\n",
            "3 dimensions with our inputs, and this gap_unet has 2 and ours inputs: leave last_st",
        ),
        (LAST + "network: {kind: tunet}\n", "this tunet has 3 and published inputs: leave last"),
        (LAST + "feed: {window: 2, step: 1}\n", "a feed keeps none: leave out last_step or feed"),
        (LAST.replace("{}}", "{share: 1}}"), "training.last_step.share is 1"),
        (LAST.replace("{}}", "{widths: [0]}}"), "training.last_step.widths.0 is 0"),
        (LAST.replace("{}}", "{crystals: 3}}"), "training.last_step.crystals"),
        ("- 1\n", "the|Input"),
        ("name: [\n", "expected a YAML file"),
        ("!!python/object/apply:os.system ['true']\n", "expected a YAML file"),
    ],
)
def test_a_bad_plan_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=said) as error:
        read_plan(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_a_missing_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_plan(tmp_path / "absent.yaml")


def test_a_loss_and_a_network_go_by_name(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("{name: x, patterns: {}, held_out: {}, loss: mae, network: {kind: tunet}}")
    plan = read_plan(path)
    assert (plan.loss.mae, plan.loss.mse, plan.loss.likelihood) == (1, 0, 0)
    assert plan.network.kind == "tunet"
    assert Plan.model_validate(plan.model_dump(mode="json")) == plan


def test_a_last_step_takes_its_share_of_the_time_and_a_network_with_our_inputs(
    tmp_path: Path,
) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(LAST.replace("{}}", "{share: 0.25}, minutes: 40}"))
    training = read_plan(path).training
    assert (training.network_minutes, training.step_minutes) == (30, 10)
    path.write_text(LAST + "network: {kind: tunet, inputs: ours}\n")
    plan = read_plan(path)
    assert (plan.training.network_minutes, plan.training.step_minutes) == (None, None)
    assert plan.training.last_step is not None
    assert Plan.model_validate(plan.model_dump(mode="json")) == plan
    path.write_text("{name: x, patterns: {}, held_out: {}, training: {minutes: 40}}")
    training = read_plan(path).training
    assert (training.network_minutes, training.step_minutes) == (40, None)


def test_a_network_that_takes_no_patch_of_a_scan_is_refused_before_it_is_trained() -> None:
    values = {"name": "x", "patterns": {}, "held_out": {}, "patches": {"size": 64}}
    deep = {"kind": "tunet", "depth": 7, "base": 1, "growth": 1.0}
    with pytest.raises(
        ValidationError, match="a multiple of 64 voxels, expected one that takes 32"
    ):
        Plan.model_validate(values | {"network": deep | {"inputs": "ours"}})
    for good in (deep, deep | {"n_dim": 2, "inputs": "ours"}):  # filled as they were trained
        Plan.model_validate(values | {"network": good})
