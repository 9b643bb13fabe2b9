"""PyNX's own operators heeding a fill, on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.fft

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.constraints import (
    AmplitudeConstraint,
    AmplitudeInterval,
    AmplitudePrior,
    PriorConstraint,
)
from bcdi_inpaint.phasing.pynx_operators import constrained_cycle, with_fill
from bcdi_inpaint.phasing.pynx_projection import (
    CARRIED,
    HeldAmplitudes,
    heed_fills,
    pynx_backend,
)
from bcdi_inpaint.phasing.schedule import HALF_WAY
from bcdi_inpaint.pynx_engine import import_pynx, quiet

SIZE = 16


@pytest.fixture(autouse=True)
def heeding(pynx: str) -> Iterator[None]:
    heed_fills()
    with quiet(), np.errstate(all="ignore"):
        yield


@pytest.fixture
def made(rng: np.random.Generator) -> Any:
    """A `CDI` with a gap, and a constraint on it."""
    obj = np.zeros((SIZE,) * 3, np.complex64)
    obj[:4, :4, :4] = rng.uniform(0.5, 1, (4,) * 3) * np.exp(1j * rng.uniform(-1, 1, (4,) * 3))
    mask = np.zeros(obj.shape, np.int8)
    mask[:, :, 3:5] = 1
    counts = np.abs(scipy.fft.fftn(obj, norm="ortho")).astype(np.float32) ** 2

    def make(known: AmplitudeConstraint | None = None, **more: Any) -> Any:
        cdi = import_pynx("cdi").CDI(
            np.where(mask, 0, counts), mask=mask, support=np.abs(obj) > 0, obj=obj.copy()
        )
        if known is not None:
            setattr(cdi, CARRIED, HeldAmplitudes(known, **more))
        return cdi

    return make, mask, counts


def fixed(mask: np.ndarray, counts: float) -> AmplitudePrior:
    index = np.flatnonzero(mask)
    log_counts = np.full(len(index), np.log1p(counts), np.float32)
    return AmplitudePrior(index, log_counts, np.zeros(len(index), np.float32))


def intensity_after(cdi: Any, **options: Any) -> np.ndarray:
    """That of the projected amplitudes."""
    operators = pynx_backend()
    cdi = operators.ApplyAmplitude(**options) * operators.FT() * cdi
    return np.abs(cdi._obj) ** 2


@pytest.mark.parametrize("zero_mask", [False, True])
def test_a_fixed_estimate_is_taken_and_the_measured_stay(made: Any, zero_mask: bool) -> None:
    make, mask, counts = made
    projected = intensity_after(make(fixed(mask, 7.0)), zero_mask=zero_mask)
    assert np.allclose(projected[mask > 0], 7, rtol=1e-4)
    assert np.allclose(projected[mask == 0], counts[mask == 0], rtol=1e-4, atol=1e-6)


def test_scales_are_of_the_amplitudes_that_go_in_and_out(made: Any) -> None:
    make, mask, _ = made
    projected = intensity_after(make(fixed(mask, 7.0)), scale_in=2, scale_out=3)
    assert np.allclose(projected[mask > 0], 9 * 7, rtol=1e-4)


def test_bounds_clip(made: Any) -> None:
    make, mask, counts = made
    index = np.flatnonzero(mask)
    own = np.sqrt(counts.ravel()[index])
    known = AmplitudeInterval(index, np.full(len(index), 0.1, np.float32), np.full_like(own, 0.2))
    projected = np.sqrt(intensity_after(make(known)))
    assert np.allclose(projected.ravel()[index], own.clip(0.1, 0.2), rtol=1e-4)


@pytest.mark.parametrize("algorithm", ["HIO", "RAAR", "ER", "CF", "GPS"])
def test_every_algorithm_heeds_it(made: Any, algorithm: str) -> None:
    make, mask, _ = made
    operator = getattr(import_pynx("cdi"), algorithm)
    cdi = operator() ** 3 * make(fixed(mask, 1000.0))
    assert getattr(cdi, CARRIED).done == 3
    plain = operator() ** 3 * make()
    assert not np.allclose(cdi.get_obj(), plain.get_obj(), rtol=0.1)


def test_without_a_fill_pynx_does_what_it_did(made: Any) -> None:
    make, _, _ = made
    projection = pynx_backend().ApplyAmplitude
    heeding = projection.op
    with_wrap = import_pynx("cdi").HIO() ** 5 * make()
    try:
        projection.op = heeding.without_fill
        without = import_pynx("cdi").HIO() ** 5 * make()
    finally:
        projection.op = heeding
    assert np.array_equal(with_wrap.get_obj(), without.get_obj())


def test_the_strength_follows_the_cycles_and_the_constraint_is_released(made: Any) -> None:
    _, mask, _ = made
    held = HeldAmplitudes(fixed(mask, 1.0), cycles=4, release_after=6)
    found = [held.step() for _ in range(7)]
    assert found[0] == HALF_WAY[0]
    assert found[4] == found[5] == pytest.approx(HALF_WAY[1])
    assert found[6] is None
    held.begin()
    assert held.step() == HALF_WAY[0]


def test_a_changed_grid_is_refused(made: Any) -> None:
    make, mask, _ = made
    cdi = make(fixed(mask, 1.0))
    cdi.set_upsample(2)
    with pytest.raises(InputError, match=r"^upsample changes the grid"):
        intensity_after(cdi)


def test_it_is_put_around_once(pynx: str) -> None:
    once = pynx_backend().ApplyAmplitude.op
    heed_fills()
    assert pynx_backend().ApplyAmplitude.op is once


# --- operators that multiply as PyNX's own --------------------------------------------------------


def test_with_fill_is_a_cycle_of_ours(made: Any) -> None:
    make, mask, counts = made
    shift = np.fft.fftshift
    prior = PriorConstraint(shift(counts) * 2, np.full(mask.shape, np.float32(0.1)))
    found = with_fill(import_pynx("cdi").RAAR(), prior) ** 6 * make()
    known = prior.on_amplitudes(shift(mask) > 0)
    expected = constrained_cycle("RAAR", known, HALF_WAY[1]) ** 6 * make()
    assert np.allclose(found.get_obj(), expected.get_obj(), rtol=1e-3, atol=1e-4)
    assert not hasattr(found, CARRIED)


def test_with_fill_multiplies_with_others(made: Any) -> None:
    make, mask, counts = made
    cdi_module = import_pynx("cdi")
    prior = PriorConstraint(np.fft.fftshift(counts), np.zeros(mask.shape, np.float32))
    chain = with_fill(cdi_module.ER() ** 3 * cdi_module.HIO() ** 2, prior, cycles=5)
    found = cdi_module.ER() * chain * make()
    assert np.isfinite(found.get_obj()).all()
