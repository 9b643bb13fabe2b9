"""Islands of free voxels: where they are in a scan, and in a box of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.ndimage import fourier_gaussian
from some_objects import some_objects

from bcdi_inpaint.phasing.free_voxels import (
    FREE_ISLAND_RADIUS,
    draw_islands,
    free_log_error,
    islands_in,
    place_islands,
    set_free_mask,
    set_free_voxels,
    unseen_in,
)
from bcdi_inpaint.phasing.pynx_psf import gaussian_psf_f
from bcdi_inpaint.phasing.reconstruction import intensity_of
from bcdi_inpaint.pynx_engine import import_pynx
from bcdi_inpaint.scan.boxes import as_box, sides, whole

BOX = as_box((slice(4, 28), slice(10, 40), slice(0, 26)))


def test_an_island_is_a_ball_about_its_centre() -> None:
    centre = np.array([15, 20, 12])
    mask = islands_in(centre[None], BOX)
    assert mask is not None
    places = np.argwhere(mask) + [part.start for part in BOX]
    radii = np.sqrt(np.square(places - centre).sum(axis=1))
    assert radii.max() == FREE_ISLAND_RADIUS
    assert len(places) == 123  # voxels of a ball of radius 3
    np.testing.assert_array_equal(places.mean(axis=0), centre)


@pytest.mark.parametrize("axis", range(3))
def test_an_island_counts_where_all_of_it_is_in_the_box(axis: int) -> None:
    middle = np.array([(part.start + part.stop) // 2 for part in BOX])
    for edge, outwards in ((BOX[axis].start, -1), (BOX[axis].stop - 1, 1)):
        at_edge = middle.copy()
        at_edge[axis] = edge - outwards * FREE_ISLAND_RADIUS
        inside = islands_in(at_edge[None], BOX)
        assert inside is not None
        assert inside.sum() == 123
        assert inside.any(axis=tuple({0, 1, 2} - {axis}))[0 if outwards < 0 else -1]
        at_edge[axis] += outwards
        assert islands_in(at_edge[None], BOX) is None
        both = islands_in(np.stack([at_edge, middle]), BOX)
        assert both is not None
        assert both.sum() == 123


def test_those_that_were_drawn_for_a_box_are_where_pynx_has_them(pynx: str) -> None:
    shape = sides(BOX)
    islands = draw_islands(shape, 0.05, np.random.default_rng(0))
    assert islands is not None
    mask = islands_in(place_islands(islands, BOX), BOX)
    assert mask is not None
    assert 0.02 < mask.mean() < 0.06
    counts = np.ones(shape, np.float32)
    cdi = import_pynx("cdi").CDI(counts.copy())
    set_free_voxels(cdi, None, islands)
    np.testing.assert_array_equal(np.fft.ifftshift(cdi.get_free_pixel_mask()), mask)


def test_in_another_box_they_are_at_the_same_places_of_the_scan() -> None:
    islands = draw_islands(sides(BOX), 0.05, np.random.default_rng(1))
    assert islands is not None
    centres = place_islands(islands, BOX)
    scan = np.zeros((40, 48, 30), dtype=bool)
    everywhere, own = islands_in(centres, whole(scan.shape)), islands_in(centres, BOX)
    assert everywhere is not None
    np.testing.assert_array_equal(everywhere[BOX], own)
    assert not np.delete(everywhere, np.s_[4:28], axis=0).any()


def test_objects_that_have_seen_all_leave_none() -> None:
    objects = some_objects(BOX, [0.5])
    assert unseen_in(objects, BOX) is None
    assert unseen_in((), BOX) is None


def test_what_is_masked_or_filled_is_never_free(pynx: str) -> None:
    shape = (16, 16, 16)
    free, masked, filled = np.zeros((3, *shape), dtype=bool)
    free[2:9, 3:9, 4:9] = masked[:, 5] = filled[:, :, 6] = True
    counts = np.random.default_rng(0).poisson(0.5, shape).astype(np.float32)
    shifted = np.fft.fftshift(counts), np.fft.fftshift(masked)
    cdi = import_pynx("cdi").CDI(iobs=shifted[0].copy(), mask=shifted[1])
    before = cdi.iobs.copy()
    assert set_free_mask(cdi, free, filled)
    found = np.fft.ifftshift(cdi.get_free_pixel_mask())
    np.testing.assert_array_equal(found, free & ~masked & ~filled)
    assert cdi.nb_free_points == found.sum()
    np.testing.assert_array_equal(cdi.iobs[shifted[1]], before[shifted[1]])
    assert not set_free_mask(cdi, masked)
    assert cdi.nb_free_points == found.sum()


SIZES = (16, 18, 20)


def particle() -> np.ndarray:
    """A block with a phase, not in the middle."""
    obj = np.zeros(SIZES, np.complex64)
    obj[5:9, 8:13, 9:14] = 40 * np.exp(0.3j * np.arange(5))
    return obj


def with_counts(counts: np.ndarray, psf_f: np.ndarray | None = None) -> Any:
    """A `CDI` of centred counts, a block of which is free."""
    cdi = import_pynx("cdi").CDI(iobs=np.fft.ifftshift(counts).astype(np.float32))
    cdi._psf_f = psf_f
    free = np.zeros(SIZES, bool)
    free[2:6, 3:12, 8:14] = True
    set_free_mask(cdi, free)
    return cdi


@pytest.mark.parametrize("sigma", [None, (0.5, 0.8, 0.3)])
def test_the_object_of_the_counts_has_no_free_log_error(
    pynx: str, sigma: tuple[float, ...] | None
) -> None:
    psf_f = None if sigma is None else gaussian_psf_f(SIZES, sigma)
    counts = intensity_of(particle())
    if sigma is not None:
        counts = np.fft.ifftn(fourier_gaussian(np.fft.fftn(counts), sigma)).real
    cdi = with_counts(counts, psf_f)
    assert free_log_error(cdi, particle()) < 0.01
    assert free_log_error(cdi, np.roll(particle(), 3, axis=1)) < 0.01  # it may be anywhere
    cdi._psf_f = gaussian_psf_f(SIZES, (2.0, 2.0, 2.0))
    assert free_log_error(cdi, particle()) > 0.1


def test_it_is_of_free_voxels_alone_and_of_their_logarithms(pynx: str) -> None:
    counts = intensity_of(particle())
    free = np.zeros(SIZES, bool)
    free[2:6, 3:12, 8:14] = True
    cdi = with_counts(np.where(free, counts, 7 * counts + 5))
    assert free_log_error(cdi, particle()) < 0.01
    twice = free_log_error(cdi, np.sqrt(2).astype(np.float32) * particle())
    wanted = np.log1p(2 * counts[free]) - np.log1p(counts[free])
    assert twice == pytest.approx(np.sqrt(np.mean(wanted**2)), rel=1e-3)


def test_without_free_voxels_there_is_none(pynx: str) -> None:
    cdi = import_pynx("cdi").CDI(iobs=np.ones(SIZES, np.float32))
    assert np.isnan(free_log_error(cdi, particle()))
