"""Square roots and logarithms of counts are refused; counts in any unit are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bcdi_inpaint.checks.numbers import NumberWishes, prepare
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.scan.scan import as_scan


def counts(photons: float = 1e4) -> np.ndarray:
    """A bright spot, 12 x 24 x 24."""
    z, y, x = np.ogrid[-6:6, -12:12, -12:12]
    mean = photons / (1 + (z / 3) ** 2 + (y / 3) ** 2 + (x / 3) ** 2) ** 2
    return np.random.default_rng(0).poisson(mean).astype(float)


@pytest.mark.parametrize("photons", [100, 1e4, 1e7])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (np.sqrt, "square roots of whole numbers.*square them first"),
        (lambda n: np.log10(n + 1), r"log10.*10\*\*value - 1"),
        (np.log1p, r"log1p.*exp\(value\) - 1"),
    ],
)
def test_transformed_counts_are_refused(
    photons: float, dtype: str, transform: Callable[[np.ndarray], np.ndarray], words: str
) -> None:
    stored = as_scan(transform(counts(photons)).astype(dtype))
    with pytest.raises(InputError, match=words):
        prepare(stored)
    assert prepare(stored, NumberWishes(photon=1)).photon == 1


@pytest.mark.parametrize("photons", [10, 1e4, 1e7])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("unit", [1, 0.5, 1e-6, 1 / 3, 7.25, 0.0137])
def test_counts_in_any_unit_are_not(photons: float, dtype: str, unit: float) -> None:
    prepare(as_scan(np.minimum(counts(photons) * unit, 6e4).astype(dtype)))


def test_values_of_no_unit_are_not() -> None:
    noise = np.random.default_rng(1).normal(1, 0.02, (12, 24, 24))
    for stored in (counts() * noise, counts() / 4 + 0.1 * noise, noise):
        prepare(as_scan(stored.astype("f4")))
