"""The fill goes the way of PyNX's data, step by step, without a cycle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fabio
import h5py
import numpy as np
import pytest
import tifffile

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.carried_fill import CarriedFill
from bcdi_inpaint.phasing.pynx_faults import as_program
from bcdi_inpaint.phasing.pynx_projection import CARRIED
from bcdi_inpaint.phasing.pynx_scan import (
    CarriesFill,
    check_parameters,
    check_place,
    with_carried_fill,
)
from bcdi_inpaint.pynx_engine import import_pynx, quiet

pytestmark = pytest.mark.usefixtures("pynx")


class Given(CarriesFill):
    """A scan with a fill, from memory."""

    fill: CarriedFill
    bad: np.ndarray

    def bring(self) -> CarriedFill:
        self.iobs = self.fill.counts.copy()
        self.mask = self.bad.astype(np.int8)
        return self.fill


def given(counts: np.ndarray, gap: np.ndarray, handover: str = "prior") -> tuple[Any, ...]:
    """A scan whose fill is what would have been measured, and what is masked of it."""
    filled = counts.astype(np.float32)
    bad = np.zeros_like(gap) if handover == "hard" else gap.copy()
    bad[1, 2, 3] = True
    sigma = np.where(gap, np.float32(0.05), np.float32(0))
    return CarriedFill(handover, filled, gap, sigma, filled / 2, filled * 2), bad


def stepped(fill: CarriedFill, bad: np.ndarray, *options: str, first: bool = False) -> Any:
    """A runner's scan, prepared as for a run; `first`: the mask is made before, as for data2cxi."""
    module = import_pynx("cdi.runner.id01")
    with as_program("pynx-cdi-id01", ["--data", "memory.npy", *options]), quiet():
        runner = module.CDIRunnerID01(["pynx-cdi-id01"], None)
        scan = with_carried_fill(runner.CDIRunnerScan, Given)(runner.params, None)
        scan.fill, scan.bad = fill, bad
        scan.load_data()
        if first:
            scan.init_mask()
            scan.corr_flat_field()
        scan.prepare_processing_unit()
        scan.prepare_data(init_mask=not first, corr_flat_field=not first)
        scan.prepare_cdi()
    return scan


def held_counts(scan: Any) -> np.ndarray:
    """(n_rock, n_y, n_x) what is phased: the measured, and at masked voxels what is held there."""
    iobs = np.array(scan.cdi.iobs)
    shown = np.where(iobs <= -1e19, np.nan, np.where(iobs < 0, -iobs - 1, iobs))
    known = getattr(scan.cdi, CARRIED).known
    assert np.isnan(shown.ravel()[known.index]).all()
    shown.ravel()[known.index] = np.expm1(known.log_counts)
    return np.fft.fftshift(shown)


@pytest.fixture
def gap(counts: np.ndarray) -> np.ndarray:
    mask = np.zeros(counts.shape, bool)
    mask[:, :, 28:34] = True
    return mask


@pytest.mark.parametrize(
    "options",
    [
        ("--roi", "full"),
        ("--roi", "4", "44", "6", "46", "8", "48"),
        ("--roi", "full", "--max_size", "32"),
        ("--roi", "full", "--iobs_saturation", "3e5"),
        ("--roi", "full", "--mask", "negative"),
        ("--roi", "full", "--support", "sphere", "--support_size", "8"),
    ],
)
def test_what_is_held_goes_on_as_the_data_do(
    counts: np.ndarray, gap: np.ndarray, options: tuple[str, ...]
) -> None:
    scan = stepped(*given(counts, gap), *options)
    found, there = held_counts(scan), part(scan, counts)
    assert np.isfinite(found[part(scan, gap)]).all()
    np.testing.assert_allclose(found[np.isfinite(found)], there[np.isfinite(found)], rtol=1e-4)


def test_a_peak_aside_is_centred_with_its_fill(counts: np.ndarray, gap: np.ndarray) -> None:
    moved = np.roll(counts, (5, -4, 3), axis=(0, 1, 2))
    scan = stepped(*given(moved, gap), "--roi", "auto")
    ends = np.reshape(scan.params["roi_final"], (3, 2))
    assert (ends.mean(axis=1) == [29, 20, 27]).sum() >= 2  # the gap may draw the third
    found = held_counts(scan)
    known = np.isfinite(found)
    assert known.sum() >= found.size - 1
    np.testing.assert_allclose(found[known], part(scan, moved)[known], rtol=1e-4)


def test_binned_counts_add_up_with_the_fill(counts: np.ndarray, gap: np.ndarray) -> None:
    scan = stepped(*given(counts, gap), "--roi", "full", "--rebin", "2")
    sums = counts.reshape(24, 2, 24, 2, 24, 2).sum(axis=(1, 3, 5))
    found = held_counts(scan)
    known = np.isfinite(found)
    assert (~known).sum() == 1  # the bin of the bad voxel
    np.testing.assert_allclose(found[known], sums[known], rtol=1e-4)


def test_the_mask_may_be_made_before_the_rest(counts: np.ndarray, gap: np.ndarray) -> None:
    """As where the data are saved as CXI first."""
    scan = stepped(*given(counts, gap), "--roi", "full", first=True)
    found = held_counts(scan)
    np.testing.assert_allclose(found[gap], counts[gap], rtol=1e-4)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".tif", ".edf", ".h5"])
