"""How sure a mixture is: factors that were put in are found, class by class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing.mixed_sigma import sigma_factors
from bcdi_inpaint.phasing.mixing import MixingSettings, brightness_classes

SHAPE = (12, 12, 12)
SETTINGS = MixingSettings(edges=(1e4,), least_voxels=64)
FAINT, BRIGHT = slice(0, 6), slice(6, 12)


def mixture(rng: np.random.Generator, wider: float) -> tuple[np.ndarray, Fill, np.ndarray]:
    """Counts, a fill that is off by `wider` times its sigma, and the classes: 1e3, 1e5 counts."""
    expected = np.full(SHAPE, 1e3, dtype=np.float32)
    expected[BRIGHT] = 1e5
    sigma = np.full(SHAPE, 0.2, dtype=np.float32)
    truth = np.expm1(np.log1p(expected) + wider * sigma * rng.normal(size=SHAPE))
    fill = Fill(expected, np.ones(SHAPE, dtype=bool), sigma, Calibration(), "a", "b")
    counts = rng.poisson(truth).astype(np.float32)
    return counts, fill, brightness_classes(expected, SETTINGS)


@pytest.mark.parametrize("wider", [0.4, 1.0, 3.0])
def test_a_factor_that_was_put_in_is_found(rng: np.random.Generator, wider: float) -> None:
    counts, fill, classes = mixture(rng, wider)
    home = sigma_factors(*mixture(rng, 1.0), rng, SETTINGS)
    found = sigma_factors(counts, fill, classes, rng, SETTINGS)
    np.testing.assert_allclose(found, wider * home, rtol=0.3)


def test_each_class_has_its_own(rng: np.random.Generator) -> None:
    counts, fill, classes = mixture(rng, 3.0)
    counts[FAINT] = fill.counts[FAINT]  # as if it were never off
    faint, bright = sigma_factors(counts, fill, classes, rng, SETTINGS)
    assert faint < 1 < bright


def test_a_class_of_few_voxels_keeps_its_sigma(rng: np.random.Generator) -> None:
    counts, fill, classes = mixture(rng, 3.0)
    few = fill.filled.copy()
    few[BRIGHT] = False
    few[6, 0] = True  # 12 voxels
    faint, bright = sigma_factors(counts, replace(fill, filled=few), classes, rng, SETTINGS)
    assert faint > 1
    assert bright == 1


def test_a_factor_has_an_end(rng: np.random.Generator) -> None:
    counts, fill, classes = mixture(rng, 0.0)
    far = replace(fill, counts=1e3 * fill.counts)
    found = sigma_factors(counts, far, classes, rng, SETTINGS)
    np.testing.assert_allclose(found, SETTINGS.largest_factor)
