"""Masks of outputs that were never written whole: what a killed process of ours leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np

NON_ZERO_IS_BAD = "non-zero = bad"
"""What the description of a TIFF mask of ours says."""
PAIR_KEYS = ("data", "mask")
"""Under which the mask of an npz pair of ours lies; other programs write one of them."""


def is_our_mask(path: Path) -> bool:
    """Whether a file is a mask as we write it beside an output; False for what cannot be read."""
    if not path.is_file():
        return False
    try:
        return _is_our_npz(path) if path.suffix.lower() == ".npz" else _is_our_tiff(path)
    except Exception:  # libraries raise whatever comes to hand; it is then none of ours
        return False


def _is_our_npz(path: Path) -> bool:
    with np.load(path, allow_pickle=False) as file:
        if sorted(file) != list(PAIR_KEYS):
            return False
        data, mask = (file[key] for key in PAIR_KEYS)
    return data.dtype == mask.dtype == np.int8 and np.array_equal(data, mask)


def _is_our_tiff(path: Path) -> bool:
    import tifffile

    with tifffile.TiffFile(path) as file:
        return file.pages.first.description == NON_ZERO_IS_BAD
