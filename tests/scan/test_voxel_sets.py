"""Voxels that reach through an array, and a scan in which they are bad."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.scan.boxes import as_box, whole
from bcdi_inpaint.scan.photon_view import PhotonView, as_stored, photon_of
from bcdi_inpaint.scan.scan import as_scan
from bcdi_inpaint.scan.voxel_sets import MaskedScan, VoxelSet

SHAPE = (6, 5, 4)


def test_a_set_is_the_union_of_its_patterns_box_by_box(rng: np.random.Generator) -> None:
    frames, pixels = rng.random((6, 1, 1)) < 0.4, rng.random((1, 5, 4)) < 0.3
    voxels, full = VoxelSet(SHAPE, (frames, pixels)), frames | pixels
    box = as_box([slice(1, 4), slice(2, 5), slice(0, 3)])
    np.testing.assert_array_equal(voxels.part(box), full[box])
    assert voxels.size == full.sum()
    assert VoxelSet(SHAPE).is_empty


def test_a_masked_scan_keeps_its_counts_and_flags(rng: np.random.Generator) -> None:
    scan = as_scan(rng.poisson(3.0, SHAPE), rng.random(SHAPE) < 0.2)
    rows = np.zeros((1, 5, 1), dtype=bool)
    rows[:, 2] = True
    masked = MaskedScan(scan, VoxelSet(SHAPE, (rows,)))
    part = masked.part(whole(SHAPE))
    np.testing.assert_array_equal(part.counts, scan.counts)
    np.testing.assert_array_equal(part.bad_mask, scan.bad_mask | rows)
    np.testing.assert_array_equal(masked.bad_in(whole(SHAPE)), part.bad_mask)


def test_photons_are_found_below_further_bad_voxels(rng: np.random.Generator) -> None:
    scan = as_scan(rng.poisson(3.0, SHAPE) * 7.0)
    rows = np.zeros((1, 5, 1), dtype=bool)
    rows[:, 2] = True
    masked = MaskedScan(PhotonView(scan, 7.0, is_whole=True), VoxelSet(SHAPE, (rows,)))
    assert photon_of(masked) == 7.0
    np.testing.assert_array_equal(masked.part(whole(SHAPE)).counts, scan.counts / 7.0)
    written = as_stored(masked).part(whole(SHAPE))
    np.testing.assert_array_equal(written.counts, scan.counts)
    np.testing.assert_array_equal(written.bad_mask, np.broadcast_to(rows, SHAPE))
