"""Backgrounds below zero, masks that say 1 = good, and the way from photons back to the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bcdi_inpaint import inpaint
from bcdi_inpaint.checks.numbers import NumberWishes, prepare
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.jobs.open_in_photons import open_in_photons
from bcdi_inpaint.jobs.request import Request
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.photon_view import as_stored, photon_of
from bcdi_inpaint.scan.scan import Scan, as_scan


def pattern() -> np.ndarray:
    """A bright spot with a gap of four rows, 16 x 32 x 32, int64."""
    z, y, x = np.ogrid[-8:8, -16:16, -16:16]
    mean = 1e4 / (1 + (z / 3) ** 2 + (y / 3) ** 2 + (x / 3) ** 2) ** 2
    counts = np.random.default_rng(0).poisson(mean)
    counts[:, 20:24] = 0
    return counts


def subtracted() -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 0.5, (16, 32, 32))
    counts = (pattern() - 1.3 + noise).astype("f4")
    counts[:, 20:24] = 0
    return counts


@pytest.mark.parametrize("invalid", [False, True])
def test_a_subtracted_background_is_refused_until_the_user_says(invalid: bool) -> None:
    with pytest.raises(InputError, match=r"below zero.*--clip"):
        prepare(as_scan(subtracted()), NumberWishes(mask_invalid=invalid))


@pytest.mark.parametrize("invalid", [False, True])
def test_clipped_counts_are_zero_inside_and_unchanged_outside(invalid: bool) -> None:
    counts = subtracted()
    counts[3, 4, 5] = -1e9  # no background
    ready = prepare(as_scan(counts), NumberWishes(clip=True, mask_invalid=invalid))
    seen = ready.scan.part(whole(counts.shape))
    assert seen.counts.min() < -1e8
    assert (seen.counts < 0).sum() == 1
    assert seen.bad_mask.sum() == invalid
    np.testing.assert_array_equal(as_stored(ready.scan).part(whole(counts.shape)).counts, counts)


def test_negative_voxels_are_masked_where_the_user_wants_it() -> None:
    counts = subtracted()
    ready = prepare(as_scan(counts), NumberWishes(mask_negative=True))
    np.testing.assert_array_equal(ready.scan.bad_in(whole(counts.shape)), counts < 0)


def own_mask(flags: np.ndarray) -> Scan:
    counts = pattern()
    flags = np.broadcast_to(flags, counts.shape)
    return replace(as_scan(counts, flags != 0), flags=flags)


def test_a_mask_of_ones_for_good_is_refused_and_taken() -> None:
    good = np.ones((32, 32), np.uint8)
    good[20:24] = 0
    with pytest.raises(InputError, match="--mask-good SCAN"):
        prepare(own_mask(good))
    ready = prepare(own_mask(good), NumberWishes(own_is_good=True))
    np.testing.assert_array_equal(ready.scan.bad_in(whole((16, 32, 32)))[5], good == 0)


def test_a_mask_around_the_beam_is_none_of_ones_for_good() -> None:
    outside = np.ones((32, 32), np.uint8)
    outside[8:28, 6:26] = 0
    assert prepare(own_mask(outside)).photon == 1


def test_mask_files_of_ones_for_good(tmp_path: Path) -> None:
    good = np.ones((32, 32), np.uint8)
    good[20:24] = 0
    np.save(tmp_path / "scan.npy", pattern())
    np.save(tmp_path / "good.npy", good)
    scan, mask = str(tmp_path / "scan.npy"), str(tmp_path / "good.npy")
    with pytest.raises(InputError, match=r"--mask-good .*good\.npy.*in place of --mask"):
        open_in_photons(Request(scan, masks=(mask,)))
    ready = open_in_photons(Request(scan, mask_good=(mask,)))
    np.testing.assert_array_equal(ready.scan.bad_in(whole((16, 32, 32)))[5], good == 0)


@pytest.mark.parametrize("photon", [1e-6, 0.01, 1e4])
def test_a_fill_does_not_depend_on_the_unit(photon: float) -> None:
    gap = np.zeros((16, 32, 32), bool)
    gap[:, 20:24] = True
    counts = (pattern() * photon).astype("f4")
    fill, scaled = inpaint(pattern(), gap, device="cpu"), inpaint(counts, gap, device="cpu")
    assert scaled.photon == pytest.approx(photon, rel=1e-6)
    np.testing.assert_allclose(scaled.counts[gap] / photon, fill.counts[gap], rtol=1e-5)
    np.testing.assert_array_equal(scaled.counts[~gap], counts[~gap])
    np.testing.assert_array_equal(scaled.sigma, fill.sigma)
    bounds = zip(scaled.interval(0.9), fill.interval(0.9), strict=True)
    for own, expected in bounds:
        np.testing.assert_allclose(own[gap] / photon, expected[gap], rtol=1e-5)


def test_what_one_photon_is_stays_known_and_must_be_above_zero() -> None:
    ready = prepare(as_scan((pattern() * 0.5).astype("f4")))
    assert photon_of(ready.scan) == 0.5
    with pytest.raises(InputError, match="--photon 100"):
        NumberWishes(photon=0)


def test_values_that_are_no_float32_are_named() -> None:
    counts = np.random.default_rng(0).poisson(9.0, (5, 12, 12))
    assert prepare(as_scan(counts.astype(np.float64))).remarks == ()
    counts[2, 3, 4] = 2**24 + 1
    (remark,) = prepare(as_scan(counts)).remarks
    assert remark.kind == "rounded"
    assert "16777217 is written as 16777216" in remark.text
    (remark,) = prepare(as_scan(counts * (2**24 + 1)), NumberWishes(photon=1)).remarks
    assert "and 100 % of those looked at are none" in remark.text
