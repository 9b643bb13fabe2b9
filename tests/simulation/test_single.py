"""One simulated scan as CXI: the gap hides what the truth beside it tells."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import DETECTOR, read_scan
from bcdi_inpaint.gaps.artificial import place_cross
from bcdi_inpaint.gaps.gap import Gap
from simulation import scan as simulated_scan
from simulation.recipe import Recipe, make_pattern
from simulation.single import TRUTH, simulate_single

RECIPE = Recipe(count=1, seed=4, shape=(24, 40, 48), atomistic_share=0.0)


def test_the_gap_hides_the_truth_and_nothing_else(tmp_path: Path) -> None:
    path, gaps = tmp_path / "scan.cxi", (Gap(1, 3, 5), Gap(2, 30, 33))
    assert simulate_single(RECIPE, path, gaps=gaps) == gaps
    made, scan = make_pattern(RECIPE, 0, None), read_scan(path)
    gap = np.zeros(RECIPE.shape, dtype=bool)
    gap[:, 3:5] = gap[:, :, 30:33] = True
    np.testing.assert_array_equal(scan.bad_mask, gap | made.bad)
    np.testing.assert_array_equal(scan.counts, np.where(gap, 0, made.counts))
    with h5py.File(path) as file:
        detector = file[DETECTOR]
        np.testing.assert_array_equal(detector[TRUTH["counts"]], made.counts)
        np.testing.assert_array_equal(detector[TRUTH["expectation"]], made.expectation)
        assert detector[TRUTH["object"]].shape == RECIPE.shape
        assert np.iscomplexobj(detector[TRUTH["object"]][:2])
        told = file["entry_1/data_1/process_1/configuration"]
        recipe = json.loads(told["inpaint_simulation_recipe"][()])
        assert Recipe.model_validate(recipe) == RECIPE
        names: list[str] = []
        file.visit(names.append)
    assert [name for name in names if "mask" in name] == [f"{DETECTOR}/mask"]


def test_the_default_is_a_cross_beside_the_peak(tmp_path: Path) -> None:
    rows, columns = simulate_single(RECIPE, tmp_path / "scan.cxi")
    expectation = make_pattern(RECIPE, 0, None).expectation
    peak = np.unravel_index(expectation.argmax(), expectation.shape)
    for gap, axis in ((rows, 1), (columns, 2)):
        assert gap.axis == axis
        assert gap.stop - gap.start == 6
        assert min(abs(gap.start - peak[axis]), abs(gap.stop - 1 - peak[axis])) == 6


@pytest.mark.parametrize(("at", "rows"), [(0, (6, 12)), (27, (33, 39)), (28, (17, 23))])
def test_the_place_cross_stays_inside(at: int, rows: tuple[int, int]) -> None:
    expectation = np.zeros((2, 40, 60))
    expectation[1, at, 5] = 1
    assert place_cross(expectation) == (Gap(1, *rows), Gap(2, 11, 17))


def test_a_detectors_gaps_are_taken_from_its_table(tmp_path: Path) -> None:
    found = simulate_single(RECIPE, tmp_path / "scan.cxi", detector_name="maxipix", roi=(240, 250))
    assert found == (Gap(1, 15, 21), Gap(2, 5, 11))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"gaps": (Gap(1, 38, 44),)}, "reaches outside the array"),
        ({"roi": (1, 2)}, "roi is 1,2 without a detector"),
        ({"detector_name": "nikon"}, "detector 'nikon' is unknown"),
        ({"detector_name": "maxipix", "roi": (0, 0)}, "maxipix has no gap in this array"),
        ({"detector_name": "maxipix", "gaps": (Gap(1, 2, 3),)}, "expected one of them"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    tmp_path: Path, options: dict, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated_scan, "make_pattern", lambda *_: pytest.fail("worked in vain"))
    with pytest.raises(InputError, match=said):
        simulate_single(RECIPE, tmp_path / "scan.cxi", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_scan_that_exists_is_replaced_by_force_alone(tmp_path: Path) -> None:
    path = tmp_path / "scan.cxi"
    path.write_bytes(b"mine")
    with pytest.raises(InputError, match="--force"):
        simulate_single(RECIPE, path)
    assert path.read_bytes() == b"mine"
    simulate_single(RECIPE, path, force=True)
    assert read_scan(path).shape == RECIPE.shape
