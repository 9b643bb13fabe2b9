"""Files that the programs of the field write themselves, and ours as they read them."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scan_files import SHAPE, filled_arrays, gapped_scan, some_counts, some_mask

from bcdi_inpaint.files import read_scan, write_filled_tiff


def program(name: str) -> ModuleType:
    """A program's module; the test is skipped where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what they import
        return pytest.importorskip(name, reason="pip install 'bcdi-inpaint[programs]'")


def test_a_cxi_of_cdiutils(tmp_path: Path) -> None:
    """As its pipeline saves its preprocessed data."""
    io = program("cdiutils.io")
    path = tmp_path / "S7_preprocessed_data.cxi"
    calibration = {"distance": 0.8, "pwidth1": 55e-6, "pwidth2": 75e-6}
    with io.CXIFile(str(path), "w") as file:
        file.stamp()
        file.set_entry()
        mask = some_mask(SHAPE[1:])
        detector = file.create_cxi_group(
            "detector", description="Maxipix", mask=mask, calibration=calibration
        )
        file.softlink(f"{detector}/distance", f"{detector}/calibration/distance")
        file.create_cxi_image(some_counts("f8"))
    scan = read_scan(path)
    np.testing.assert_array_equal(scan.counts, some_counts("f8"))
    np.testing.assert_array_equal(scan.bad_mask, np.broadcast_to(mask != 0, SHAPE))


def test_a_tiff_of_cohere_and_ours_back(tmp_path: Path) -> None:
    utils = program("cohere_core.utilities.utils")
    frames_last = np.random.default_rng(4).poisson(9, (7, 8, 6)).astype(np.float32)
    utils.save_tif(frames_last, str(tmp_path / "prep_data.tif"))
    scan = read_scan(tmp_path / "prep_data.tif")
    np.testing.assert_array_equal(scan.counts, frames_last.transpose())
    scan, gap_mask, fill = gapped_scan()
    write_filled_tiff(tmp_path / "filled.tif", scan, filled_arrays(scan, gap_mask, fill), {})
    np.testing.assert_array_equal(utils.read_tif(str(tmp_path / "filled.tif")), fill.transpose())


def test_a_cxi_of_pynx(tmp_path: Path, pynx: str) -> None:
    from bcdi_inpaint.pynx_engine import import_pynx, quiet

    cdi = import_pynx("cdi.cdi")
    path = tmp_path / "a.cxi"
    with quiet():
        cdi.save_cdi_data_cxi(
            str(path), some_counts(), mask=some_mask(), wavelength=1.5e-10,
            detector_distance=0.84, pixel_size_detector=55e-6,
        )  # fmt: skip
    scan = read_scan(path)
    np.testing.assert_array_equal(scan.counts, some_counts())
    np.testing.assert_array_equal(scan.bad_mask, some_mask() != 0)
    assert (scan.metadata.distance_m, scan.metadata.x_pixel_size_m) == (0.84, 55e-6)
