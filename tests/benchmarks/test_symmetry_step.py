"""Training the last step on drawn crystals: each gap is looked at once."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bcdi_inpaint.network.symmetry_step import INPUTS, SymmetryStep
from bcdi_inpaint.network.weights import load_model
from bcdi_inpaint.training.last_step import Case, learn
from benchmarks.coverage import WIDTHS
from benchmarks.symmetry_step import CRYSTALS, SEED, SETTINGS, cases, look_at, table, write_weights


def test_errors_are_told_by_width_and_symmetry() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(50, len(INPUTS))).astype(np.float32)
    inputs[:, INPUTS.index("symmetry")] = 0.3
    case = Case(inputs, inputs[:, 0] + np.float32(0.25))
    (row,) = table([(0, WIDTHS[0], case)], SymmetryStep())
    assert (row["gap (px)"], row["symmetry"], row["gaps"]) == (WIDTHS[0], "to 0.6", 1)
    np.testing.assert_allclose(row["RMS log error before"], 0.25, rtol=1e-6)


def test_a_crystal_is_looked_at_once_and_the_weights_keep_the_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.symmetry_step.WIDTHS", (3,))
    config = CRYSTALS.model_copy(update={"count": 1, "size": 32})
    model = load_model("default")
    ((_, width, first),) = cases(tmp_path, config, model)
    monkeypatch.setattr("benchmarks.symmetry_step.look_at", None)  # it is not looked at again
    ((_, _, again),) = cases(tmp_path, config, model)
    np.testing.assert_array_equal(first.inputs, again.inputs)
    assert width == 3
    assert first.inputs.shape == (first.truth.size, len(INPUTS))
    step = learn([first], SETTINGS, SEED, steps=2)
    write_weights(tmp_path / "new.safetensors", model, step, 1)
    new = load_model(tmp_path / "new.safetensors")
    assert new.last_step is not None
    assert torch.equal(new.last_step.centre, step.centre)
    assert new.calibration == model.calibration


def test_a_gap_without_a_place_is_left_out() -> None:
    from simulation.crystals import draw_crystals

    crystal = next(draw_crystals(CRYSTALS.model_copy(update={"size": 32}), 0))
    assert look_at(crystal, 0, 24, load_model("default")) is None
