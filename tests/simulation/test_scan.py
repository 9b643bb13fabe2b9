"""A simulated scan: the gap hides what the truth beside it has."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.fft

import simulation
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.gap import Gap
from simulation.recipe import Recipe, make_pattern
from simulation.scan import simulate_scan

SMALL = {"seed": 3, "shape": (24, 32, 40), "flux": 1e5}
CLEAN = {"blur_voxel": None, "flat": None, "smooth_share": 0, "drift": None, "alien_share": 0}


def test_it_is_the_recipes_first_pattern_with_a_hole() -> None:
    made = simulate_scan(**SMALL)
    recipe = Recipe(
        count=1, seed=3, shape=(24, 32, 40), atomistic_share=0, realism={"flux": (1e5, 1e5)}
    )
    pattern = make_pattern(recipe, 0, None)
    np.testing.assert_array_equal(made.counts, pattern.counts)
    np.testing.assert_array_equal(made.expectation, pattern.expectation)
    np.testing.assert_array_equal(made.scan.bad_mask, made.gap_mask | pattern.bad)
    np.testing.assert_array_equal(made.scan.counts, np.where(made.gap_mask, 0, made.counts))


def test_the_arms_of_a_cross() -> None:
    rows, columns = simulate_scan(**SMALL).gaps
    assert (rows.axis, columns.axis) == (1, 2)
    assert simulate_scan(**SMALL, gap="rows").gaps == (rows,)
    assert simulate_scan(**SMALL, gap="columns").gaps == (columns,)
    assert simulate_scan(**SMALL, gap=Gap(0, 3, 5)).gaps == (Gap(0, 3, 5),)
    both = [Gap(2, 3, 5), Gap(1, 3, 5)]
    assert simulate_scan(**SMALL, gap=both).gaps == tuple(sorted(both))
    without = simulate_scan(**SMALL, gap=None)
    assert without.gaps == ()
    assert not without.gap_mask.any()
    np.testing.assert_array_equal(without.scan.counts, without.counts)


def test_the_object_of_atoms_has_the_expectation_too() -> None:
    """Only what atoms scatter is known of them: the object is its transform."""
    made = simulate_scan(**SMALL, realism=CLEAN)
    shape = made.scan.shape
    rng = np.random.default_rng(0)
    amplitude = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    brightest = (np.abs(amplitude) ** 2).max()
    pattern = replace(made.pattern, crystal=None, amplitude=amplitude)
    obj = replace(made, pattern=pattern).object
    found = scipy.fft.fftshift(scipy.fft.fftn(scipy.fft.ifftshift(obj), norm="ortho"))
    expected = amplitude * np.sqrt(made.pattern.parameters["flux"] / brightest)
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_a_box_of_the_scan_resolves_the_object_less() -> None:
    made = simulate_scan(**SMALL, realism=CLEAN)
    box = (slice(4, 20), slice(6, 26), slice(8, 30))
    seen = made.object_in(box)
    assert seen.shape == (16, 20, 22)
    intensity = np.abs(scipy.fft.fftn(scipy.fft.ifftshift(seen), norm="ortho")) ** 2
    expected = made.expectation[box]
    np.testing.assert_allclose(
        scipy.fft.fftshift(intensity), expected, atol=1e-5 * made.expectation.max()
    )


@pytest.mark.parametrize("peak_offset", [0.0, 0.2])
def test_the_object_has_the_expectation(peak_offset: float) -> None:
    made = simulate_scan(**SMALL, peak_offset=peak_offset, peak_outside=0, realism=CLEAN)
    amplitude = scipy.fft.fftn(scipy.fft.ifftshift(made.object), norm="ortho")
    found = scipy.fft.fftshift(np.abs(amplitude) ** 2)
    np.testing.assert_allclose(found, made.expectation, atol=1e-5 * made.expectation.max())


def test_the_object_is_in_the_middle() -> None:
    made = simulate_scan(**SMALL, oversampling=(4, 4), oversampling_spread=(0, 0, 0), peak_offset=0)
    weight = np.abs(made.object) ** 2
    inner = weight[8:16, 10:22, 13:27].sum()
    assert inner > 0.9 * weight.sum()


def test_a_seed_makes_the_same_scan() -> None:
    first, again = simulate_scan(**SMALL), simulate_scan(**SMALL)
    other = simulate_scan(**SMALL | {"seed": 4})
    np.testing.assert_array_equal(first.scan.counts, again.scan.counts)
    assert not np.array_equal(first.counts, other.counts)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"gap": "crosses"}, "gap is 'crosses', expected 'cross', 'rows', 'columns', None"),
        ({"gap": Gap(1, 30, 36)}, "reaches outside"),
        ({"shape": (32, 32)}, "expected 3 axes"),
        ({"strain": 3}, "strain"),
        ({"flux": -1.0}, "flux"),
    ],
)
def test_what_cannot_be_is_refused(options: dict, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        simulate_scan(**SMALL | options)
    assert "\n" not in str(error.value)


def test_the_package_offers_it_without_loading_it() -> None:
    assert simulation.simulate_scan is simulate_scan
    assert {"simulate_scan", "Recipe"} <= set(dir(simulation))
    with pytest.raises(AttributeError, match="simulate_scans"):
        _ = simulation.simulate_scans
    code = "import simulation, sys; print('torch' in sys.modules or 'scipy' in sys.modules)"
    here = Path(simulation.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=here, capture_output=True, text=True)
    assert done.stdout == "False\n"
