"""A point spread function of any form: how it is laid into an array, and how it is sharpened.

It is kept centred, in voxels of the scan, and its sum is 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from bcdi_inpaint.arrays import Float32Array

LEAST_COUNTS = 1e-3
"""What a voxel is expected to have at least: one photon where nothing is calculated would say more
of the model than of its blur."""
LEAST_STEP = 1e-6
"""What a voxel of the function is multiplied with at least in a step; PyNX's."""


def fit_psf(psf: Float32Array, shape: Sequence[int]) -> Float32Array:
    """A point spread function as it is in an array of another shape.

    Parameters
    ----------
    psf : three axes, centred.
    shape : of the array.

    Returns
    -------
    float32 of that shape, centred, its sum 1: what lies beyond is cut off.

    Examples
    --------
    >>> psf = np.zeros((4, 4, 4), np.float32)
    >>> psf[2, 2, 1:4] = 0.25, 0.5, 0.25
    >>> fit_psf(psf, (2, 3, 7))[1, 1].tolist()
    [0.0, 0.0, 0.25, 0.5, 0.25, 0.0, 0.0]
    """
    laid = np.zeros(tuple(shape), np.float32)
    shared = [min(pair) for pair in zip(psf.shape, shape, strict=True)]

    def middle(whole: Sequence[int]) -> tuple[slice, ...]:
        starts = [n // 2 - own // 2 for n, own in zip(whole, shared, strict=True)]
        return tuple(slice(s, s + own) for s, own in zip(starts, shared, strict=True))

    laid[middle(shape)] = psf[middle(psf.shape)]
    total = laid.sum(dtype=np.float64)
    return (laid / total).astype(np.float32)


def sharpen_psf(
    psf: Tensor, diffracted: Tensor, counts: Tensor, seen: Tensor, background: float, steps: int
) -> Tensor:
    """Steps of Richardson and Lucy to the point spread function that makes the counts likeliest.

    J. N. Clark et al., Nat. Commun. 3, 993 (2012), equation 6. Tensors have the centre at index 0.

    Parameters
    ----------
    psf : (n_rock, n_y, n_x) to begin with.
    diffracted : (n_rock, n_y, n_x) calculated intensity, not blurred.
    counts : (n_rock, n_y, n_x) measured.
    seen : (n_rock, n_y, n_x) bool, True = measured, and to be fitted.
    background : counts in every voxel besides.
    steps : how many.

    Returns
    -------
    The function after them, its sum 1.
    """
    transform, total, shape = torch.fft.rfftn(diffracted), diffracted.sum(), diffracted.shape
    nothing = torch.ones((), device=counts.device)
    for _ in range(steps):
        expected = torch.fft.irfftn(transform * torch.fft.rfftn(psf), shape)
        ratio = torch.where(seen, counts / (expected.clip(LEAST_COUNTS) + background), nothing)
        change = torch.fft.irfftn(torch.fft.rfftn(ratio) * transform.conj(), shape) / total
        psf = psf * change.clip(LEAST_STEP)
        psf = psf / psf.sum()
    return psf
