"""Training the last step: it learns to believe mates where scans are symmetric, and only there."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bcdi_inpaint.network.symmetry_step import INPUTS
from bcdi_inpaint.network.weights import load_model
from benchmarks.coverage import WIDTHS
from benchmarks.symmetry_step import CRYSTALS, Case, cases, learn, look_at, table, write_weights


def drawn(symmetry: float, rng: np.random.Generator) -> Case:
    """Voxels whose mate is the truth where the scan is symmetric, and noise where it is not."""
    inputs = rng.normal(size=(2000, len(INPUTS))).astype(np.float32)
    inputs[:, INPUTS.index("symmetry")] = symmetry
    right = symmetry > 0.5
    truth = 3 + inputs[:, INPUTS.index("mate_less_fill")] * right
    inputs[:, 0] = 3
    return Case(inputs, truth.astype(np.float32))


def test_it_learns_from_the_symmetry_what_a_mate_is_worth() -> None:
    rng = np.random.default_rng(0)
    those = [drawn(symmetry, rng) for symmetry in (0.0, 0.1, 0.8, 0.9)]
    step = learn(those, steps=150)
    for symmetry, width in ((0.05, WIDTHS[0]), (0.85, WIDTHS[-1])):
        unseen = drawn(symmetry, rng)
        found, _ = step.apply_to(torch.from_numpy(unseen.inputs))
        assert np.sqrt(np.mean((found.numpy() - unseen.truth) ** 2)) < 0.3
        (row,) = table([(0, width, unseen)], step)
        assert row["gaps"] == 1
    first, again = (learn(those, steps=2).layers[0].weight for _ in range(2))
    assert torch.equal(first, again)


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
    step = learn([first], steps=2)
    write_weights(tmp_path / "new.safetensors", model, step, 1)
    new = load_model(tmp_path / "new.safetensors")
    assert new.last_step is not None
    assert torch.equal(new.last_step.centre, step.centre)
    assert new.calibration == model.calibration


def test_a_gap_without_a_place_is_left_out() -> None:
    from simulation.crystals import draw_crystals

    crystal = next(draw_crystals(CRYSTALS.model_copy(update={"size": 32}), 0))
    assert look_at(crystal, 0, 24, load_model("default")) is None
