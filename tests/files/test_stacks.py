"""TIFF and EDF stacks, written by the libraries that the field writes them with."""

import gzip

import fabio
import numpy as np
import pytest
import tifffile
from fabio.edfimage import EdfImage
from scan_files import SHAPE, refused, some_counts, some_mask

from bcdi_inpaint.files import read_scan
from bcdi_inpaint.scan.crop import parse_crop

HEADER = {"SampleDistance": "1.2", "PSize_1": "5.5e-05", "PSize_2": "7.5e-05"}


def edf(path, counts, header=HEADER):
    """A multi-frame EDF of fabio's."""
    image = EdfImage(data=counts[0], header=dict(header))
    for frame in counts[1:]:
        image.append_frame(data=frame)
    image.write(str(path))
    return path


@pytest.mark.parametrize("dtype", ["u2", "i4", "f4"])
@pytest.mark.parametrize("name", ["a.tif", "a.TIFF"])
def test_a_tiff_of_tifffile(tmp_path, name, dtype):
    tifffile.imwrite(tmp_path / name, some_counts(dtype), photometric="minisblack")
    scan = read_scan(tmp_path / name)
    np.testing.assert_array_equal(scan.counts, some_counts(dtype))
    assert scan.counts.dtype == dtype


def test_a_prep_data_of_cohere(tmp_path):
    """As its save_tif does it with an array that has the frames last."""
    frames_last = np.random.default_rng(4).poisson(9, (7, 8, 6))  # x, y, frames
    stored = np.abs(frames_last).transpose().astype(np.float32)
    tifffile.imwrite(str(tmp_path / "prep_data.tif"), stored)
    scan = read_scan(tmp_path / "prep_data.tif")
    np.testing.assert_array_equal(scan.counts, np.moveaxis(frames_last, 2, 0).swapaxes(1, 2))


def test_the_mask_beside_a_tiff_is_found(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", some_counts(), photometric="minisblack")
    tifffile.imwrite(tmp_path / "a_mask.tif", some_mask(dtype="u1"), photometric="minisblack")
    scan = read_scan(tmp_path / "a.tif")
    np.testing.assert_array_equal(scan.bad_mask, some_mask() != 0)


@pytest.mark.parametrize("dtype", ["u2", "i4", "f4"])
def test_an_edf_of_fabio(tmp_path, dtype):
    scan = read_scan(edf(tmp_path / "a.edf", some_counts(dtype)))
    np.testing.assert_array_equal(scan.counts, some_counts(dtype))
    metadata = scan.metadata
    assert (metadata.distance_m, metadata.x_pixel_size_m, metadata.y_pixel_size_m) == (
        1.2,
        5.5e-5,
        7.5e-5,
    )


# fabio starts a process for it; PyNX, if an earlier test imported it, left pipes to collect.
def test_a_zipped_edf(tmp_path):
    content = edf(tmp_path / "a.edf", some_counts("i4")).read_bytes()
    (tmp_path / "b.edf.gz").write_bytes(gzip.compress(content))
    np.testing.assert_array_equal(read_scan(tmp_path / "b.edf.gz").counts, some_counts("i4"))


@pytest.mark.parametrize("suffix", ["edf", "tif"])
def test_a_series_of_files(tmp_path, suffix):
    for number, frame in enumerate(some_counts("i4"), start=8):
        path = tmp_path / f"f_{number:04d}.{suffix}"
        if suffix == "edf":
            EdfImage(data=frame).write(str(path))
        else:
            tifffile.imwrite(path, frame)
    pattern = tmp_path / f"f_%04d.{suffix}"
    np.testing.assert_array_equal(read_scan(pattern).counts, some_counts("i4"))
    (tmp_path / f"f_0009.{suffix}").unlink()
    with refused(tmp_path, "lacks frame 9"):
        read_scan(pattern)
    with refused(tmp_path, "stands for no file"):
        read_scan(tmp_path / f"g_%04d.{suffix}")


@pytest.mark.parametrize("share", [0.02, 0.55, 0.8])
@pytest.mark.parametrize("name", ["a.tif", "a.edf"])
def test_a_truncated_stack_is_not_filled_up_with_zeros(tmp_path, name, share):
    counts = np.ones((8, 16, 16), dtype=np.int32)
    if name == "a.tif":
        tifffile.imwrite(tmp_path / name, counts, photometric="minisblack")
    else:
        edf(tmp_path / name, counts)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    with refused(tmp_path, name):
        read_scan(tmp_path / name)


@pytest.mark.parametrize("name", ["a.tif", "a.edf"])
def test_a_text_is_no_stack(tmp_path, name):
    (tmp_path / name).write_text("no scan\n" * 200)
    with refused(tmp_path, name, "intact"):
        read_scan(tmp_path / name)


def test_a_single_frame_is_no_rocking_curve(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", some_counts()[0])
    with refused(tmp_path, "a.tif", "2 dimensions"):
        read_scan(tmp_path / "a.tif")


@pytest.mark.parametrize("whole_mask", [True, False])
def test_a_crop_of_a_stack_and_of_its_masks(tmp_path, whole_mask):
    edf(tmp_path / "a.edf", some_counts("i4"))
    crop = parse_crop("1:3,1:4,0:2")
    part = crop.slices(SHAPE)
    mask = some_mask(SHAPE, "u1")
    tifffile.imwrite(
        tmp_path / "m.tif", mask if whole_mask else mask[part], photometric="minisblack"
    )
    scan = read_scan(tmp_path / "a.edf", tmp_path / "m.tif", crop)
    np.testing.assert_array_equal(scan.counts, some_counts("i4")[part])
    np.testing.assert_array_equal(scan.bad_mask, mask[part] != 0)


def test_libraries_stay_silent(tmp_path, capfd):
    (tmp_path / "a.tif").write_bytes(b"II*\0\xff\xff\xff\x7f" + b"\0" * 64)
    (tmp_path / "a.edf").write_bytes(b"{\nDim_1 = 9999 ;\nDim_2 = 3 ;\nDataType = x ;\n}\n")
    for name in ("a.tif", "a.edf"):
        with refused(tmp_path, name):
            read_scan(tmp_path / name)
    assert capfd.readouterr() == ("", "")
    assert fabio.version
