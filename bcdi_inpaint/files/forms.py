"""The forms that arrays must have, wherever they come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.axis_order import spread_frame
from bcdi_inpaint.scan.remarks import Remarks
from bcdi_inpaint.scan.scan import Metadata, Scan


def squeezed_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its axes of length one where exactly three others remain; else as it is.

    Examples
    --------
    >>> squeezed_shape((60, 1, 516, 516)), squeezed_shape((1, 516, 516))
    ((60, 516, 516), (1, 516, 516))
    """
    longer = tuple(n for n in shape if n != 1)
    return longer if len(shape) > 3 and len(longer) == 3 else shape


def squeezed(array: np.ndarray) -> np.ndarray:
    """An array without its axes of length one, a view; see `squeezed_shape`."""
    return array.reshape(squeezed_shape(array.shape))


def check_counts_form(shape: tuple[int, ...] | None, dtype: np.dtype, where: str) -> None:
    """Refuse arrays that cannot be the counts of a rocking curve, before they are loaded.

    Parameters
    ----------
    shape : of the array; None for none.
    dtype : its number type.
    where : what the message begins with.

    Raises
    ------
    InputError
        For another number of axes, an empty axis, or a type that is no number.
    """
    if dtype.kind == "c":
        raise InputError(
            f"{where} holds complex numbers ({dtype}), expected counts: this looks like a "
            "reconstructed object, give the diffraction data"
        )
    if dtype.kind not in "uif":
        raise InputError(
            f"{where} has the type {dtype}, expected integer or float counts: "
            "give the diffraction data"
        )
    if shape is None or len(shape) != 3:
        n_axes = 0 if shape is None else len(shape)
        raise InputError(
            f"{where} has {n_axes} dimensions {shape or ()}, expected 3 (rocking axis, y, x): "
            "stack the frames of one rocking curve into one array"
        )
    if 0 in shape:
        raise InputError(f"{where} has the shape {shape}, expected no empty axis: check the scan")


def as_flags(flags: np.ndarray, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Broadcast a stored mask to the counts.

    Parameters
    ----------
    flags : (n_y, n_x), (1, n_y, n_x) or (n_rock, n_y, n_x), of any number type.
    shape : (n_rock, n_y, n_x) of the counts.
    where : what the message begins with.

    Returns
    -------
    (n_rock, n_y, n_x), a view.

    Raises
    ------
    InputError
        For a mask of another shape, or one that is no number.
    """
    if flags.dtype.kind not in "buif":
        raise InputError(
            f"{where} has the type {flags.dtype}, expected a mask of numbers or booleans "
            "(non-zero = bad): give another mask"
        )
    if flags.ndim == 2:
        flags = spread_frame(flags, shape)
    fits = flags.ndim in (2, 3) and flags.shape[-2:] == shape[1:]
    if not fits or (flags.ndim == 3 and flags.shape[0] not in (1, shape[0])):
        raise InputError(
            f"{where} has the shape {flags.shape}, expected {shape[1:]} or {shape} as the counts: "
            "give the mask of this scan, cropped and binned as the counts are"
        )
    return np.broadcast_to(flags, shape)


def scan_of(
    counts: np.ndarray,
    flags: np.ndarray | None,
    metadata: Metadata,
    source: Path,
    remarks: Remarks = (),
) -> Scan:
    """Make a scan of counts and of flags that fit them; without flags nothing is bad.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x), as stored.
    flags : (n_rock, n_y, n_x), non-zero = bad; None for none.
    metadata : what the file says about the experiment.
    source : the file.
    remarks : what has to be said about how it was read.

    Returns
    -------
    The scan.
    """
    bad = np.zeros(counts.shape, dtype=bool) if flags is None else flags != 0
    return Scan(counts, bad, flags, metadata, source, remarks)
