"""Held-out voxels by blocks: fitted on some, judged on others.

Voxels of a fringe err alike. So it is blocks that are told apart, and blocks that are counted where
chance is to be told from knowledge.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bcdi_inpaint.arrays import BoolArray, FloatArray, IntArray

SURELY = 2.0
"""Standard errors from which on a gain is none of chance. Of forty intensities that knew nothing
three passed, with 1 sixteen: blocks that touch are alike; no committed command."""


def chessboard(shape: tuple[int, ...], block: int, width: int = 1) -> BoolArray:
    """A chessboard of blocks: what is fitted on one colour is tested on the other.

    Parameters
    ----------
    shape : of the array.
    block : side of a block in voxels.
    width : of the bands of one colour along an axis, in blocks. With 2 they halve each colour of
        the board of width 1.

    Examples
    --------
    >>> chessboard((2, 4), 1).astype(int)
    array([[0, 1, 0, 1],
           [1, 0, 1, 0]])
    >>> chessboard((2, 4), 1, width=2).astype(int)
    array([[0, 0, 1, 1],
           [0, 1, 1, 0]])
    """
    index = sum(np.ix_(*[np.arange(n) // block for n in shape]))
    return np.asarray(index) // width % 2 == 1


def cross_validate(
    half: BoolArray, predict: Callable[[BoolArray, BoolArray], FloatArray]
) -> FloatArray:
    """(n,) predictions of the voxels of each half, from those of the other one.

    Parameters
    ----------
    half : (n,) bool.
    predict : called with the voxels to learn from and those to predict, both (n,) bool.
    """
    tested = np.empty(len(half), dtype=np.float32)
    for own in (half, ~half):
        tested[own] = predict(~own, own)
    return tested


def blocks_of(chosen: BoolArray, block: int) -> IntArray:
    """The number of the block that each chosen voxel lies in, (n_chosen,).

    Examples
    --------
    >>> blocks_of(np.array([[True, False, True], [True, True, False]]), 2)
    array([0, 1, 0, 0])
    """
    counts = tuple(-(-n // block) for n in chosen.shape)
    places = tuple(place // block for place in np.nonzero(chosen))
    return np.ravel_multi_index(places, counts)


def gains_surely(
    measured: FloatArray, before: FloatArray, after: FloatArray, blocks: IntArray
) -> bool:
    """Whether squared errors fall by more than `SURELY` standard errors of their fall over blocks.

    Parameters
    ----------
    measured : (n,) what is predicted.
    before, after : (n,) two predictions of it.
    blocks : (n,) the block of each.

    Examples
    --------
    >>> measured, blocks = np.zeros(6), np.array([0, 0, 1, 1, 2, 2])
    >>> gains_surely(measured, np.full(6, 2.0), np.full(6, 1.0), blocks)
    True
    >>> gains_surely(measured, np.full(6, 2.0), np.array([0.0, 2, 2, 2, 2, 2]), blocks)
    False
    """
    fall = np.square(measured - before, dtype=np.float64) - np.square(measured - after)
    falls = np.bincount(blocks, fall)[np.unique(blocks)]
    if len(falls) < 2:
        return False
    error = np.sqrt(len(falls)) * falls.std(ddof=1)
    return bool(falls.sum() > SURELY * error)
