"""Series of frames and folders of them."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import tifffile
from fabio.cbfimage import CbfImage
from fabio.edfimage import EdfImage
from scan_files import refused, some_counts, some_mask

from bcdi_inpaint.files import default_output, identify, read_scan
from bcdi_inpaint.files.light import find_jumps, find_valleys

COUNTS = np.random.default_rng(1).poisson(20, (12, 4, 5)).astype("i4")


def frame(path: Path, counts: np.ndarray) -> None:
    if path.suffix == ".npy":
        np.save(path, counts)
    elif path.suffix == ".tif":
        tifffile.imwrite(path, counts)
    elif path.suffix == ".cbf":
        CbfImage(data=counts).write(str(path))
    else:
        EdfImage(data=counts).write(str(path.with_suffix(".edf")))
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(path.with_suffix(".edf").read_bytes()))
        path.with_suffix(".edf").unlink()


def series(folder: Path, form: str, counts: np.ndarray = COUNTS, first: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    for number, one in enumerate(counts, start=first):
        frame(folder / (form % number), one)
    return folder


FORMS = ["f_%04d.tif", "f_%d.tif", "f%05d.edf", "s1_f_%03d_75um.cbf", "f_%d.edf.gz", "%04d.npy"]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("form", FORMS)
def test_a_folder_of_frames_is_one_scan(tmp_path, form):
    form = form.replace(".edf.gz", ".gz")
    folder = series(tmp_path / "raw", form)
    if form.endswith(".gz"):
        for path in folder.iterdir():
            path.rename(path.with_suffix(".edf.gz"))
    (folder / "log.txt").write_text("notes")
    scan = read_scan(folder)
    np.testing.assert_array_equal(scan.counts, COUNTS)
    assert scan.remarks == ()
    assert default_output(folder) == tmp_path / "raw_inpainted.cxi"
    before = identify(folder)
    log = folder / "log.txt"
    log.write_text("more notes")
    assert identify(folder) == before


@pytest.mark.parametrize("spec", ["f_%04d.tif:3-6", "f_%04d.tif[3-6]", "f_%04d.tif:/3-6"])
def test_a_range_of_a_series(tmp_path, spec):
    folder = series(tmp_path / "raw", "f_%04d.tif")
    np.testing.assert_array_equal(read_scan(f"{folder}/{spec}").counts, COUNTS[3:7])
    assert default_output(f"{folder}/{spec}") == tmp_path / "raw_f_3-6_inpainted.cxi"
    assert identify(f"{folder}/{spec}") != identify(f"{folder}/f_%04d.tif")
    with refused(tmp_path, "f_%04d.tif:0-9"):
        read_scan(f"{folder}/f_%04d.tif:9-0")


def test_missing_numbers_are_named_with_what_is_whole(tmp_path):
    folder = series(tmp_path / "raw", "f_%04d.tif")
    series(folder, "f_%04d.tif", first=101)
    for spec in (folder, folder / "f_%04d.tif"):
        with refused(tmp_path, "lacks frame 12-100", "f_%04d.tif:0-11", "f_%04d.tif:101-112"):
            read_scan(spec)
    (folder / "f_0005.tif").unlink()
    with refused(tmp_path, "lacks frame 5"):
        read_scan(folder / "f_%04d.tif:3-7")
    assert read_scan(folder / "f_%04d.tif:101-112").shape == COUNTS.shape


def test_several_series_or_a_mixture_say_how(tmp_path):
    folder = series(tmp_path / "raw", "scan1_%04d.tif")
    np.save(folder / "other.npy", some_counts())
    with refused(tmp_path, "other.npy", "scan1_%04d.tif:0-11"):
        read_scan(folder)
    (folder / "other.npy").unlink()
    series(folder, "scan2_%04d.tif", first=7)
    with refused(tmp_path, "scan1_%04d.tif:0-11", "scan2_%04d.tif:7-18"):
        read_scan(folder)
    assert read_scan(folder / "scan2_%04d.tif").shape == COUNTS.shape


def test_a_mask_among_frames_is_no_frame_and_is_named(tmp_path):
    folder = series(tmp_path / "raw", "f_%04d.tif")
    tifffile.imwrite(folder / "mask.tif", some_mask((4, 5), "u1"))
    scan = read_scan(folder)
    assert scan.shape == COUNTS.shape
    assert "raw/mask.tif" in str(scan.remarks[0])
    assert read_scan(folder, folder / "mask.tif").remarks == ()


def test_a_frame_of_another_shape_is_named(tmp_path):
    folder = series(tmp_path / "raw", "f_%04d.tif")
    frame(folder / "f_0007.tif", COUNTS[7, :-1])
    with refused(tmp_path, "f_0007.tif", (3, 5), (4, 5)):
        read_scan(folder)
    frame(folder / "f_0007.tif", COUNTS[7:9])
    with refused(tmp_path, "f_0007.tif", "single frame"):
        read_scan(folder)


def test_a_folder_of_stacks_is_no_scan(tmp_path):
    for number in (1, 2):
        np.save(tmp_path / f"s{number}.npy", some_counts())
    with refused(tmp_path, "is a folder"):
        read_scan(tmp_path)


@pytest.mark.parametrize("factor", [9.0, 0.1])
def test_light_that_jumps_is_named(tmp_path, factor):
    counts = COUNTS.astype("f4")
    counts[6:] *= np.float32(factor)
    (remark,) = read_scan(series(tmp_path / "raw", "f_%04d.tif", counts)).remarks
    assert "f_0005.tif" in str(remark)
    assert "f_%04d.tif:0-5" in str(remark)
    assert "f_%04d.tif:6-11" in str(remark)


def test_rocking_curves_and_their_fringes_do_not_jump():
    q = np.linspace(-3.1, 3.1, 64)
    for light in (np.sinc(q) ** 2, np.exp(-(q**2)), 1 / (1 + q**2)):
        assert find_jumps(1e6 * light) == find_valleys(1e6 * light) == []
        assert find_valleys(1e6 * np.tile(light, 2))
