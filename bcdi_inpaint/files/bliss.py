"""Scans in the HDF5 files of ESRF's BLISS: ``/{scan}.1/measurement/{detector}``.

Also with the sample's name, ``/{sample}_{scan}.1/...``, as some beamlines have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import h5py

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.faults import check_readable
from bcdi_inpaint.files.hdf5 import open_file, quiet_node

# The detectors of ID01 and ID10 first; any other 3D data set of a measurement is taken after them.
DETECTORS = ("mpx1x4", "mpxgaas", "mpx4inr", "eiger2M", "eiger4M", "eiger", "eiger1")
_ENTRY = re.compile(r"(?:.*_)?(\d+)\.1")
_RANGE = re.compile(r"\s*(\d+)\s*(?:-\s*(\d+))?\s*")


def parse_scans(text: str) -> tuple[range, ...]:
    """``1-200`` or ``3,5,7-9`` as ranges of scan numbers; InputError for anything else.

    Examples
    --------
    >>> parse_scans("3,7-9")
    (range(3, 4), range(7, 10))
    """
    ranges = []
    for part in text.split(","):
        form = _RANGE.fullmatch(part)
        if form is None or (form[2] and int(form[2]) < int(form[1])):
            raise InputError(
                f"scans are {text!r}, expected numbers and ranges: for example --scans 1-200,205"
            )
        ranges.append(range(int(form[1]), int(form[2] or form[1]) + 1))
    return tuple(ranges)


def bliss_scans(path: Path) -> dict[int, str]:
    """Scan numbers of a BLISS file, and the path of the detector's frames in each.

    Scans that have no detector with a rocking curve are left out. Raises InputError for what is no
    HDF5 file, and for two scans of one number.
    """
    check_readable(path)
    found: dict[int, str] = {}
    with open_file(path) as file:
        for number, entry in sorted(_entries(file)):
            data_path = _frames(file, entry)
            if data_path is None:
                continue
            if number in found:
                raise InputError(
                    f"{path} has two scans {number} (/{entry} and /{found[number]}), expected one: "
                    f"give the path of its data, {path.name}:/path"
                )
            found[number] = data_path
    return found


def chosen_scans(path: Path, ranges: tuple[range, ...]) -> dict[int, str]:
    """Those of `bliss_scans` that the ranges hold; InputError where that is none.

    Also where a number is named alone and is not there: in a range some may be missing.
    """
    there = bliss_scans(path)
    for wanted in ranges:
        if len(wanted) == 1 and wanted[0] not in there:
            raise InputError(
                f"{path} has no scan {wanted[0]} with a 3D detector, expected {_listed(there)}: "
                "check --scans"
            )
    chosen = {n: inner for n, inner in there.items() if any(n in wanted for wanted in ranges)}
    if not chosen:
        raise InputError(
            f"{path} has none of the scans asked for, expected {_listed(there)}: check --scans"
        )
    return chosen


def _listed(there: dict[int, str]) -> str:
    if not there:
        return "scans such as /1.1/measurement/mpx1x4"
    shown = ", ".join(map(str, list(there)[:8]))
    return f"one of {shown}{', ...' if len(there) > 8 else ''}"


def _entries(file: h5py.File) -> Iterator[tuple[int, str]]:
    for name in file:
        form = _ENTRY.fullmatch(name)
        if form is not None:
            yield int(form[1]), name


def _frames(file: h5py.File, entry: str) -> str | None:
    """The path of a scan's frames: a known detector's, else the first 3D data set there is."""
    group = quiet_node(file, f"{entry}/measurement")
    if not isinstance(group, h5py.Group):
        return None
    names = list(group)
    for name in sorted(names, key=lambda name: _rank(name)):
        inner = f"{entry}/measurement/{name}"
        if _looks_like_frames(file, inner):
            return inner
    return None


def _rank(name: str) -> int:
    return DETECTORS.index(name) if name in DETECTORS else len(DETECTORS)


def _looks_like_frames(file: h5py.File, inner: str) -> bool:
    """Whether three axes lie there; a broken link of a known detector's name is left to reading."""
    node = quiet_node(file, inner)
    if node is None:
        return inner.rpartition("/")[2] in DETECTORS
    is_stack = isinstance(node, h5py.Dataset) and node.shape is not None and len(node.shape) == 3
    return bool(is_stack)