def test_a_mask_in_a_file_is_added(
    tmp_path: Path, counts: np.ndarray, gap: np.ndarray, suffix: str
) -> None:
    frame = np.zeros(counts.shape[1:], np.int8)
    frame[10:12] = 1
    path = tmp_path / f"beam{suffix}"
    if suffix == ".npy":
        np.save(path, frame)
    elif suffix == ".npz":
        np.savez(path, mask=np.broadcast_to(frame, counts.shape))
        frame = np.broadcast_to(frame, counts.shape)
    elif suffix == ".tif":
        tifffile.imwrite(path, frame.astype(np.uint8))
    elif suffix == ".edf":
        fabio.edfimage.EdfImage(data=frame.astype(np.uint8)).write(str(path))
    else:
        with h5py.File(path, "w") as file:
            file["mask"] = np.broadcast_to(frame, counts.shape)
    scan = stepped(*given(counts, gap), "--roi", "full", "--mask", str(path))
    found = held_counts(scan)
    masked = (np.broadcast_to(frame, counts.shape) > 0) & ~gap
    masked[1, 2, 3] = True
    np.testing.assert_array_equal(~np.isfinite(found), masked)
    np.testing.assert_allclose(found[gap], counts[gap], rtol=1e-4)


def test_voxels_without_counts_that_are_masked_are_not_held(
    counts: np.ndarray, gap: np.ndarray
) -> None:
    scan = stepped(*given(counts, gap), "--roi", "full", "--mask", "zero")
    found = held_counts(scan)
    assert np.isfinite(found[gap]).all()
    assert not np.isfinite(found[~gap & (counts == 0)]).any()


def maxipix(gap_rows: slice) -> tuple[Any, ...]:
    counts = np.random.default_rng(3).poisson(30, (2, 516, 516))
    gap = np.zeros(counts.shape, bool)
    gap[:, gap_rows], gap[:, :, gap_rows] = True, True
    return counts, gap


def part(scan: Any, array: np.ndarray) -> np.ndarray:
    """What PyNX has cut out of an array."""
    return array[tuple(slice(*ends) for ends in np.reshape(scan.params["roi_final"], (3, 2)))]


def test_the_mask_of_a_maxipix_is_what_was_filled() -> None:
    counts, gap = maxipix(slice(255, 261))
    scan = stepped(*given(counts, gap), "--roi", "full", "--mask", "maxipix")
    found = held_counts(scan)
    known = np.isfinite(found)
    assert known.sum() >= found.size - 1
    np.testing.assert_allclose(found[known], part(scan, counts)[known], rtol=1e-4)


def test_wide_pixels_beside_a_narrow_fill_are_divided() -> None:
    counts, gap = maxipix(slice(256, 260))
    wide = counts.copy()
    for line in (255, 260):
        wide[:, line] *= 3
        wide[:, :, line] *= 3
    scan = stepped(*given(wide, gap), "--roi", "full", "--mask", "maxipix1")
    found = held_counts(scan)
    known = np.isfinite(found)
    assert known.sum() >= found.size - 1
    np.testing.assert_allclose(found[known], part(scan, counts)[known], rtol=1e-4)


@pytest.mark.parametrize("mask", ["maxipix1", "maxipix6"])
def test_wide_pixels_that_are_filled_are_none(mask: str) -> None:
    counts, gap = maxipix(slice(255, 261))
    with pytest.raises(InputError, match=f"mask {mask} .* leave it out"):
        stepped(*given(counts, gap), "--roi", "full", "--mask", mask)


def test_a_crop_without_the_gap_is_plain_pynx(
    counts: np.ndarray, gap: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    scan = stepped(*given(counts, gap), "--roi", "4", "44", "4", "44", "0", "28")
    assert not hasattr(scan.cdi, CARRIED)
    assert scan.held is None
    assert scan.params["inpaint_handover"] == "mask"  # results say what was used
    assert "inpaint_prior_half_way" not in scan.params


def test_a_hard_fill_is_measured_all_the_way(counts: np.ndarray, gap: np.ndarray) -> None:
    scan = stepped(*given(counts, gap, "hard"), "--roi", "full")
    assert scan.held is None
    assert (scan.cdi.iobs <= -1e19).sum() == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("algorithm", "ER**5,upsample=2,RAAR**5"),
        ("algorithm", "bin=2,RAAR**5"),
        ("algorithm", "crop2bin,RAAR**5"),
        ("crop", 2),
    ],
)
def test_what_changes_the_grid_is_refused(name: str, value: Any) -> None:
    plain = {"algorithm": None, "crop": None, "mask_interp": None}
    check_parameters(plain)
    with pytest.raises(InputError, match="changes the grid under the fill"):
        check_parameters({**plain, name: value})


def test_an_interpolation_that_the_cpu_lacks_is_left_out() -> None:
    params = {"algorithm": None, "crop": None, "mask_interp": [16, 2]}
    check_parameters(params)
    assert params["mask_interp"] is None


def test_a_fill_beside_its_data_is_refused(counts: np.ndarray, gap: np.ndarray) -> None:
    check_place(counts, np.where(gap, 0, counts), gap)
    for other in (np.roll(counts, 1, axis=0), counts[1:]):
        with pytest.raises(InputError, match="not those that the fill was carried with"):
            check_place(other, counts, np.zeros(counts.shape, bool))
