"""A scan seen as photons: its counts in another unit, its marks masked; and the way back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.scan.boxes import Box, Shape
from bcdi_inpaint.scan.remarks import Remarks
from bcdi_inpaint.scan.scan import Measured, Metadata, Scan
from bcdi_inpaint.scan.validity import invalid_voxels

NEARLY_WHOLE = 0.1
"""Photons from a whole number up to which a value is that number, where all values have a step."""


@dataclass(frozen=True)
class PhotonView:
    """A scan whose counts are photons, whatever unit they are stored in; see `scan.Measured`.

    Attributes
    ----------
    stored : the scan as it was read.
    photon : the stored value of one photon.
    is_whole : whether the stored values are multiples of `photon`, so that counts are whole.
    marks : stored values that mark bad pixels; they are masked wherever they stand.
    clip : whether values below zero are taken as zero.
    without_invalid : whether voxels that hold no count are bad; with `clip` not those below zero.
    without_negative : whether voxels below zero are bad.
    """

    stored: Measured
    photon: float = 1.0
    is_whole: bool = False
    marks: tuple[float, ...] = ()
    clip: bool = False
    without_invalid: bool = False
    without_negative: bool = False

    @property
    def shape(self) -> Shape:
        """(n_rock, n_y, n_x)."""
        return self.stored.shape

    @property
    def dtype(self) -> np.dtype:
        """Of the counts, as stored."""
        return self.stored.dtype

    @property
    def metadata(self) -> Metadata:
        """What the file says about the experiment."""
        return self.stored.metadata

    @property
    def source(self) -> Path | None:
        """The file it came from."""
        return self.stored.source

    @property
    def flags_dtype(self) -> np.dtype | None:
        """Of the mask as stored, None without one."""
        return self.stored.flags_dtype

    @property
    def remarks(self) -> Remarks:
        """What has to be said about how it was read."""
        return self.stored.remarks

    def part(self, box: Box) -> Scan:
        """The scan within a box, in photons."""
        part = self.stored.part(box)
        bad = part.bad_mask | self._unusable(part.counts) if self._looks_at_counts else None
        return replace(
            part,
            counts=self._in_photons(part.counts),
            bad_mask=part.bad_mask if bad is None else bad,
        )

    def bad_in(self, box: Box) -> np.ndarray:
        """The bad voxels of a box; the counts are read only where these decide."""
        return self.part(box).bad_mask if self._looks_at_counts else self.stored.bad_in(box)

    @property
    def _looks_at_counts(self) -> bool:
        """Whether the counts decide which voxels are bad."""
        return bool(self.marks or self.without_invalid or self.without_negative)

    def _unusable(self, counts: np.ndarray) -> BoolArray:
        """Stored counts that are masked for their value."""
        bad = np.zeros(counts.shape, dtype=bool)
        for mark in self.marks:
            bad |= counts == mark
        if self.without_negative:
            bad |= counts < 0
        if self.without_invalid:
            invalid = invalid_voxels(counts)
            bad |= invalid & ~is_small_negative(counts) if self.clip else invalid
        return bad

    def _in_photons(self, counts: np.ndarray) -> np.ndarray:
        """Stored counts in photons; as they are where a photon is 1."""
        if self.photon == 1:
            return (
                np.where(is_small_negative(counts), counts.dtype.type(0), counts)
                if (self.clip)
                else counts
            )
        photons = to_photons(counts, self.photon, is_whole=self.is_whole)
        is_below = is_small_negative(counts)
        photons[invalid_voxels(counts) & ~is_below] = np.nan  # a type's maximum is none any more
        if self.clip:
            photons[is_below] = 0
        return photons


def is_small_negative(counts: np.ndarray) -> BoolArray:
    """Finite values below zero, which a subtracted background leaves."""
    below: BoolArray = counts < 0
    return below & np.isfinite(counts) if counts.dtype.kind == "f" else below


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


@dataclass(frozen=True)
class StoredView:
    """A scan as it is stored, with the bad voxels that were found in it: what is written.

    Attributes
    ----------
    stored : the scan as it was read.
    seen : the same scan as it was worked on, which knows all bad voxels.
    """

    stored: Measured
    seen: Measured

    @property
    def shape(self) -> Shape:
        """(n_rock, n_y, n_x)."""
        return self.stored.shape

    @property
    def dtype(self) -> np.dtype:
        """Of the counts, as stored."""
        return self.stored.dtype

    @property
    def metadata(self) -> Metadata:
        """What the file says about the experiment."""
        return self.stored.metadata

    @property
    def source(self) -> Path | None:
        """The file it came from."""
        return self.stored.source

    @property
    def flags_dtype(self) -> np.dtype | None:
        """Of the mask as stored, None without one."""
        return self.stored.flags_dtype

    @property
    def remarks(self) -> Remarks:
        """What has to be said about how it was read."""
        return self.stored.remarks

    def part(self, box: Box) -> Scan:
        """The scan within a box, as stored."""
        return replace(self.stored.part(box), bad_mask=self.seen.bad_in(box))

    def bad_in(self, box: Box) -> np.ndarray:
        """The bad voxels of a box."""
        return self.seen.bad_in(box)
