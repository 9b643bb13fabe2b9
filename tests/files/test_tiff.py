"""TIFF files in several parts, as programs write them."""

import bz2
import gzip

import numpy as np
import pytest
import tifffile
from scan_files import refused

from bcdi_inpaint.files import read_scan

COUNTS = np.random.default_rng(3).poisson(9, (12, 20, 30)).astype("u4")


def in_parts(path, parts, **options):
    with tifffile.TiffWriter(path) as writer:
        for part in parts:
            writer.write(part, **options)
    return path


WAYS = {
    "two parts": lambda path: in_parts(path, [COUNTS[:5], COUNTS[5:]]),
    "page by page": lambda path: in_parts(path, COUNTS),
    "contiguous": lambda path: in_parts(path, COUNTS, contiguous=True),
    "no description": lambda path: in_parts(path, COUNTS, metadata=None),
    "other compression": lambda path: _two_compressions(path),
    "appended": lambda path: _appended(path),
    "BigTIFF": lambda path: tifffile.imwrite(path, COUNTS, bigtiff=True),
    "OME": lambda path: tifffile.imwrite(
        path, COUNTS, photometric="minisblack", ome=True, metadata={"axes": "ZYX"}
    ),
    "four axes": lambda path: tifffile.imwrite(path, COUNTS[:, None]),
    "pyramid": lambda path: _pyramid(path),
    "volumetric": lambda path: tifffile.imwrite(path, COUNTS, volumetric=True, tile=(4, 16, 16)),
}


def _two_compressions(path):
    with tifffile.TiffWriter(path) as writer:
        for number, frame in enumerate(COUNTS):
            writer.write(frame, metadata=None, compression="zlib" if number % 2 else None)


def _appended(path):
    tifffile.imwrite(path, COUNTS[:5])
    tifffile.imwrite(path, COUNTS[5:], append=True)


def _pyramid(path):
    with tifffile.TiffWriter(path) as writer:
        writer.write(COUNTS, subifds=1)
        writer.write(COUNTS[:, ::2, ::2], subfiletype=1)


@pytest.mark.parametrize("way", WAYS)
def test_every_page_is_a_frame(tmp_path, way):
    path = tmp_path / "a.tif"
    WAYS[way](path)
    np.testing.assert_array_equal(read_scan(path).counts, COUNTS)


@pytest.mark.parametrize("options", [{"metadata": {"axes": "ZYX"}}, {}])
def test_a_stack_of_imagej(tmp_path, options):
    tifffile.imwrite(tmp_path / "a.tif", COUNTS.astype("u2"), imagej=True, **options)
    np.testing.assert_array_equal(read_scan(tmp_path / "a.tif").counts, COUNTS)


def test_a_mask_in_parts(tmp_path):
    mask = COUNTS > 9
    tifffile.imwrite(tmp_path / "a.tif", COUNTS)
    in_parts(tmp_path / "a_mask.tif", [mask[:5].astype("u1"), mask[5:].astype("u1")])
    np.testing.assert_array_equal(read_scan(tmp_path / "a.tif").bad_mask, mask)
    np.save(tmp_path / "b.npy", COUNTS)
    scan = read_scan(tmp_path / "b.npy", tmp_path / "a_mask.tif")
    np.testing.assert_array_equal(scan.bad_mask, mask)


@pytest.mark.parametrize("other", [COUNTS[5:, :-1], COUNTS[5:].astype("u2")])
def test_unlike_pages_are_named(tmp_path, other):
    path = in_parts(tmp_path / "a.tif", [COUNTS[:5], other])
    with refused(tmp_path, "page", other.shape[1:], "(20, 30) uint32"):
        read_scan(path)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_thumbnail_is_left_out_and_said(tmp_path, is_first):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for number, frame in enumerate(COUNTS):
            if number == (0 if is_first else 7):
                writer.write(COUNTS[0, ::2, ::2], subfiletype=1, metadata=None)
            writer.write(frame, metadata=None)
    scan = read_scan(tmp_path / "a.tif")
    np.testing.assert_array_equal(scan.counts, COUNTS)
    assert "(10x15)" in str(scan.remarks[0])


def test_a_small_picture_that_is_not_flagged_is_refused(tmp_path):
    in_parts(tmp_path / "a.tif", [COUNTS[0, ::2, ::2], *COUNTS], metadata=None)
    with refused(tmp_path, "page 1 has the shape (10, 15)"):
        read_scan(tmp_path / "a.tif")


def test_a_colour_picture_is_no_scan(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 30, 3), "u1"), photometric="rgb")
    with refused(tmp_path, "colour"):
        read_scan(tmp_path / "a.tif")


@pytest.mark.parametrize("zipped", [gzip, bz2])
def test_a_zipped_tiff(tmp_path, zipped):
    tifffile.imwrite(tmp_path / "a.tif", COUNTS)
    name = f"b.tif.{'gz' if zipped is gzip else 'bz2'}"
    (tmp_path / name).write_bytes(zipped.compress((tmp_path / "a.tif").read_bytes()))
    np.testing.assert_array_equal(read_scan(tmp_path / name).counts, COUNTS)


def test_frames_that_lie_in_other_files_are_not_made_up(tmp_path):
    """A multi-file OME-TIFF whose second file is gone: tifffile would give zeros."""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas'
        '/OME/2016-06" UUID="urn:uuid:0"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder='
        '"XYZCT" Type="uint32" SizeX="30" SizeY="20" SizeZ="2" SizeC="1" SizeT="1"><TiffData IFD="0'
        '" FirstZ="0" PlaneCount="1"><UUID FileName="a.ome.tif">urn:uuid:0</UUID></TiffData>'
        '<TiffData IFD="0" FirstZ="1" PlaneCount="1"><UUID FileName="b.ome.tif">urn:uuid:1</UUID>'
        "</TiffData></Pixels></Image></OME>"
    )
    tifffile.imwrite(tmp_path / "a.ome.tif", COUNTS[0], description=text, metadata=None)
    with refused(tmp_path, "a.ome.tif"):
        read_scan(tmp_path / "a.ome.tif")
