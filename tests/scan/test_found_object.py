"""An object that was found, in another box of the scan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from some_objects import diffracted, object_of, some_object

from bcdi_inpaint.scan.boxes import Box, as_box

OWN = as_box((slice(4, 20), slice(5, 20), slice(6, 19)))
"""Of 16 x 15 x 13 voxels."""

BOXES = {
    "the same": OWN,
    "larger": as_box((slice(2, 22), slice(2, 23), slice(4, 22))),
    "larger and odd": as_box((slice(3, 22), slice(3, 22), slice(5, 20))),
    "smaller": as_box((slice(6, 18), slice(8, 17), slice(8, 16))),
    "shifted": as_box((slice(7, 23), slice(2, 17), slice(9, 22))),
    "larger on one axis, smaller on another": as_box((slice(0, 30), slice(8, 17), slice(6, 19))),
    "beside it": as_box((slice(20, 36), slice(5, 20), slice(6, 19))),
    "far away": as_box((slice(40, 44), slice(40, 45), slice(40, 46))),
}


def placed(intensity: np.ndarray, box: Box) -> np.ndarray:
    """An intensity where it is in the scan."""
    scan = np.zeros((48, 48, 48), dtype=np.float32)
    scan[box] = intensity
    return scan


@pytest.mark.parametrize("name", BOXES)
def test_what_it_diffracts_stays_where_it_is_and_is_zero_beyond(name: str) -> None:
    found, box = some_object(OWN), BOXES[name]
    there = found.in_box(box)
    assert there.box == box
    assert there.obj.shape == there.support.shape == tuple(part.stop - part.start for part in box)
    assert there.obj.dtype == np.complex64
    assert there.misfit == found.misfit
    meets = np.zeros((48, 48, 48), dtype=bool)
    meets[box] = True
    expected = np.where(meets, placed(diffracted(found), OWN), 0)
    np.testing.assert_allclose(placed(diffracted(there), box), expected, atol=1e-4)


def test_in_another_box_or_unit_it_knows_what_it_has_not_seen() -> None:
    """They are places in the scan, which no box changes."""
    places = np.array([[10, 11, 12], [8, 9, 15]])
    found = replace(some_object(OWN), unseen=places)
    assert some_object(OWN).unseen.shape == (0, 3)
    for other in (found.in_box(BOXES["larger"]), found.in_box(OWN), found.in_unit(4.0)):
        np.testing.assert_array_equal(other.unseen, places)


def test_in_its_own_box_nothing_is_computed() -> None:
    found = some_object(OWN)
    assert found.in_box(OWN) is found


@pytest.mark.parametrize("size", [23, 24, 32, 33, 45])
def test_a_particle_has_as_many_photons_and_keeps_its_place(size: int) -> None:
    """In a larger box its voxels are finer, and the support goes along."""
    inside = np.zeros((22, 22, 22), dtype=bool)
    inside[8:15, 7:14, 9:16] = True
    found = object_of(np.where(inside, 3 + 1j, 0), as_box([slice(20, 42)] * 3), inside)
    start = 31 - size // 2  # the middles of both are the same voxel
    there = found.in_box(as_box([slice(start, start + size)] * 3))
    assert not there.obj[~there.support].any()
    assert there.support.mean() == pytest.approx(inside.mean(), rel=0.25)
    square = np.abs(there.obj) ** 2
    assert square.sum() == pytest.approx(np.sum(np.abs(found.obj) ** 2), rel=0.25)
    for axis in range(3):
        others = tuple({0, 1, 2} - {axis})
        along = square.sum(others), np.sum(np.abs(found.obj) ** 2, axis=others)
        middles = [
            (line * (np.arange(line.size) - line.size // 2)).sum() / line.sum() / line.size
            for line in along
        ]
        assert middles[0] == pytest.approx(middles[1], abs=0.02)


def test_away_and_back_it_is_what_it_was() -> None:
    found = some_object(OWN)
    back = found.in_box(BOXES["larger and odd"]).in_box(OWN)
    np.testing.assert_allclose(back.obj, found.obj, atol=1e-5)
    np.testing.assert_array_equal(back.support, found.support)
