"""Which data set of an HDF5 file is the scan, where the user has not given its path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.bliss import bliss_entries, is_known, measured_stacks
from bcdi_inpaint.files.hdf5 import node_at
from bcdi_inpaint.files.inside import candidates, is_auxiliary, stacks_below
from bcdi_inpaint.files.layout import DATA_PATHS
from bcdi_inpaint.files.links import peek, quiet_peek, same_place
from bcdi_inpaint.files.nexus import Place, has_default, nexus_stacks, numbered_names
from bcdi_inpaint.scan.remarks import Remark, Remarks

MOST_SHOWN = 4
"""Data sets that a remark names."""


@dataclass(frozen=True)
class Located:
    """Where a scan's counts lie: the paths of data sets that are one stack, in their order."""

    place: Place
    remarks: Remarks = ()

    @property
    def data_path(self) -> str:
        """The path of the first."""
        return self.place[0]


def locate(file: h5py.File, inner: str | None, path: Path) -> Located:
    """Find where the counts lie: at a path, in the group there, or where such files keep them.

    Parameters
    ----------
    file : the open file.
    inner : path in it; None to look where PyNX, BLISS and NeXus have them.
    path : the file's name.

    Returns
    -------
    Where they lie; where several could be meant, a remark names what is read.

    Raises
    ------
    InputError
        Where nothing is, and where a guess may be wrong.
    """
    if inner is None:
        return _in_file(file, path)
    if not isinstance(peek(file, inner, path), h5py.Group):
        return Located((inner,), _one_of_many(file, inner, path))
    return _in_group(file, inner, path)


def _in_file(file: h5py.File, path: Path) -> Located:
    for data_path in DATA_PATHS:
        if node_at(file, data_path, path) is not None:
            return Located((data_path,), _also_there(file, data_path, path))
    scans = [entry for entry in bliss_entries(path) if entry.data_path or entry.fault]
    if len(scans) > 1:
        names = [str(entry.number) for entry in scans]
        names = names if len(set(names)) == len(names) else [entry.name for entry in scans]
        raise InputError(
            f"{path} holds {len(scans)} scans ({', '.join(names[:8])}, ...), expected one: give "
            f"{path.name}:/{scans[0].name}, or say which to predict with --scans"
        )
    if scans:
        return _in_measurement(file, scans[0].name, path)
    stacks = nexus_stacks(file, "", path)
    if len(stacks) > 1 and not has_default(file, path) and _entries_of(stacks) > 1:
        raise _ambiguous(f"{path}", [place[0] for place in stacks], path)
    if stacks:
        return Located(stacks[0], _others(path, stacks[0], [place[0] for place in stacks[1:]]))
    raise InputError(
        f"{path} has no data set at {' or '.join(DATA_PATHS)}, expected one of these: "
        f"give {path.name}:/path{candidates(file, '', path)}"
    )


def _in_group(file: h5py.File, inner: str, path: Path) -> Located:
    entry = inner.removesuffix("/measurement")
    if isinstance(quiet_peek(file, f"{entry}/measurement", path), h5py.Group):
        found = measured_stacks(file, entry, path)
        if found:
            return _in_measurement(file, entry, path)
    stacks = nexus_stacks(file, inner, path)
    if stacks:
        return Located(stacks[0], _others(path, stacks[0], [place[0] for place in stacks[1:]]))
    group = peek(file, inner, path)
    assert isinstance(group, h5py.Group), "looked at before"
    raise InputError(
        f"{path}:/{inner} is a group, expected a data set: give its path"
        f"{candidates(group, inner, path)}"
    )


def _one_of_many(file: h5py.File, inner: str, path: Path) -> Remarks:
    """What to say of one of EIGER's numbered data sets: the others are the scan too."""
    above, _, name = inner.rpartition("/")
    group = quiet_peek(file, above, path)
    names = numbered_names(group) if isinstance(group, h5py.Group) else []
    if name not in names or len(names) == 1:
        return ()
    text = (
        f"reads {path.name}:/{inner} alone, one of {len(names)} numbered data sets: give "
        f"{path.name}:/{above} for all of them as one scan"
    )
    return (Remark("one-of-several-data-sets", text),)


def _in_measurement(file: h5py.File, entry: str, path: Path) -> Located:
    """The frames of a scan of BLISS; InputError for several unknown detectors."""
    found = measured_stacks(file, entry, path)
    if not found:
        raise _ambiguous(f"{path}:/{entry}", found, path)
    if len(found) > 1 and not is_known(found[0]):
        raise _ambiguous(f"{path}:/{entry}", found, path)
    return Located((found[0],), _others(path, (found[0],), found[1:]))


def _ambiguous(where: str, found: list[str], path: Path) -> InputError:
    shown = ", ".join(f"/{each}" for each in found[: 2 * MOST_SHOWN])
    return InputError(
        f"{where} holds {len(found)} data sets that could be the scan ({shown}), expected one: "
        f"give {path.name}:/path"
    )


def _entries_of(stacks: list[Place]) -> int:
    return len({place[0].split("/")[0] for place in stacks})


def _also_there(file: h5py.File, data_path: str, path: Path) -> Remarks:
    """What to say of other stacks in a file of PyNX or cdiutils, besides what belongs to one."""
    own = quiet_peek(file, data_path, path)
    if not isinstance(own, h5py.Dataset):
        return ()
    beside = f"{data_path.rpartition('/')[0]}/"  # what belongs to a CXI's detector or image
    others = [
        walked
        for walked, node in stacks_below(file, "", path)
        if same_place(node) != same_place(own)
        and not is_auxiliary(walked)
        and not walked.startswith(beside)
    ]
    return _others(path, (data_path,), others)


def _others(path: Path, place: Place, others: list[str]) -> Remarks:
    """The line that names what is read, where more is there."""
    if not others:
        return ()
    count = f" and {len(place) - 1} after it" if len(place) > 1 else ""
    shown = ", ".join(f"/{each}" for each in others[:MOST_SHOWN])
    more = f" and {len(others) - MOST_SHOWN} more" if len(others) > MOST_SHOWN else ""
    text = (
        f"reads {path.name}:/{place[0]}{count}; also there: {shown}{more}: give {path.name}:/path "
        "for another"
    )
    return (Remark("several-data-sets", text),)
