"""A scan seen as photons: its counts in another unit, its marks masked; and the way back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.scan.boxes import Box
from bcdi_inpaint.scan.remarks import Remarks
from bcdi_inpaint.scan.scan import Measured, Scan
from bcdi_inpaint.scan.validity import invalid_voxels
from bcdi_inpaint.scan.views import ScanView
from bcdi_inpaint.scan.voxel_sets import MaskedScan

NEARLY_WHOLE = 0.1
"""Photons from a whole number up to which a value is that number, where all values have a step."""


@dataclass(frozen=True)
class PhotonView(ScanView):
    """A scan whose counts are photons, whatever unit they are stored in; see `scan.Measured`.

    Attributes
    ----------
    stored : the scan as it was read.
    photon : the stored value of one photon.
    is_whole : whether the stored values are multiples of `photon`, so that counts are whole.
    marks : stored values that mark bad pixels; they are masked wherever they stand, and
        are no counts.
    masks : further masks, True = bad, (n_y, n_x) or of the scan's shape.
    own_is_good : whether non-zero means good in the scan's own mask.
    clip : whether values below zero are taken as zero; those below `floor` are not.
    without_invalid : whether voxels that hold no count are bad; with `clip` not those below zero.
    without_negative : whether voxels below zero are bad.
    found : what has to be said about its numbers.
    """

    photon: float = 1.0
    is_whole: bool = False
    marks: tuple[float, ...] = ()
    masks: tuple[BoolArray, ...] = ()
    own_is_good: bool = False
    clip: bool = False
    without_invalid: bool = False
    without_negative: bool = False
    floor: float = -np.inf
    found: Remarks = ()

    @property
    def remarks(self) -> Remarks:
        """What has to be said about how it was read, and about its numbers."""
        return (*self.stored.remarks, *self.found)

    def part(self, box: Box) -> Scan:
        """The scan within a box, in photons."""
        part = self.stored.part(box)
        bad = self._masked(part.bad_mask, part.flags, box)
        if self._looks_at_counts:
            bad = bad | self._unusable(part.counts)
        counts = self._in_photons(part.counts)
        if self.marks:
            counts = np.where(self._marked(part.counts), counts.dtype.type(0), counts)
        return replace(part, counts=counts, bad_mask=bad, remarks=self.remarks)

    def bad_in(self, box: Box) -> np.ndarray:
        """The bad voxels of a box; the counts are read only where these decide."""
        if self._looks_at_counts or self.own_is_good:
            return self.part(box).bad_mask
        return self._masked(self.stored.bad_in(box), None, box)

    @property
    def changes_nothing(self) -> bool:
        """Whether the scan is seen as it was read."""
        is_as_read = not (self.found or self.masks or self.own_is_good or self._looks_at_counts)
        return is_as_read and self.photon == 1 and not self.clip

    @property
    def _looks_at_counts(self) -> bool:
        """Whether the counts decide which voxels are bad."""
        return bool(self.marks or self.without_invalid or self.without_negative)

    def _masked(self, bad: BoolArray, flags: np.ndarray | None, box: Box) -> BoolArray:
        """The bad voxels of a box by all masks; `bad` are those of the scan as it was read."""
        if self.own_is_good and flags is not None:
            bad = flags == 0
        for mask in self.masks:
            bad = bad | mask[box if mask.ndim == 3 else box[1:]]
        return bad

    def _unusable(self, counts: np.ndarray) -> BoolArray:
        """Stored counts that are masked for their value."""
        bad = self._marked(counts)
        if self.without_negative:
            bad |= counts < 0
        if self.without_invalid:
            invalid = invalid_voxels(counts)
            bad |= invalid & ~self._is_clipped(counts) if self.clip else invalid
        return bad

    def _marked(self, counts: np.ndarray) -> BoolArray:
        marked = np.zeros(counts.shape, dtype=bool)
        for mark in self.marks:
            marked |= counts == mark
        return marked

    def _in_photons(self, counts: np.ndarray) -> np.ndarray:
        """Stored counts in photons; as they are where a photon is 1."""
        if self.photon == 1 and not self.clip:
            return counts
        if self.photon == 1:
            return np.where(self._is_clipped(counts), counts.dtype.type(0), counts)
        photons = to_photons(counts, self.photon, is_whole=self.is_whole)
        # A type's maximum is none any more.
        photons[invalid_voxels(counts) & ~(counts < 0)] = np.nan
        if self.clip:
            photons[self._is_clipped(counts)] = 0
        return photons

    def _is_clipped(self, counts: np.ndarray) -> BoolArray:
        """Stored values below zero that are taken as zero."""
        return np.asarray((counts < 0) & (counts >= self.floor) & np.isfinite(counts))


def to_photons(counts: np.ndarray, photon: float, *, is_whole: bool) -> Float32Array:
    """Counts in photons.

    Parameters
    ----------
    counts : stored counts of any number type and shape.
    photon : the stored value of one photon.
    is_whole : whether counts are whole numbers but for rounding.

    Returns
    -------
    float32 of the same shape.

    Examples
    --------
    >>> to_photons(np.float32([0, 2e-6, 7e-6]), 1e-6, is_whole=True)
    array([0., 2., 7.], dtype=float32)
    """
    with np.errstate(over="ignore", invalid="ignore"):
        photons = np.multiply(counts, 1 / photon, dtype=np.float64).astype(np.float32)
        if is_whole:
            whole = np.rint(photons)
            np.copyto(photons, whole, where=np.abs(photons - whole) < NEARLY_WHOLE)
    return photons


def photon_view_in(scan: Measured) -> PhotonView | None:
    """The view as photons that a scan is, or that lies within one with further bad voxels."""
    inner = scan
    while isinstance(inner, MaskedScan):
        inner = inner.stored
    return inner if isinstance(inner, PhotonView) else None


def photon_of(scan: Measured) -> float:
    """What one photon is in the stored values of a scan."""
    view = photon_view_in(scan)
    return 1.0 if view is None else view.photon


def as_read(scan: Measured) -> Measured:
    """The scan itself, as it was read, of one that is seen in another way."""
    view = photon_view_in(scan)
    return scan if view is None else as_read(view.stored)


def as_stored(scan: Measured) -> Measured:
    """A scan that is seen as photons as it is stored, with all its bad voxels: what is written."""
    view = photon_view_in(scan)
    return scan if view is None else StoredView(view.stored, scan)


@dataclass(frozen=True)
class StoredView(ScanView):
    """A scan as it is stored, with the bad voxels that were found in it: what is written.

    Attributes
    ----------
    stored : the scan as it was read.
    seen : the same scan as it was worked on, which knows all bad voxels.
    """

    seen: Measured

    def part(self, box: Box) -> Scan:
        """The scan within a box, as stored."""
        return replace(self.stored.part(box), bad_mask=self.seen.bad_in(box))

    def bad_in(self, box: Box) -> np.ndarray:
        """The bad voxels of a box."""
        return self.seen.bad_in(box)
