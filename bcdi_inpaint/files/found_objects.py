"""Objects that a refinement found, in the CXI that holds its fill."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.cxi_writing import require_group
from bcdi_inpaint.files.hdf5 import load, quiet_node
from bcdi_inpaint.files.layout import OBJECTS
from bcdi_inpaint.files.opening import is_hdf5, open_file
from bcdi_inpaint.files.specs import split_spec
from bcdi_inpaint.scan.boxes import Box, as_box, sides
from bcdi_inpaint.scan.found_object import FoundObject

NAMES = ("object", "support", "box", "misfit")
UNSEEN = "unseen"
"""Islands that the objects have not seen; files of before know of none."""
PSF = "point_spread_function"
"""Of the beam under which they were found, where that is no Gaussian."""


def write_objects(file: h5py.File, objects: Sequence[FoundObject]) -> None:
    """Write objects of one refinement; of none nothing is written.

    They are compressed: an object is zero outside its support.

    Parameters
    ----------
    file : the open file.
    objects : the best fit first.
    """
    if not objects:
        return
    group = require_group(file, OBJECTS)
    arrays = np.stack([one.obj for one in objects]), np.stack([one.support for one in objects])
    chunks = (1, 1, *arrays[0].shape[2:])
    for name, array in zip(NAMES, (arrays[0], arrays[1].astype(np.uint8)), strict=False):
        group.create_dataset(name, data=array, chunks=chunks, shuffle=True, compression="gzip")
    group["box"] = [[part.start, part.stop] for part in objects[0].box]
    group["misfit"] = [one.misfit for one in objects]
    group[UNSEEN] = objects[0].unseen
    psf = objects[0].psf
    if psf is not None:
        chunks = (1, *psf.shape[1:])
        group.create_dataset(PSF, data=psf, chunks=chunks, shuffle=True, compression="gzip")


def read_objects(path: str | Path) -> tuple[FoundObject, ...]:
    """The objects in a CXI that we wrote; none in other files.

    InputError for a file that cannot be read, or whose objects do not fit together.
    """
    path, inner = split_spec(path)
    if inner is not None or not is_hdf5(path):
        return ()
    with open_file(path) as file:
        nodes = [quiet_node(file, f"{OBJECTS}/{name}") for name in NAMES]
        if not any(nodes):
            return ()
        found = [load(node) for node in nodes if isinstance(node, h5py.Dataset)]
        unseen, psf = _load_unseen(file), _load_psf(file)
    if len(found) == len(NAMES) and _fit(*found):
        objects, supports, limits, misfits = found
        box = as_box(slice(int(start), int(stop)) for start, stop in limits)
        _check_unseen(unseen, box, path)
        _check_psf(psf, box, path)
        return tuple(
            FoundObject(obj.astype(np.complex64), support != 0, box, float(misfit), unseen, psf)
            for obj, support, misfit in zip(objects, supports, misfits, strict=True)
        )
    raise InputError(
        f"{path} holds objects that do not fit together ({OBJECTS}), expected as many objects, "
        "supports and misfits of one box: take --start random, or fill the scan again"
    )


def has_unseen(path: str | Path) -> bool:
    """Whether a file has objects, and voxels that they have not seen; they are not read."""
    path, inner = split_spec(path)
    if inner is not None or not is_hdf5(path):
        return False
    with open_file(path) as file:
        node = quiet_node(file, f"{OBJECTS}/{UNSEEN}")
        return isinstance(node, h5py.Dataset) and bool(node.size)


def _load_unseen(file: h5py.File) -> np.ndarray:
    """What an open file has of islands, whatever it is; none where it says nothing."""
    node = quiet_node(file, f"{OBJECTS}/{UNSEEN}")
    if node is None:
        return np.zeros((0, 3), dtype=np.int64)
    return np.asarray(load(node) if isinstance(node, h5py.Dataset) else UNSEEN)


def _load_psf(file: h5py.File) -> np.ndarray | None:
    """What an open file has of a point spread function, whatever it is."""
    node = quiet_node(file, f"{OBJECTS}/{PSF}")
    if node is None:
        return None
    return np.asarray(load(node) if isinstance(node, h5py.Dataset) else PSF)


def _check_psf(psf: np.ndarray | None, box: Box, path: Path) -> None:
    """Refuse what is no point spread function of the objects' box."""
    if psf is None:
        return
    is_one = psf.dtype.kind == "f" and psf.shape == sides(box)
    if not is_one or not np.all(psf >= 0) or not 0 < float(psf.sum()) < np.inf:
        raise InputError(
            f"{path} has in {OBJECTS}/{PSF} what is no point spread function of the box of its "
            "objects, expected numbers from zero: take --start random, or fill the scan again"
        )


def _check_unseen(unseen: np.ndarray, box: Box, path: Path) -> None:
    """Refuse what are no places in the box of the objects."""
    is_places = unseen.dtype.kind in "ui" and unseen.ndim == 2 and unseen.shape[1] == 3
    first, last = ([getattr(part, end) for part in box] for end in ("start", "stop"))
    if not is_places or not np.all((unseen >= first) & (unseen < last)):
        raise InputError(
            f"{path} has in {OBJECTS}/{UNSEEN} what are no places in the box of its objects, "
            "expected three whole numbers of each island: take --start random, or fill the scan "
            "again"
        )


def _fit(
    objects: np.ndarray, supports: np.ndarray, limits: np.ndarray, misfits: np.ndarray
) -> bool:
    """Whether arrays are what `write_objects` writes."""
    kinds = "".join(array.dtype.kind for array in (objects, supports, limits, misfits))
    if not re.fullmatch("c[bui][ui]f", kinds) or limits.shape != (3, 2):
        return False
    sides = tuple(int(stop) - int(start) for start, stop in limits)
    fits = objects.shape == supports.shape == (*misfits.shape, *sides)
    return fits and bool(np.isfinite(objects).all())
