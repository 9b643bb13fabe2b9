"""The forms that arrays must have, wherever they come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.axis_order import spread_frame
from bcdi_inpaint.files.faults import check_readable
from bcdi_inpaint.files.siblings import LONE, lone_sibling, mask_sibling
from bcdi_inpaint.scan.remarks import Remark, Remarks
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


def check_alike(shapes: list[tuple[tuple[int, ...], np.dtype]], names: list[str]) -> None:
    """Refuse frames that are not all of one shape and number type.

    Parameters
    ----------
    shapes : the shape and the type of each.
    names : how each is called.
    """
    usual = max(dict.fromkeys(shapes), key=shapes.count)
    odd = next((i for i, form in enumerate(shapes) if form != usual), None)
    if odd is not None:
        (shape, dtype), n_odd = shapes[odd], sum(form != usual for form in shapes)
        more = f", as {n_odd - 1} more are unlike" if n_odd > 1 else ""
        raise InputError(
            f"{names[odd]} has the shape {shape} {dtype}, expected {usual[0]} {usual[1]} as the "
            f"others{more}: give the frames of one rocking curve"
        )


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


def sibling_flags(
    path: Path,
    shape: tuple[int, ...],
    load: Callable[[Path], np.ndarray],
    own: np.ndarray | None = None,
) -> tuple[np.ndarray | None, Remarks]:
    """The mask of a file of counts: its own, or that in the other file of a pair; see `siblings`.

    Parameters
    ----------
    path : the file of counts.
    shape : (n_rock, n_y, n_x) of the counts.
    load : reads the array of a mask file.
    own : the mask that the file itself holds.

    Returns
    -------
    The mask broadcast to the counts, or None, and what has to be said of it.

    Raises
    ------
    InputError
        For a mask that does not fit, or that cannot be read.
    """
    if own is not None:
        return as_flags(squeezed(own), shape, f"the mask in {path}"), ()
    sibling = mask_sibling(path)
    if sibling is not None:
        check_readable(sibling)
        return as_flags(squeezed(load(sibling)), shape, f"mask {sibling}"), ()
    lone = lone_sibling(path)
    if lone is None:
        return None, ()
    try:
        flags = as_flags(squeezed(load(lone)), shape, f"mask {lone}")
    except InputError:  # then it is the mask of other counts
        return None, ()
    text = f"{lone.name} is taken as the mask: the only one of this scan beside {path.name}"
    return flags, (Remark(LONE, text),)
