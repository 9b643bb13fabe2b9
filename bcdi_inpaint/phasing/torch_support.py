"""Where a crystal is: supports that shrink to it, and then stand a little clear of it.

All tensors have the centre at index 0, as in `torch_retrieval`, so that what leaves the array on
one side comes back on the other.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.coherence import gaussian_transfer
from bcdi_inpaint.phasing.schedule import Schedule

SMALLEST_SUPPORT, LARGEST_SUPPORT = 27, 0.7
"""Voxels, and part of the array, between which a support makes sense. Chosen; a support of 3 x 3 x
3 voxels is no particle, one of most of the array no constraint."""


def first_support(intensity: Tensor, threshold: float) -> Tensor:
    """Where the autocorrelation (n_rock, n_y, n_x) exceeds this part of its maximum."""
    correlation = torch.fft.ifftn(intensity).abs()
    return correlation > threshold * correlation.max()


def shrink_support(
    obj: Tensor, support: Tensor, width: float, threshold: float = Schedule.support_threshold
) -> Tensor:
    """A new support: where the smoothed modulus is large.

    Marchesini et al., Phys. Rev. B 68, 140101 (2003).

    Parameters
    ----------
    obj : (n_rock, n_y, n_x) complex.
    support : (n_rock, n_y, n_x) bool, the one until now.
    width : standard deviation of the smoothing, in voxels.
    threshold : part of the modulus' root mean square in the support above which it is large.

    Raises
    ------
    InputError
        Next to nothing or next to everything is left.
    """
    modulus = obj.abs()
    least = threshold * (modulus[support] ** 2).mean().sqrt()
    found = _smooth(modulus, width) > least
    size = int(found.sum())
    if not SMALLEST_SUPPORT <= size <= LARGEST_SUPPORT * found.numel():
        raise InputError(
            f"the support has {size} voxels, expected {SMALLEST_SUPPORT} to "
            f"{LARGEST_SUPPORT:.0%} of {found.numel()}: no object was found"
        )
    return found


def widen_support(support: Tensor, voxels: int) -> Tensor:
    """The support and the voxels that share a face with it, as often as there are voxels to add.

    Examples
    --------
    >>> support = torch.zeros(8, 8, 8, dtype=torch.bool)
    >>> support[0, 0, 0] = True
    >>> int(widen_support(support, 1).sum())
    7
    """
    for _ in range(voxels):
        beside = [support.roll(by, axis) for axis in range(support.ndim) for by in (-1, 1)]
        support = torch.stack([support, *beside]).any(dim=0)
    return support


def _smooth(values: Tensor, width: float) -> Tensor:
    """Values convolved with a Gaussian of `width` voxels, by FFT, so that edges meet."""
    transform = torch.fft.rfftn(values)
    transform *= gaussian_transfer(values, (width, width, width))
    return torch.fft.irfftn(transform, values.shape)
