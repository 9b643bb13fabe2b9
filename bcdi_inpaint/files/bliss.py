"""Scans in the HDF5 files of ESRF's BLISS: ``/{scan}.1/measurement/{detector}``.

Also with the sample's name, ``/{sample}_{scan}.1/...``, as some beamlines have it, and the
collection files, in which ``/{sample}_{dataset}_{scan}.1`` is a link to another file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.faults import LIBRARY_ERRORS, check_readable
from bcdi_inpaint.files.inside import is_stack
from bcdi_inpaint.files.links import BrokenLinkError, peek, quiet_peek, same_place
from bcdi_inpaint.files.opening import open_file

# The detectors of ID01 and ID10 first; any other 3D data set of a measurement is taken after them.
DETECTORS = ("mpx1x4", "mpxgaas", "mpx4inr", "eiger2M", "eiger4M", "eiger", "eiger1")
_ENTRY = re.compile(r"(?:(.*)_)?(\d+)\.1")
_PART = re.compile(r"\s*(?:(.+)_)?(\d+)\s*(?:-\s*(\d+))?(?:\.1)?\s*")
MOST_SHOWN = 8
"""Scans that a message names."""


@dataclass(frozen=True)
class ScanNumbers:
    """Some scan numbers; those of one sample or data set where its name is given.

    Examples
    --------
    >>> parse_scans("S_0002_3-5")
    (ScanNumbers(numbers=range(3, 6), sample='S_0002'),)
    """

    numbers: range
    sample: str | None = None

    def has(self, number: int, sample: str | None) -> bool:
        """Whether a scan is one of them."""
        return number in self.numbers and self.sample in (None, sample)

    def __str__(self) -> str:
        first, last = self.numbers[0], self.numbers[-1]
        number = str(first) if first == last else f"{first}-{last}"
        return number if self.sample is None else f"{self.sample}_{number}"


@dataclass(frozen=True)
class Entry:
    """A scan's entry in a file: its number, the name before it, and where its frames lie.

    `data_path` is that of its measurement where that holds several detectors; None where there is
    no rocking curve, and `fault` says why where links lead nowhere.
    """

    number: int
    name: str
    sample: str | None
    data_path: str | None
    fault: InputError | None = None


def parse_scans(text: str) -> tuple[ScanNumbers, ...]:
    """``1-200`` or ``3,5,7-9`` as scan numbers, ``NAME_1-5`` as those of one sample or data set.

    Raises InputError for anything else.

    Examples
    --------
    >>> print(*parse_scans("3,7-9"))
    3 7-9
    """
    parts = []
    for part in text.split(","):
        form = _PART.fullmatch(part)
        if form is None or (form[3] and int(form[3]) < int(form[2])):
            raise InputError(
                f"scans are {text!r}, expected numbers and ranges: for example --scans 1-200,205"
            )
        numbers = range(int(form[2]), int(form[3] or form[2]) + 1)
        parts.append(ScanNumbers(numbers, form[1].strip() if form[1] else None))
    return tuple(parts)


def bliss_scans(path: Path) -> dict[int, str]:
    """Scan numbers of a BLISS file, and the path of the detector's frames in each.

    Scans that have no detector with a rocking curve are left out. Raises InputError for what is no
    HDF5 file, and for two scans of one number.
    """
    return _by_number(path, [entry for entry in bliss_entries(path) if entry.data_path])


def bliss_entries(path: Path) -> list[Entry]:
    """The entries of a BLISS file by number; InputError for what is no HDF5 file."""
    check_readable(path)
    with open_file(path) as file:
        return sorted(_entries(file, path), key=lambda entry: (entry.number, entry.name))


def chosen_scans(path: Path, wanted: tuple[ScanNumbers, ...]) -> dict[int | str, str]:
    """The paths of the frames of those scans of a BLISS file that are wanted.

    They are by number; by the entry's name where two that are asked for by name share one. Raises
    InputError where that is none, and where a number is named alone and is not there: in a range
    some may be missing.
    """
    entries = bliss_entries(path)
    chosen = [e for e in entries if any(each.has(e.number, e.sample) for each in wanted)]
    there = [entry for entry in chosen if entry.data_path is not None]
    for each in wanted:
        alone = len(each.numbers) == 1
        if alone and not any(each.has(e.number, e.sample) for e in there):
            raise _absent(path, f"no scan {each} with a 3D detector", chosen, entries)
    if not there:
        raise _absent(path, "none of the scans asked for", chosen, entries)
    is_named = any(each.sample is not None for each in wanted)
    if is_named and len({entry.number for entry in there}) < len(there):
        return {entry.name: entry.data_path or "" for entry in there}
    return dict(_by_number(path, there).items())


def _absent(path: Path, what: str, chosen: list[Entry], entries: list[Entry]) -> InputError:
    """Why a scan is not there: the fault of its own links, where it has one."""
    fault = next((entry.fault for entry in chosen if entry.fault is not None), None)
    return fault or InputError(f"{path} has {what}, expected {_listed(entries)}: check --scans")


def _by_number(path: Path, entries: list[Entry]) -> dict[int, str]:
    """The entries by number; InputError for two of one."""
    found: dict[int, Entry] = {}
    for entry in entries:
        other = found.setdefault(entry.number, entry)
        if other is not entry:
            raise InputError(
                f"{path} has two scans {entry.number} (/{other.name} and /{entry.name}), expected "
                f"one: say which, {path.name}:/{other.name}, or --scans {other.name[:-2]}"
            )
    return {number: entry.data_path or "" for number, entry in found.items()}


def _listed(entries: list[Entry]) -> str:
    there = [entry for entry in entries if entry.data_path is not None]
    if not there:
        return "scans such as /1.1/measurement/mpx1x4"
    numbers = [entry.number for entry in there]
    is_unique = len(set(numbers)) == len(numbers)
    shown = ", ".join(str(e.number) if is_unique else e.name for e in there[:MOST_SHOWN])
    return f"one of {shown}{', ...' if len(there) > MOST_SHOWN else ''}"


def _entries(file: h5py.File, path: Path) -> Iterator[Entry]:
    for name in file:
        form = _ENTRY.fullmatch(name)
        if form is None:
            continue
        try:
            detectors = measured_stacks(file, name, path)
        except InputError as fault:
            yield Entry(int(form[2]), name, form[1], None, fault)
            continue
        several = f"{name}/measurement" if detectors else None
        data_path = detectors[0] if len(detectors) == 1 else several
        yield Entry(int(form[2]), name, form[1], data_path)


def measured_stacks(file: h5py.File, entry: str, path: Path) -> list[str]:
    """The paths of the detectors' frames of a scan, known detectors first, each once.

    Parameters
    ----------
    file : the open file.
    entry : path of the scan's entry.
    path : the file that the user named.

    Raises
    ------
    InputError
        Where the scan itself is a link that leads nowhere, or out of the folder of `path`.
    """
    group = peek(file, f"{entry}/measurement", path)
    if not isinstance(group, h5py.Group):
        return []
    found: dict[object, str] = {}
    for name in sorted(group, key=_rank):
        if _looks_like_frames(group, name, path):
            node = quiet_peek(group, name, path)
            found.setdefault(name if node is None else same_place(node), name)
    return [f"{entry}/measurement/{name}" for name in found.values()]


def is_known(data_path: str) -> bool:
    """Whether a data set has the name of a detector of BLISS."""
    return data_path.rpartition("/")[2] in DETECTORS


def _rank(name: str) -> int:
    return DETECTORS.index(name) if name in DETECTORS else len(DETECTORS)


def _looks_like_frames(group: h5py.Group, name: str, path: Path) -> bool:
    """Whether three axes lie there; a broken link of a known detector's name is left to reading."""
    try:
        return is_stack(peek(group, name, path))
    except BrokenLinkError:
        return name in DETECTORS
    except LIBRARY_ERRORS:
        return name in DETECTORS
