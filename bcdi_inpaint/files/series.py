"""EIGER's master files: a link to each file of frames, some to files that were never written."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import h5py

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.faults import LIBRARY_ERRORS
from bcdi_inpaint.files.forms import check_counts_form
from bcdi_inpaint.files.frames import Stack, StoredArray, check_alike, stored_array
from bcdi_inpaint.files.hdf5 import node_at, quiet_node, scalar
from bcdi_inpaint.files.links import BrokenLinkError
from bcdi_inpaint.files.nexus import Place
from bcdi_inpaint.scan.remarks import Remark, Remarks

MOST_NAMED = 3
"""Files that a remark names."""
_ANNOUNCED = ("detector/detectorSpecific", "detectorSpecific")


def series_stack(file: h5py.File, place: Place, path: Path) -> tuple[Stack, Remarks]:
    """The stack of numbered data sets, of those that were written.

    Parameters
    ----------
    file : the open file.
    place : the paths of the data sets in their order.
    path : the file that the user named.

    Returns
    -------
    The stack, and what has to be said about data sets that are not there.

    Raises
    ------
    InputError
        Where none is there, or where they do not go together.
    """
    there: dict[str, StoredArray] = {}
    for inner in place:
        with suppress(BrokenLinkError):
            array = _array_at(file, inner, path)
            if array is not None:
                there[inner] = array
    if not there:
        raise InputError(
            f"{path}:/{place[0]} and the {len(place) - 1} after it are links to files that are not "
            "there, expected them beside the master: bring the files with the frames too"
        )
    arrays = list(there.values())
    check_alike(arrays, str(path))
    stack = Stack(tuple(arrays))
    return stack, (
        *_left_out(path, place, there),
        *_numbers_missing(path, place),
        *_cut_short(file, place[0], path, stack),
    )


def _array_at(file: h5py.File, inner: str, path: Path) -> StoredArray | None:
    node = node_at(file, inner, path)
    if not isinstance(node, h5py.Dataset):
        return None
    array = stored_array(node)
    shape = array.shape if len(array.shape) != 2 else (1, *array.shape)  # one frame in a file
    if 0 in shape:
        return None
    check_counts_form(shape, node.dtype, f"{path}:/{inner}")
    return array


def _left_out(path: Path, place: Place, there: dict[str, StoredArray]) -> Remarks:
    """What to say of links to files that are not there."""
    lost = [inner for inner in place if inner not in there]
    if not lost:
        return ()
    n_frames = sum(_n_frames(array) for array in there.values())
    names = [inner.rpartition("/")[2] for inner in lost]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    text = (
        f"{path.name}: {len(lost)} of {len(place)} links lead to files that are not there "
        f"({', '.join(names[:MOST_NAMED])}{more}): the {n_frames} frames of the others are read"
    )
    return (Remark("links-left-out", text), *_lost_between(path, place, there))


def _lost_between(path: Path, place: Place, there: dict[str, StoredArray]) -> Remarks:
    """What to say where frames are lost between others: the rocking curve has a jump there."""
    per_file = max(_n_frames(array) for array in there.values())
    last = max(k for k, inner in enumerate(place) if inner in there)
    first = min(k for k, inner in enumerate(place) if inner in there)
    jumps, n_read, n_lost = [], 0, 0
    for inner in place[first : last + 1]:
        if inner in there:
            n_read += _n_frames(there[inner])
            continue
        n_lost += 1
        jumps.append(n_read)
    if not jumps:
        return ()
    at = ", ".join(f"{jump - 1} and {jump}" for jump in dict.fromkeys(jumps))
    text = (
        f"{path.name}: about {n_lost * per_file} frames are lost between frames {at} of those that "
        "are read: the rocking curve jumps there, bring the files if they were written"
    )
    return (Remark("frames-lost", text),)


def _numbers_missing(path: Path, place: Place) -> Remarks:
    """What to say where the numbers of the links themselves jump."""
    numbers = [int(re.findall(r"\d+", inner)[-1]) for inner in place]
    lost = sorted(set(range(numbers[0], numbers[-1] + 1)) - set(numbers))
    if not lost:
        return ()
    shown = ", ".join(map(str, lost[:MOST_NAMED])) + (", ..." if len(lost) > MOST_NAMED else "")
    text = (
        f"{path.name}: its data sets are numbered {numbers[0]} to {numbers[-1]} without {shown}: "
        "frames are lost there, or the numbers were given so"
    )
    return (Remark("numbers-jump", text),)


def _cut_short(file: h5py.File, first: str, path: Path, stack: Stack) -> Remarks:
    """What to say where the master announces more frames than are there."""
    instrument = "/".join([*first.split("/")[:-2], "instrument"]).strip("/")
    for group in _ANNOUNCED:
        counts = [_number(file, f"{instrument}/{group}/{n}") for n in ("nimages", "ntrigger")]
        announced = (counts[0] or 0) * (counts[1] or 1)
        if announced > stack.shape[0]:
            text = (
                f"{path.name} announces {announced} frames and {stack.shape[0]} are there: the scan"
                " was cut short, or files are left to bring"
            )
            return (Remark("frames-announced", text),)
    return ()


def _number(file: h5py.File, inner: str) -> int | None:
    with suppress(*LIBRARY_ERRORS):
        value = scalar(quiet_node(file, inner))
        return int(value) if isinstance(value, int | float) else None
    return None


def _n_frames(array: StoredArray) -> int:
    return array.shape[0] if len(array.shape) == 3 else 1
