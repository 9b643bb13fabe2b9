from itertools import product

import numpy as np
import pytest

from bcdi_inpaint.filling.patches import PatchLocation, axis_starts
from bcdi_inpaint.filling.stitching import BLIND_TRUST, ONE_SIDED_TRUST, Stitcher, trust, window


@pytest.mark.parametrize("shape", [(8, 8, 8), (9, 13, 20), (5, 8, 31)])
@pytest.mark.parametrize("stride", [3, 8])
def test_a_volume_comes_back_from_its_patches(shape: tuple[int, ...], stride: int) -> None:
    rng = np.random.default_rng(0)
    for volume in (np.ones(shape, np.float32), rng.random(shape, dtype=np.float32)):
        stitcher = Stitcher(shape, (8, 8, 8))
        for start in product(*(axis_starts(n, 8, stride) for n in shape)):
            location = PatchLocation(start, (8, 8, 8))
            patch = np.full((8, 8, 8), 77, dtype=np.float32)  # outside the volume: to be dropped
            in_volume, in_patch = location.inside(shape)
            patch[in_patch] = volume[in_volume]
            stitcher.add(location, patch[None])
        everywhere = np.ones(shape, dtype=bool)
        np.testing.assert_allclose(stitcher.mean(everywhere), volume.ravel()[None], rtol=1e-5)


def test_values_of_one_place_are_kept_apart() -> None:
    rng = np.random.default_rng(0)
    volumes = rng.random((3, 9, 13), dtype=np.float32)
    stitcher = Stitcher((9, 13), (8, 8), 3)
    for start in product(*(axis_starts(n, 8, 3) for n in (9, 13))):
        location = PatchLocation(start, (8, 8))
        in_volume, _ = location.inside((9, 13))
        stitcher.add(location, volumes[(slice(None), *in_volume)])
    where = rng.random((9, 13)) < 0.5
    np.testing.assert_allclose(stitcher.mean(where), volumes[:, where], rtol=1e-5)


def test_the_nearer_middle_counts_more() -> None:
    stitcher = Stitcher((8,), (8,))
    stitcher.add(PatchLocation((0,), (8,)), np.zeros((1, 8), np.float32))
    stitcher.add(PatchLocation((4,), (8,)), np.ones((1, 8), np.float32))
    mean = stitcher.mean(np.ones(8, dtype=bool))[0]
    assert (np.diff(mean[4:]) > 0).all()
    np.testing.assert_array_equal(mean[:4], 0)


def test_the_window_is_symmetric_and_never_zero() -> None:
    weights = window((6, 32))
    assert weights.min() > 0
    assert weights.max() == 1
    np.testing.assert_allclose(weights, weights[::-1, ::-1], rtol=1e-6)


def test_a_voxel_in_no_patch_is_our_own_mistake() -> None:
    stitcher = Stitcher((20,), (8,))
    stitcher.add(PatchLocation((0,), (8,)), np.ones((1, 8), np.float32))
    with pytest.raises(AssertionError):
        stitcher.mean(np.ones(20, dtype=bool))


def test_what_is_not_trusted_gives_way_to_what_is() -> None:
    stitcher = Stitcher((8,), (8,))
    location, little = PatchLocation((0,), (8,)), np.full(8, 1e-3, np.float32)
    stitcher.add(location, np.zeros((1, 8), np.float32), little)
    np.testing.assert_array_equal(stitcher.mean(np.ones(8, dtype=bool)), 0)
    stitcher.add(location, np.ones((1, 8), np.float32))
    np.testing.assert_allclose(stitcher.mean(np.ones(8, dtype=bool)), 1 / 1.001, rtol=1e-5)


def test_patches_are_added_one_by_one_or_all_at_once() -> None:
    rng = np.random.default_rng(1)
    places = [PatchLocation((start,), (8,)) for start in (0, 3, 9)]
    patches = rng.random((3, 2, 8), dtype=np.float32)
    weights = rng.random((3, 8), dtype=np.float32) + np.float32(0.1)
    one_by_one, at_once = Stitcher((17,), (8,), 2), Stitcher((17,), (8,), 2)
    for place, patch, weight in zip(places, patches, weights, strict=True):
        one_by_one.add(place, patch, weight)
    at_once.add_all(places, patches, weights)
    everywhere = np.ones(17, dtype=bool)
    np.testing.assert_array_equal(at_once.mean(everywhere), one_by_one.mean(everywhere))


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_a_plane_is_trusted_between_known_voxels_and_not_at_the_rim(axis: int) -> None:
    inner, rim = np.zeros((2, 8, 8, 8), dtype=bool), np.zeros((2, 8, 8, 8), dtype=bool)
    np.moveaxis(inner, axis, 0)[3:6] = True
    np.moveaxis(rim, axis, 0)[6:] = True
    assert (trust(inner) == 1).all()
    weights = trust(rim)
    assert (weights[rim] == np.float32(ONE_SIDED_TRUST)).all()
    assert (weights[~rim] == 1).all()


def test_where_three_planes_cross_all_is_trusted() -> None:
    unknown = np.zeros((1, 12, 12, 12), dtype=bool)
    unknown[:, 3:5] = unknown[:, :, 4:7] = unknown[..., 5:9] = True
    assert (trust(unknown) == 1).all()
    unknown[:, 3:] = True  # no known voxel behind it on one axis: only its own planes' crossings
    assert (trust(unknown)[:, 3:, 4:7, 5:9] < 1).all()


def test_patches_without_a_known_voxel_are_not_trusted_and_others_know_nothing_of_them() -> None:
    unknown = np.ones((2, 5, 6), dtype=bool)
    unknown[1, ::2] = False
    weights = trust(unknown)
    assert (weights[0] == np.float32(BLIND_TRUST)).all()
    assert (weights[1] == 1).all()


def test_what_a_patch_without_a_known_voxel_says_counts_only_where_it_is_alone() -> None:
    blind, one_sided = np.ones((2, 1, 16), dtype=bool)
    one_sided[:, 0] = False
    stitcher = Stitcher((24,), (16,))
    for start, unknown, value in ((0, one_sided, 3), (8, blind, 50)):
        patch = np.full((1, 1, 16), value, np.float32)
        stitcher.add_all([PatchLocation((start,), (16,))], patch, trust(unknown))
    mean = stitcher.mean(np.ones(24, dtype=bool))[0]
    np.testing.assert_allclose(mean, [3] * 16 + [50] * 8, rtol=1e-5)
