"""What an output of ours says of its fill, read back from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.hdf5 import load, quiet_node
from bcdi_inpaint.files.layout import DETECTOR, FILLED_PATH
from bcdi_inpaint.files.npz import array_names, load_npz
from bcdi_inpaint.files.opening import is_hdf5, open_file
from bcdi_inpaint.files.provenance import provenance_in, read_provenance
from bcdi_inpaint.files.specs import split_spec


@dataclass(frozen=True)
class StoredFill:
    """What an output of ours says of its fill.

    Attributes
    ----------
    filled : (n_rock, n_y, n_x) bool.
    sigma : (n_rock, n_y, n_x) float32, standard deviation of log(1 + expected counts).
    provenance : how it was made; names without ``inpaint_``.
    lower_bound, upper_bound : (n_rock, n_y, n_x) float32, interval of the expected counts, 0 and
        infinity where nothing was filled; None in files of older versions.
    """

    filled: np.ndarray
    sigma: np.ndarray
    provenance: dict[str, Any]
    lower_bound: np.ndarray | None = None
    upper_bound: np.ndarray | None = None


NPZ_KEYS = {"filled", "sigma", "lower_bound", "upper_bound"}
"""Arrays beside the counts in the data's file of a pair that we wrote."""


def read_fill(path: str | Path) -> StoredFill | None:
    """The fill in a CXI or in the data's npz that we wrote; None for other files.

    Raises InputError for a file that cannot be read, or whose fill has no uncertainty.
    """
    path, inner = split_spec(path)
    if path.suffix.lower() == ".npz":
        return _of_npz(path)
    if inner is not None or not is_hdf5(path):
        return None
    with open_file(path) as file:
        filled, sigma = quiet_node(file, FILLED_PATH), quiet_node(file, f"{DETECTOR}/sigma")
        if not isinstance(filled, h5py.Dataset):
            return None
        if not isinstance(sigma, h5py.Dataset):
            raise InputError(
                f"{path} holds a fill without its uncertainty ({DETECTOR}/sigma), expected both: "
                "fill the scan again with this version"
            )
        bounds = (quiet_node(file, f"{DETECTOR}/{name}") for name in ("lower_bound", "upper_bound"))
        lower, upper = (load(node) if isinstance(node, h5py.Dataset) else None for node in bounds)
        return StoredFill(load(filled) != 0, load(sigma), provenance_in(file), lower, upper)


def _of_npz(path: Path) -> StoredFill | None:
    """The fill in an npz; that of another program is not read for it."""
    if not array_names(path) >= NPZ_KEYS:
        return None
    arrays = load_npz(path)
    filled, sigma, lower, upper = (
        arrays[key] for key in ("filled", "sigma", "lower_bound", "upper_bound")
    )
    return StoredFill(filled != 0, sigma, read_provenance(path), lower, upper)
