import numpy as np
import pytest

from bcdi_inpaint.filling.patches import (
    PatchLocation,
    axis_starts,
    cut,
    over_plane,
    over_voxels,
    run_ends,
    starts_across,
)
from bcdi_inpaint.gaps.gap import Gap


@pytest.mark.parametrize("length", [5, 31, 32, 33, 47, 48, 49, 100, 301])
@pytest.mark.parametrize("stride", [1, 7, 16, 32])
def test_an_axis_is_covered_evenly(length: int, stride: int) -> None:
    starts = axis_starts(length, 32, stride)
    covered = np.zeros(length, dtype=bool)
    for start in starts:
        covered[max(start, 0) : start + 32] = True
    assert covered.all()
    assert len(set(starts)) == len(starts)
    if length > 32:
        assert starts[0] == 0
        assert starts[-1] == length - 32
        assert max(np.diff(starts)) <= stride
        assert np.ptp(np.diff(starts)) <= 1


def test_patches_over_a_plane_are_centred_on_it_and_cover_it() -> None:
    shape = (40, 90, 75)
    covered = np.zeros(shape, dtype=bool)
    for location in over_plane(Gap(1, 41, 47), shape, 32, 16):
        assert location.start[1] == 28  # 13 known rows on each side of six
        covered[location.inside(shape)[0]] = True
    assert covered[:, 28:60].all()
    assert not covered[:, :28].any()


def test_over_a_wide_plane_they_slide_across_it_too() -> None:
    """Every line is seen by a patch, and the rims with a quarter of the patch beside them."""
    shape, gap = (40, 120, 75), Gap(1, 41, 71)
    starts = sorted({location.start[1] for location in over_plane(gap, shape, 32, 16)})
    assert starts[0] == 41 - 8
    assert starts[-1] + 32 == 71 + 8
    assert max(np.diff(starts)) <= 16
    covered = np.zeros(shape, dtype=bool)
    for location in over_plane(gap, shape, 32, 16):
        covered[location.inside(shape)[0]] = True
    assert covered[:, 33:79].all()


def test_over_a_wide_plane_near_the_edge_they_stay_inside() -> None:
    for start in (1, 57):
        found = over_plane(Gap(1, start, start + 42), (32, 100, 32), 32, 16)
        assert all(0 <= location.start[1] <= 68 for location in found)
        assert len(set(found)) == len(found)
        covered = np.zeros(100, dtype=bool)
        for location in found:
            covered[location.start[1] : location.start[1] + 32] = True
        assert covered[start : start + 42].all()


@pytest.mark.parametrize("stride", [8, 24])
@pytest.mark.parametrize("width", [36, 39, 40, 41, 42, 48])
def test_no_patch_lies_within_a_gap_that_others_cover(width: int, stride: int) -> None:
    for start in (3, 40, 41, 200 - width - 1):
        found = starts_across(Gap(1, start, start + width), 200, 32, stride)
        assert all(one < start or one + 32 > start + width for one in found)
        covered = np.zeros(200, dtype=bool)
        for one in found:
            covered[one : one + 32] = True
        assert covered[start : start + width].all()


def test_patches_within_a_gap_stay_where_nothing_else_covers_it() -> None:
    assert starts_across(Gap(1, 40, 90), 200, 32, 24) == [32, 49, 66]


@pytest.mark.parametrize("width", [16, 17])
def test_half_a_patch_is_the_widest_that_one_is_centred_on(width: int) -> None:
    starts = {p.start[1] for p in over_plane(Gap(1, 40, 40 + width), (32, 100, 32), 32, 16)}
    assert starts == ({32} if width == 16 else {32, 33})


@pytest.mark.parametrize(("start", "expected"), [(2, 0), (84, 58)])
def test_near_the_edge_they_stay_inside(start: int, expected: int) -> None:
    for location in over_plane(Gap(1, start, start + 4), (40, 90, 75), 32, 16):
        assert location.start[1] == expected


def test_a_short_axis_is_centred_in_the_patch() -> None:
    (location,) = over_plane(Gap(1, 3, 5), (20, 10, 32), 32, 16)
    assert location == PatchLocation((-6, -11, 0), (32, 32, 32))


def test_patches_over_voxels_show_each_well_inside() -> None:
    rng = np.random.default_rng(0)
    voxels = rng.random((50, 60, 40)) < 0.001
    seen = np.zeros_like(voxels)
    for location in over_voxels(voxels, voxels, 32):
        inner = PatchLocation(tuple(s + 8 for s in location.start), (16,) * 3)
        seen[inner.inside(voxels.shape)[0]] = True
    assert voxels.any()
    assert seen[voxels].all()


def test_a_cut_shows_the_volume_inside_and_the_given_value_outside() -> None:
    volume = np.arange(24).reshape(2, 3, 4)
    patch = cut(volume, PatchLocation((-1, 1, 2), (3, 3, 4)), -5)
    expected = np.full((3, 3, 4), -5)
    expected[1:, :2, :2] = volume[:, 1:, 2:]
    np.testing.assert_array_equal(patch, expected)


@pytest.mark.parametrize("start", range(8, 24, 3))
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_patch_shows_both_ends_of_a_run_up_to_24(axis: int, start: int) -> None:
    blob = np.zeros((60, 60, 60), dtype=bool)
    np.moveaxis(blob, axis, 0)[start : start + 24, 3:57, 3:57] = True
    seen = np.zeros_like(blob)  # by a patch that shows the known voxels at both of its ends
    for location in over_voxels(blob, blob, 32):
        box = location.inside(blob.shape)[0]
        if box[axis].start < start and box[axis].stop > start + 24:
            seen[box] = True
    assert seen[blob].all()


def test_run_ends_are_the_known_neighbours() -> None:
    unknown = np.zeros((4, 5, 6), dtype=bool)
    unknown[1, 2:, 3] = unknown[1, 3, :4] = True
    before, after = run_ends(unknown, np.array([[1, 3, 3], [0, 0, 0]]))
    np.testing.assert_array_equal(before, [[0, 1, -1], [0, 0, 0]])
    np.testing.assert_array_equal(after, [[2, 5, 4], [0, 0, 0]])
