"""What a fine-tuning gave: the file of its weights, and what it says of itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open
from small_training import CALIBRATION, QUICK, same, state

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.network.symmetry_step import StepConfig, SymmetryStep
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.training import finetuning
from bcdi_inpaint.training.finetuned import check_weights_output
from bcdi_inpaint.training.finetuning import finetune_on
from bcdi_inpaint.training.held_out import HeldOutScore
from bcdi_inpaint.training.lessons import Lesson


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetuning, "SETTINGS", QUICK)


def test_the_file_tells_how_it_was_made_and_keeps_calibration_and_last_step(
    tmp_path: Path, given: Lesson, model: Model
) -> None:
    model = replace(model, last_step=SymmetryStep(StepConfig(hidden=5)))
    result = finetune_on([given], model, steps=2, seed=7, device="cpu")
    path = tmp_path / "adapted.safetensors"
    result.save(path)
    loaded = load_model(path)
    assert loaded.calibration == CALIBRATION
    assert loaded.last_step is not None
    assert loaded.last_step.config.hidden == 5
    assert same(state(loaded.network), state(result.model.network))
    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()["training"])
    assert card["finetuned_on"] == ["peak.cxi"]
    assert card["parent_sha256"] == model.sha256
    assert (card["seed"], card["steps"]) == (7, 2)
    assert card["gaps"] == ["3 rows", "2 cols"]
    assert HeldOutScore(**card["held_out_before"]) == result.before
    assert HeldOutScore(**card["held_out_after"]) == result.after
    assert list(tmp_path.iterdir()) == [path]


def test_a_result_says_in_a_line_what_came_of_it(adaptation: Any) -> None:
    result = adaptation.found
    said = repr(result)
    assert "\n" not in said
    kept = "the adapted weights are kept" if result.improved else "the weights stay as they were"
    assert said.startswith(f"15 steps on peak.cxi: {kept} (held out, before: mse of log 0.")
    assert str(result.after) in said


def test_only_weights_that_are_adapted_have_another_name(adaptation: Any) -> None:
    better = adaptation.found
    assert better.improved
    assert better.model.name == "tiny, adapted"
    assert better.model.sha256 == ""
    assert better.model.calibration == CALIBRATION
    worse = replace(better, model=adaptation.model, before=better.after, after=better.before)
    assert not worse.improved


def test_weights_are_neither_misnamed_nor_replaced_unasked(tmp_path: Path) -> None:
    there = tmp_path / "w.safetensors"
    there.touch()
    with pytest.raises(InputError, match=r"ends in '.cxi', expected .safetensors"):
        check_weights_output(tmp_path / "w.cxi", False, [])
    with pytest.raises(InputError, match="exists"):
        check_weights_output(there, False, [])
    check_weights_output(there, True, [])
    with pytest.raises(InputError, match="is the input"):
        check_weights_output(there, True, [there])
