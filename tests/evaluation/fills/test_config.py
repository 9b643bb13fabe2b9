"""What an evaluation is read from."""

from __future__ import annotations

from pathlib import Path

import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills import (
    EvaluationConfig,
    as_config,
)
from bcdi_inpaint.training.plan import read_yaml
from simulation.recipe import as_recipe

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"colour": 1}, "test: colour is 1"),
        ({"methods": ["linear", "magic"]}, "'magic' is no method, expected some of nearest"),
        ({"methods": []}, "at least one method"),
        ({"methods": ["linear", "linear"]}, "each once"),
        ({"widths": [3, 0]}, "at least 1 voxel"),
        ({"widths": []}, "at least one"),
        ({"kinds": ["diagonal"]}, "kinds.0 is 'diagonal'"),
        ({"published": {"widths": [25]}}, "width 25 does not fit, expected 1 to 24"),
        ({"measured": [{"name": "a"}]}, "measured.0.file is missing"),
        ({"measured": [{"name": "a/b", "file": "c"}]}, "measured.0.name .*should match pattern"),
        ([1], "test"),
    ],
)
def test_a_wrong_configuration_is_one_line(values: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        as_config(values, "test")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", sorted(p.stem for p in REPOSITORY.glob("configs/evaluate*.yaml")))
def test_shipped_configurations_are_valid(name: str) -> None:
    config = as_config(read_yaml(REPOSITORY / "configs" / f"{name}.yaml"), name)
    if not config.held_out:
        assert config.measured
        return
    recipe = as_recipe(config.held_out, name)
    assert len(recipe.shape) == 3
    for other in REPOSITORY.glob("configs/*.yaml"):  # held out: no other recipe has its seed
        values = read_yaml(other)
        recipes = [values, values.get("patterns"), values.get("held_out")]
        if not other.stem.startswith("evaluate"):
            assert recipe.seed not in [r.get("seed") for r in recipes if isinstance(r, dict)]


def test_no_data_set_is_known_to_the_package() -> None:
    assert EvaluationConfig().measured == ()
    for path in REPOSITORY.glob("bcdi_inpaint/**/*.py"):
        text = path.read_text()
        assert not any(word in text for word in ("S1398", "ft_crop", "shared/data")), path
