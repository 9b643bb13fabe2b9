"""A prior on the crystal: inside, its density is nearly even.

A gap on one side of the peak leaves open waves that change modulus and phase of the object alike:
the two are a Hilbert pair. What takes the ripple out of the modulus takes it out of the phase too.
So, well inside the support, the modulus goes a part of the way to its own local mean. The facets
stay as they are: an edge that is smoothed takes their streaks out of the pattern.

The formulas take numpy and torch arrays, so that both engines have the same ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.ndimage import binary_erosion

from bcdi_inpaint.arrays import BoolArray, Float32Array, IntArray
from bcdi_inpaint.phasing.schedule import SMALLEST_AMPLITUDE

LEAST_INTERIOR = 27
"""Voxels below which an interior has no local mean worth the name: 3 x 3 x 3. Chosen."""


@dataclass(frozen=True)
class DensitySettings:
    """How the modulus inside a crystal is evened out.

    Attributes
    ----------
    strength : part of the way to its local mean that the modulus goes in a cycle, 0 to 1; 0 is
        off. 0.1 stands a modulus that varies by a fifth, 0.3 does not; chosen on a dozen simulated
        crystals, no committed command.
    width : standard deviation in voxels of the Gaussian that makes the local mean; chosen likewise.
    margin : voxels from the edge of the support that stay as they are. With 2 the modulus comes out
        better and the phase worse: in the demonstration 0.064 rad, with 4 0.052, without any 0.051.
    begin : part of RAAR that is done when it begins; it goes on in ER.
    """

    strength: float = 0.0
    width: float = 2.5
    margin: int = 4
    begin: float = 0.5


@dataclass(frozen=True)
class Interior:
    """The inside of a support, and what its local mean is made of.

    Attributes
    ----------
    places : three int arrays (n_box,), the cyclic positions of a box around the support along each
        axis: of an array with its centre at index 0 or in its middle alike.
    inside : (box) float32, 1 in the interior, 0 elsewhere.
    kernels : three float32 matrices (n_box, n_box), a Gaussian along each axis.
    norm : (box) float32, what the smoothing makes of `inside`, 1 outside.
    """

    places: tuple[Any, ...]
    inside: Any
    kernels: tuple[Any, ...]
    norm: Any

    @property
    def box(self) -> tuple[Any, Any, Any]:
        """An index of the box in the whole array."""
        i, j, k = self.places
        return i[:, None, None], j[None, :, None], k[None, None, :]

    def convert(self, to: Callable[[Any], Any]) -> Interior:
        """The same with every array converted, for example to torch."""
        return Interior(
            tuple(to(place) for place in self.places),
            to(self.inside),
            tuple(to(kernel) for kernel in self.kernels),
            to(self.norm),
        )

    def local_mean(self, modulus: Any) -> Any:
        """The mean over the interior, around each voxel of it, of a modulus (box); 0 outside."""
        return self.inside * _smooth(self.inside * modulus, self.kernels) / self.norm

    def even_out(self, obj: Any, strength: float) -> Any:
        """An object (n_rock, n_y, n_x) complex whose modulus inside went part of the way.

        Its phase stays, and so does all that is not in the interior. The array is changed in place.
        """
        part = obj[self.box]
        modulus = abs(part)
        obj[self.box] = part * pull_factor(
            modulus, self.local_mean(modulus), strength * self.inside
        )
        return obj


def pull_factor(modulus: Any, mean: Any, strength: Any) -> Any:
    """The factor on an object that moves its modulus a part of the way to a local mean.

    Parameters
    ----------
    modulus : numpy or torch array.
    mean : its local mean, of the same shape.
    strength : the part, 0 to 1; a number or an array.

    Returns
    -------
    A real array of that shape.

    Examples
    --------
    >>> pull_factor(np.array([1.0, 4.0]), np.array([2.0, 2.0]), 0.5)
    array([1.5 , 0.75])
    """
    return 1 + strength * (mean / modulus.clip(SMALLEST_AMPLITUDE) - 1)


def find_interior(support: BoolArray, settings: DensitySettings) -> Interior | None:
    """The inside of a support (n_rock, n_y, n_x) bool, wherever its centre is; None without one.

    Examples
    --------
    >>> support = np.zeros((16, 16, 16), dtype=bool)
    >>> support[4:12, 4:12, 4:12] = True
    >>> int(find_interior(support, DensitySettings(margin=2)).inside.sum())
    64
    >>> find_interior(support, DensitySettings(margin=3)) is None
    True
    """
    places = tuple(_cyclic_extent(support, axis) for axis in range(3))
    box = support[np.ix_(*places)]
    if settings.margin:
        box = binary_erosion(box, iterations=settings.margin)
    if np.count_nonzero(box) < LEAST_INTERIOR:
        return None
    inside = box.astype(np.float32)
    kernels = tuple(_gaussian(n, settings.width) for n in box.shape)
    interior = Interior(places, inside, kernels, inside)
    return replace(interior, norm=np.where(box, _smooth(inside, kernels), np.float32(1)))


def _cyclic_extent(support: BoolArray, axis: int) -> IntArray:
    """The positions along an axis that a support takes, across the array's end where it does."""
    others = tuple(other for other in range(3) if other != axis)
    taken = np.flatnonzero(support.any(axis=others))
    n = support.shape[axis]
    if not len(taken):
        return np.arange(0)
    gaps = np.diff(taken, append=taken[0] + n)  # to the next line that is taken
    first = taken[(int(gaps.argmax()) + 1) % len(taken)]
    places: IntArray = (first + np.arange(n - gaps.max() + 1)) % n
    return places


def _gaussian(n: int, width: float) -> Float32Array:
    """(n, n) a Gaussian of `width` about every place; what it sums to does not matter."""
    apart = np.subtract.outer(np.arange(n), np.arange(n)) / width
    kernel: Float32Array = np.exp(-0.5 * apart**2).astype(np.float32)
    return kernel


def _smooth(values: Any, kernels: tuple[Any, ...]) -> Any:
    """Values (n_rock, n_y, n_x) times a matrix along each axis."""
    first, second, third = kernels
    smoothed = second @ (values @ third)
    return (first @ smoothed.reshape(len(first), -1)).reshape(values.shape)
