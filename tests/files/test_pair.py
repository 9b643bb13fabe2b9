"""Filled scans as npz pair and as TIFF: what other programs read of them."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from scan_files import PROVENANCE, filled_arrays, gapped_scan, refused

from bcdi_inpaint.files import (
    check_output,
    companion,
    default_output,
    input_files,
    read_scan,
    write_filled_npz,
    write_filled_tiff,
)

WRITE = {"npz": (write_filled_npz, "a_pynx_input_data.npz"), "tiff": (write_filled_tiff, "a.tif")}


def of_gapped_scan():
    """In the order of the writers' arguments."""
    scan, gap_mask, fill = gapped_scan()
    return scan, filled_arrays(scan, gap_mask, fill)


@pytest.mark.parametrize("form", WRITE)
def test_what_is_written_reads_the_same(tmp_path, form):
    write, name = WRITE[form]
    scan, gap_mask, fill = gapped_scan()
    write(tmp_path / name, scan, filled_arrays(scan, gap_mask, fill), PROVENANCE)
    again = read_scan(tmp_path / name)
    assert again.counts.dtype == np.float32
    assert again.counts.tobytes() == fill.tobytes()
    np.testing.assert_array_equal(again.bad_mask, scan.bad_mask & ~gap_mask)


def test_the_pair_is_what_cdiutils_hands_to_pynx(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    path = default_output(tmp_path / "S3_pynx_input_data.npz", "npz")
    assert path.name == "S3_inpainted_pynx_input_data.npz"
    write_filled_npz(path, scan, filled_arrays(scan, gap_mask, fill, sigma=fill), PROVENANCE)
    with np.load(path) as data, np.load(tmp_path / "S3_inpainted_pynx_input_mask.npz") as mask:
        np.testing.assert_array_equal(data["data"], fill)
        np.testing.assert_array_equal(data["filled"] != 0, gap_mask)
        np.testing.assert_array_equal(data["sigma"], fill)
        np.testing.assert_array_equal(mask["data"] != 0, scan.bad_mask & ~gap_mask)
        np.testing.assert_array_equal(mask["mask"], mask["data"])
        assert json.loads(str(data["provenance"]))["seed"] == 3


def test_the_stack_is_what_cohere_reads(tmp_path):
    """Its read_tif turns the axes round: the frames come last there."""
    scan, gap_mask, fill = gapped_scan()
    write_filled_tiff(
        tmp_path / "prep_data.tif", scan, filled_arrays(scan, gap_mask, fill), PROVENANCE
    )
    read = tifffile.imread(str(tmp_path / "prep_data.tif")).transpose()
    np.testing.assert_array_equal(read, fill.transpose())
    with tifffile.TiffFile(tmp_path / "prep_data.tif") as file:
        assert json.loads(file.pages[0].description)["gaps"] == ["rows 1:2", "cols 2:4"]


@pytest.mark.parametrize("form", WRITE)
@pytest.mark.parametrize("sure", [True, False])
def test_fills_that_are_not_trusted_stay_masked_with_their_fill_in_place(tmp_path, form, sure):
    write, name = WRITE[form]
    scan, gap_mask, fill = gapped_scan()
    trusted = gap_mask & sure
    trusted[0] = False
    write(tmp_path / name, scan, filled_arrays(scan, gap_mask, fill, trusted=trusted), PROVENANCE)
    again = read_scan(tmp_path / name)
    np.testing.assert_array_equal(again.bad_mask, (scan.bad_mask | gap_mask) & ~trusted)
    assert again.counts.tobytes() == fill.tobytes()


def test_bounds_are_beside_the_fill_in_the_pair(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    arrays = filled_arrays(scan, gap_mask, fill)
    path = tmp_path / "a_pynx_input_data.npz"
    write_filled_npz(path, scan, arrays, PROVENANCE)
    with np.load(path) as data:
        np.testing.assert_array_equal(data["lower_bound"], arrays.lower_bound)
        np.testing.assert_array_equal(data["upper_bound"], arrays.upper_bound)
    assert read_scan(path).counts.tobytes() == fill.tobytes()


@pytest.mark.parametrize("form", WRITE)
@pytest.mark.parametrize("which", [0, 1])
def test_neither_file_replaces_another_unasked(tmp_path, form, which):
    write, name = WRITE[form]
    path = tmp_path / name
    (path, companion(path))[which].write_bytes(b"precious")
    with refused(tmp_path, "exists", "--force"):
        write(path, *of_gapped_scan(), PROVENANCE)
    write(path, *of_gapped_scan(), PROVENANCE, force=True)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("form", WRITE)
def test_a_mask_that_is_not_ours_is_in_the_way_before_any_work(tmp_path, form):
    write, name = WRITE[form]
    path, mask = tmp_path / name, companion(tmp_path / name)
    write(path, *of_gapped_scan(), PROVENANCE)
    path.unlink()
    check_output(path, form=form)  # what a killed process left
    bad = of_gapped_scan()[0].bad_mask.astype(np.int8)
    if form == "npz":
        np.savez(mask, mask=bad)
    else:
        tifffile.imwrite(mask, bad, photometric="minisblack")
    with refused(tmp_path, "exists", "--force"):
        check_output(path, form=form)
    check_output(path, force=True, form=form)


@pytest.mark.parametrize("form", WRITE)
def test_the_mask_that_a_killed_process_left_gives_way(tmp_path, form):
    """Also one of another fill, as `check_output` says before the work."""
    write, name = WRITE[form]
    path, mask = tmp_path / name, companion(tmp_path / name)
    scan, gap_mask, _ = gapped_scan()
    write(path, scan, filled_arrays(scan, np.zeros_like(gap_mask), scan.counts), PROVENANCE)
    path.unlink()
    left = mask.read_bytes()
    write(path, *of_gapped_scan(), PROVENANCE)
    assert mask.read_bytes() != left
    np.testing.assert_array_equal(read_scan(path).bad_mask, scan.bad_mask & ~gap_mask)


@pytest.mark.parametrize("form", WRITE)
def test_the_mask_beside_the_scan_is_an_input(tmp_path, form):
    write, name = WRITE[form]
    write(tmp_path / name, *of_gapped_scan(), PROVENANCE)
    scan, fill = of_gapped_scan()
    scan = replace(scan, source=(tmp_path / name).rename(tmp_path / name.replace("tif", "tiff")))
    mask = companion(tmp_path / name)
    assert input_files(scan.source) == [scan.source, mask]
    output = mask if form == "npz" else tmp_path / "a.tif"
    with refused(tmp_path, "is the input", "never changed"):
        write(output, scan, fill, PROVENANCE, force=True)
