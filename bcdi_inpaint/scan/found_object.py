"""An object that phase retrieval found, and what it is in another box around the peak."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import scipy.fft

from bcdi_inpaint.arrays import BoolArray, Complex64Array, Float32Array, IntArray
from bcdi_inpaint.scan.boxes import Box, sides


@dataclass(frozen=True)
class FoundObject:
    """What a start of a retrieval came to.

    Attributes
    ----------
    obj : (n_rock, n_y, n_x) complex64, of a box of the scan, centred; its square adds up to the
        photons in the box.
    support : (n_rock, n_y, n_x) bool; the object is zero outside.
    box : of the scan.
    misfit : mean deviance of the measured voxels from what the object diffracts.
    unseen : (n_islands, 3) int, centres of islands of measured voxels that the retrieval has not
        seen, in voxels of the scan; none by default. See `phasing.free_voxels`.
    psf : three axes, centred, in voxels of the scan: the point spread function of the beam under
        which the object was found; None where that was coherent, or blurred by a Gaussian.
    """

    obj: Complex64Array
    support: BoolArray
    box: Box
    misfit: float
    unseen: IntArray = field(default_factory=lambda: np.zeros((0, 3), dtype=np.int64))
    psf: Float32Array | None = None

    def in_box(self, box: Box) -> FoundObject:
        """The same object as it is in another box of the scan.

        A larger box has finer voxels over the same field of view: what the object diffracts stays
        where it is in the scan, and is zero where its own box did not reach.

        Parameters
        ----------
        box : of the scan; where the two do not meet, the object is zero.
        """
        if box == self.box:
            return self
        diffracted = scipy.fft.fftn(scipy.fft.ifftshift(self.obj), norm="ortho")
        own, there = _overlap(self.box, box), _overlap(box, self.box)
        wider = np.zeros(sides(box), np.complex64)
        wider[there] = scipy.fft.fftshift(diffracted)[own]
        found = scipy.fft.ifftn(scipy.fft.ifftshift(wider), norm="ortho")
        support = self.support[np.ix_(*map(_nearest, self.obj.shape, wider.shape))]
        obj = scipy.fft.fftshift(found) * support
        return replace(self, obj=obj.astype(np.complex64), support=support, box=box)

    def in_unit(self, photon: float) -> FoundObject:
        """The same object, whose square adds up to counts of which one photon is `photon`."""
        return replace(self, obj=self.obj * np.float32(np.sqrt(photon)))


def _overlap(box: Box, other: Box) -> Box:
    """What two boxes have in common, as slices of the first."""
    first, second, third = (
        slice(max(there.start - own.start, 0), max(min(there.stop, own.stop) - own.start, 0))
        for own, there in zip(box, other, strict=True)
    )
    return first, second, third


def _nearest(n_own: int, n_other: int) -> np.ndarray:
    """For each of n voxels of the same field of view, the one of its own grid that is nearest."""
    position = (np.arange(n_other) - n_other // 2) * n_own / n_other + n_own // 2
    return np.rint(position).astype(int) % n_own
