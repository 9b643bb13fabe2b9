"""An even density inside PyNX's own cycles, on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
import scipy.fft

from bcdi_inpaint.phasing import pynx_density
from bcdi_inpaint.phasing.density import DensitySettings, find_interior
from bcdi_inpaint.phasing.pynx_density import (
    DENSITY,
    PROJECTIONS,
    HeldDensity,
    heed_density,
)
from bcdi_inpaint.phasing.pynx_knowledge import KnowsPhysics
from bcdi_inpaint.phasing.pynx_operators import with_density
from bcdi_inpaint.phasing.pynx_projection import pynx_backend
from bcdi_inpaint.pynx_engine import import_pynx, quiet

SIZE = 16
EVEN = DensitySettings(strength=0.5, margin=2, begin=0.5)


@pytest.fixture(autouse=True)
def heeding(pynx: str) -> Iterator[None]:
    heed_density()
    with quiet(), np.errstate(all="ignore"):
        yield


@pytest.fixture
def obj(rng: np.random.Generator) -> np.ndarray:
    """A crystal across the array's corner, as PyNX has it, of a modulus that varies."""
    obj = np.zeros((SIZE,) * 3, np.complex64)
    inside = rng.uniform(5, 9, (9,) * 3) * np.exp(1j * rng.uniform(-1, 1, (9,) * 3))
    obj[:9, :9, :9] = inside
    return np.roll(obj, (-4, -4, -4), (0, 1, 2))


def made(obj: np.ndarray, settings: DensitySettings | None = None, cycles: int = 0) -> Any:
    counts = np.abs(scipy.fft.fftn(obj, norm="ortho")).astype(np.float32) ** 2
    cdi = import_pynx("cdi").CDI(counts, support=np.abs(obj) > 0, obj=obj.copy())
    if settings is not None:
        setattr(cdi, DENSITY, HeldDensity(settings, cycles))
    return cdi


@pytest.mark.parametrize("algorithm", ["HIO", "RAAR", "ER", "CF"])
def test_every_algorithm_evens_the_interior_and_nothing_else(
    obj: np.ndarray, algorithm: str
) -> None:
    operator = getattr(import_pynx("cdi"), algorithm)
    found, plain = operator() * made(obj, EVEN), operator() * made(obj)
    interior = find_interior(np.abs(obj) > 0, EVEN)
    assert interior is not None
    expected = interior.even_out(plain.get_obj().copy(), EVEN.strength)
    assert np.allclose(found.get_obj(), expected, rtol=1e-3, atol=1e-3)
    assert not np.allclose(found.get_obj(), plain.get_obj(), rtol=1e-2)


def test_it_begins_in_the_middle_of_the_run(obj: np.ndarray) -> None:
    operator = import_pynx("cdi").ER()
    found, plain = made(obj, EVEN, cycles=10), made(obj)
    found, plain = operator**5 * found, operator**5 * plain
    assert np.array_equal(found.get_obj(), plain.get_obj())
    found = operator * found
    assert not np.allclose(found.get_obj(), plain.get_obj(), rtol=1e-2)


def test_the_last_projection_of_a_run_is_pynxs(obj: np.ndarray) -> None:
    last = import_pynx("cdi").FourierApplyAmplitude()
    found, plain = last * made(obj, EVEN), last * made(obj)
    assert np.array_equal(found.get_obj(), plain.get_obj())


def test_gps_is_left_as_it_is(obj: np.ndarray) -> None:
    gps = import_pynx("cdi").GPS()
    found, plain = gps**3 * made(obj, EVEN), gps**3 * made(obj)
    assert np.array_equal(found.get_obj(), plain.get_obj())


def test_it_is_of_the_support_as_it_is_now(obj: np.ndarray) -> None:
    cdi = import_pynx("cdi").ER() * made(obj, EVEN)
    smaller = np.abs(obj) > 0
    smaller[-4] = smaller[4] = False
    cdi.set_support(smaller)
    held = getattr(cdi, DENSITY)
    cdi = import_pynx("cdi").ER() * cdi
    now, expected = held._interior, find_interior(smaller, EVEN)
    assert expected is not None
    assert np.array_equal(now.inside, expected.inside)


def test_a_support_without_an_inside_is_left(obj: np.ndarray) -> None:
    thick = replace(EVEN, margin=5)
    operator = import_pynx("cdi").ER()
    found, plain = operator * made(obj, thick), operator * made(obj)
    assert np.array_equal(found.get_obj(), plain.get_obj())


def test_an_operator_that_evens_it_multiplies_as_pynxs(obj: np.ndarray) -> None:
    er = import_pynx("cdi").ER()
    found = with_density(er, EVEN) ** 3 * er**2 * made(obj)
    expected = er**2 * made(obj)
    setattr(expected, DENSITY, HeldDensity(EVEN, 0))
    expected = er**3 * expected
    assert not hasattr(found, DENSITY)
    assert np.allclose(found.get_obj(), expected.get_obj(), rtol=1e-3, atol=1e-3)


def test_a_gpu_without_our_kernels_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pynx_density.density_fails() == ""
    monkeypatch.setattr(pynx_density, "is_gpu", lambda backend: True)
    assert pynx_density.density_fails().startswith("AttributeError: ")  # the CPU has none

    class Told(KnowsPhysics):
        params: ClassVar[dict[str, Any]] = {"inpaint_used_density": 0.1}

    assert Told()._density_is_left()
    assert Told.params == {}


def test_it_is_put_around_once(pynx: str) -> None:
    once = [getattr(pynx_backend(), name).op for name in PROJECTIONS]
    heed_density()
    assert [getattr(pynx_backend(), name).op for name in PROJECTIONS] == once
