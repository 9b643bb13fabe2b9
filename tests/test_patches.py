import numpy as np
import pytest

from bcdi_inpaint.detectors import Gap
from bcdi_inpaint.patches import PatchLocation, axis_starts, cut, over_plane, over_voxels


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


def test_patches_over_a_plane_are_centred_on_it_and_cover_it() -> None:
    shape = (40, 90, 75)
    covered = np.zeros(shape, dtype=bool)
    for location in over_plane(Gap(1, 41, 47), shape, 32, 16):
        assert location.start[1] == 28  # 13 known rows on each side of six
        covered[location.inside(shape)[0]] = True
    assert covered[:, 28:60].all()
    assert not covered[:, :28].any()


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
    for location in over_voxels(voxels, 32):
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
