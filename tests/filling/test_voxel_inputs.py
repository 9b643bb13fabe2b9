"""What the last step sees of a voxel: the fill, its mate, and how far mates are off around it."""

import numpy as np
import pytest

from bcdi_inpaint.filling.voxel_inputs import LastStep, find_mate_errors
from bcdi_inpaint.network.channels import Features
from bcdi_inpaint.network.symmetry_step import INPUTS, SymmetryStep
from bcdi_inpaint.network.units import LOG_UNIT

SHAPE = (24, 24, 24)


def features(error: float = 0.0) -> Features:
    """Log counts of 4 with a gap whose guess is 3; mates are less by an error, unknown below."""
    unknown = np.zeros(SHAPE, dtype=bool)
    unknown[:, 10:14] = True
    logs = np.where(unknown, 3, 4).astype(np.float32)
    mate_known = np.ones(SHAPE, dtype=bool)
    mate_known[:, :, :6] = False
    mate = np.where(mate_known, 4 - error, 0).astype(np.float32)
    sigma = np.where(unknown, 0.4, 0).astype(np.float32)
    units = np.float32(LOG_UNIT)
    return Features(logs / units, unknown, sigma / units, mate / units, mate_known)


def columns(step: LastStep, voxels: np.ndarray) -> dict[str, np.ndarray]:
    n = int(voxels.sum())
    logs, scales = np.full(n, 3.5, np.float32), np.full(n, 0.2, np.float32)
    found = step.inputs(voxels, np.full(n, 4), logs, scales)
    assert found.dtype == np.float32
    return dict(zip(INPUTS, found.T, strict=True))


def test_the_columns_are_what_their_names_say() -> None:
    voxels = np.zeros(SHAPE, dtype=bool)
    voxels[12, 11, 3] = voxels[12, 11, 20] = True
    found = columns(LastStep(SymmetryStep(), features(0.5), 0.7), voxels)
    expected = {
        "log_counts": 3.5,
        "correction": 0.5,
        "mate_less_fill": [0, 0],  # not known, and 3.5 too
        "mate_known": [0, 1],
        "guess_sigma": 0.4,
        "log_scale": np.log(0.2),
        "log_width": np.log(4),
        "symmetry": 0.7,
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], np.broadcast_to(values, 2), rtol=1e-5, atol=1e-6)
    far = columns(LastStep(SymmetryStep(), features(-1.0), np.nan), voxels)
    np.testing.assert_allclose(far["mate_less_fill"], [0, 1.5], atol=1e-6)
    np.testing.assert_array_equal(far["symmetry"], 0)


def test_mates_are_compared_with_what_was_measured_around_a_voxel() -> None:
    found = find_mate_errors(features(0.5))
    assert found.mean[12, 11, 18] == pytest.approx(0.5, abs=0.01)
    assert found.rms[12, 11, 18] == pytest.approx(0.5, abs=0.01)
    assert 0.2 < found.weight[12, 11, 18] < 0.8  # the gap takes a part of what is around
    assert found.weight[12, 20, 0] < 0.05  # no mate is known there
    voxels = np.zeros(SHAPE, dtype=bool)
    voxels[12, 11, 1] = True
    assert (
        abs(columns(LastStep(SymmetryStep(), features(0.5), 0.7), voxels)["mate_rms_error"]) < 0.1
    )


def test_it_is_taken_where_it_is_asked_for() -> None:
    voxels = features().unknown
    within = np.zeros(SHAPE, dtype=bool)
    within[:12] = True
    step = SymmetryStep()
    step.layers[-1].bias.data[2:] += 1.0
    n = int(voxels.sum())
    logs, scales = np.full(n, 3.5, np.float32), np.full(n, 0.2, np.float32)
    taken = LastStep(step, features(), 0.7, within).take(voxels, np.full(n, 4), logs, scales)
    of_step = within[voxels]
    np.testing.assert_allclose(taken[0], np.where(of_step, 3.6, 3.5), rtol=1e-6)
    np.testing.assert_allclose(taken[1], np.where(of_step, 0.2 * np.e, 0.2), rtol=1e-5)
    np.testing.assert_array_equal(logs, 3.5)
