"""Which values of a stored mask reject a pixel."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.scan.remarks import Remark, Remarks

REJECTING_BITS = 0xFFFF
"""Of NeXus' 32-bit `pixel_mask`: bit 31 marks virtual pixels, which hold interpolated counts."""


def rejecting_bits(name: str, dtype: np.dtype) -> int | None:
    """The bits of a mask that reject a pixel; None where all values but 0 do.

    Examples
    --------
    >>> rejecting_bits("pixel_mask", np.dtype("u4")), rejecting_bits("mask", np.dtype("u4"))
    (65535, None)
    """
    is_wide = dtype.kind in "ui" and dtype.itemsize > 2
    return REJECTING_BITS if name == "pixel_mask" and is_wide else None


def bad_of(flags: np.ndarray, bits: int | None) -> np.ndarray:
    """Where stored flags reject a pixel, bool; `bits` as of `rejecting_bits`."""
    return flags != 0 if bits is None else (flags & flags.dtype.type(bits)) != 0


def bits_remarks(flags: np.ndarray, bits: int | None, where: str) -> Remarks:
    """What to say of pixels that only higher bits mark: they are measured.

    Parameters
    ----------
    flags : of one frame, as stored.
    bits : those that reject.
    where : what the remark begins with.
    """
    n_virtual = int(((flags != 0) & ~bad_of(flags, bits)).sum())
    if n_virtual == 0:
        return ()
    text = (
        f"{where}: {n_virtual} pixels have bits above 15 alone (bit 31: virtual pixels): their "
        "counts are kept as measured, mask them with --mask if they are not"
    )
    return (Remark("virtual-pixels", text),)
