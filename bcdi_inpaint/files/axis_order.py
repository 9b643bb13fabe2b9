"""Files whose rocking axis is not the first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.scan.remarks import Remark, Remarks
from bcdi_inpaint.scan.scan import Scan

STANDARD = "nyx"
"""Frames of the rocking curve, then detector rows, then columns."""

_FAR_SHORTER, _ALIKE = 2.5, 1.1
"""Ratios of the sides of an array whose last axis is likely that of the frames."""

_stored: ContextVar[str] = ContextVar("stored_axes", default=STANDARD)


def remark_on_order(shape: tuple[int, ...]) -> Remarks:
    """What to say of an array (n_rock, n_y, n_x) whose last axis looks like the rocking axis.

    Examples
    --------
    >>> print(*remark_on_order((512, 512, 60)))
    ... # doctest: +ELLIPSIS
    the array is 512 x 512 x 60, its last axis by far the shortest: ...
    """
    first, second, last = shape
    alike = max(first, second) <= _ALIKE * min(first, second)
    if not alike or min(first, second) < _FAR_SHORTER * last:
        return ()
    sides = " x ".join(map(str, shape))
    text = (
        f"the array is {sides}, its last axis by far the shortest: if that is the rocking axis, "
        "read it with --axes yxn"
    )
    return (Remark("axis-order", text),)


def check_axes(axes: str) -> str:
    """The order of a file's axes, for example ``yxn``; InputError for anything but n, y and x.

    Examples
    --------
    >>> check_axes("yxn")
    'yxn'
    """
    if sorted(axes) != sorted(STANDARD):
        raise InputError(
            f"axes are {axes!r}, expected the letters n (rocking axis), y and x in the file's "
            "order: for example --axes yxn where the rocking axis is the last"
        )
    return axes


@contextmanager
def stored_axes(axes: str) -> Iterator[None]:
    """Meanwhile files have their axes in that order, and masks of one frame too."""
    before = _stored.set(axes)
    try:
        yield
    finally:
        _stored.reset(before)


def spread_frame(flags: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A mask of one frame, its axes in the file's order, over all frames of an array as stored.

    Where the rocking axis is the first, or the mask is of another shape, it stays as it is.
    """
    axes = _stored.get()
    if axes == STANDARD:
        return flags
    spread = np.expand_dims(flags, axes.index("n"))
    fits = all(n in (1, side) for n, side in zip(spread.shape, shape, strict=True))
    return np.broadcast_to(spread, shape) if fits else flags


def reorder(scan: Scan, axes: str) -> Scan:
    """A scan that was read with its axes in that order, in the usual one."""
    order = [axes.index(axis) for axis in STANDARD]
    counts, bad = (np.transpose(a, order) for a in (scan.counts, scan.bad_mask))
    flags = None if scan.flags is None else np.transpose(scan.flags, order)
    return replace(scan, counts=counts, bad_mask=bad, flags=flags)
