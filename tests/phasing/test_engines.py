"""The two engines of phase retrieval, PyNX and torch: one schedule, one constraint, one object."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from bcdi_inpaint.phasing import pynx_retrieval, torch_retrieval
from bcdi_inpaint.phasing.constraints import Constraint, IntervalConstraint, PriorConstraint
from bcdi_inpaint.phasing.schedule import Schedule

FEW = Schedule(hio=2, raar=4, er=2, update_every=2, free_fraction=0)


def constraint_of(kind: str, expected: np.ndarray) -> Constraint | None:
    if kind == "interval":
        return IntervalConstraint(0.9 * expected, 1.2 * expected)
    if kind == "prior":
        return PriorConstraint(1.5 * expected, np.full(expected.shape, 0.1))
    return None


@pytest.mark.parametrize("kind", ["free", "interval", "prior"])
def test_both_engines_find_the_same_object_from_the_same_start(
    pynx: str, particle: tuple[np.ndarray, np.ndarray], counts: np.ndarray, kind: str
) -> None:
    gap = np.zeros(counts.shape, bool)
    gap[:, :, 26:32] = True
    support = binary_dilation(particle[1], iterations=2)
    options = {
        "support": support,
        "schedule": FEW,
        "constraint": constraint_of(kind, counts.astype(float)),
    }
    ours = torch_retrieval.retrieve(counts, gap, np.random.default_rng(3), **options)
    theirs = pynx_retrieval.retrieve(counts, gap, np.random.default_rng(3), **options)
    obj = np.fft.fftshift((ours.obj * ours.support).numpy())
    scale = np.abs(theirs.obj).max()
    np.testing.assert_allclose(obj, theirs.obj, rtol=0, atol=1e-4 * scale)
    if kind != "free":  # and the constraint has not been left out by both
        free = torch_retrieval.retrieve(
            counts, gap, np.random.default_rng(3), support=support, schedule=FEW
        )
        assert np.abs(np.fft.fftshift(free.obj.numpy()) - obj)[support].max() > 1e-3 * scale
