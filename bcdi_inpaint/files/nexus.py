"""Where the counts lie in NeXus files: `default`, `signal`, and EIGER's numbered data sets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np

from bcdi_inpaint.files.faults import LIBRARY_ERRORS
from bcdi_inpaint.files.hdf5 import node_at
from bcdi_inpaint.files.inside import is_auxiliary, is_stack
from bcdi_inpaint.files.links import Node, children, quiet_peek, same_place

_NUMBERED = re.compile(r"data_?(\d+)")
_PLACES = ("data", "measurement", "measurement/data", "instrument/detector")
LONGEST_CHAIN = 8
"""Groups that name one another as their default."""

Place = tuple[str, ...]
"""The paths of the data sets that are one stack together; mostly one."""


def nexus_stacks(file: h5py.File, inner: str, path: Path) -> list[Place]:
    """The stacks in a group, or a whole file, as NeXus tells; the default comes first.

    Parameters
    ----------
    file : the open file.
    inner : path of the group; empty for the root.
    path : the file that the user named.

    Returns
    -------
    The paths of each; those of EIGER's numbered data sets in numeric order, also where no file
    was written for them.
    """
    found: list[Place] = []
    seen = set()
    for group_path in _groups(file, inner, path):
        place = _stack_in(file, group_path, path)
        if place is None:
            continue
        node = next((n for each in place if (n := quiet_peek(file, each, path)) is not None), None)
        key = place if node is None else same_place(node)
        if key not in seen:
            seen.add(key)
            found.append(place)
    return found


def has_default(file: h5py.File, path: Path) -> bool:
    """Whether the file itself says which of its stacks is meant."""
    default = _default_of(file, "", path)
    groups = _groups_of_entry(file, default, path) if default else ()
    return any(_stack_in(file, group, path) is not None for group in groups)


def nexus_detectors(file: h5py.File, entry: str, path: Path) -> list[str]:
    """The group of an entry's detector, where its class says so and it is the only one.

    Parameters
    ----------
    file : the open file.
    entry : path of the entry.
    path : the file that the user named.
    """
    instrument = quiet_peek(file, f"{entry}/instrument", path)
    if not isinstance(instrument, h5py.Group):
        return []
    named = [
        f"{entry}/instrument/{name}"
        for name, node in children(instrument, path)
        if _class_of(node) == "NXdetector"
    ]
    return named if len(named) == 1 else []


def _groups(file: h5py.File, inner: str, path: Path) -> Iterator[str]:
    """Groups that may hold a stack, the likeliest first."""
    default = _default_of(file, inner, path)
    if default:
        yield from _groups_of_entry(file, default, path)
    if inner:
        yield from _groups_of_entry(file, inner, path)
        return
    for name, node in children(file, path):
        if _class_of(node) == "NXentry" or name.startswith("entry"):
            yield _default_of(file, name, path)
            yield from _groups_of_entry(file, name, path)


def _groups_of_entry(file: h5py.File, entry: str, path: Path) -> Iterator[str]:
    yield entry
    yield from (f"{entry}/{place}" for place in _PLACES)
    group = quiet_peek(file, entry, path)
    if isinstance(group, h5py.Group):
        classes = {name: _class_of(node) for name, node in children(group, path)}
        yield from (f"{entry}/{name}" for name, kind in classes.items() if kind == "NXdata")
    yield from nexus_detectors(file, entry, path)


def _default_of(file: h5py.File, inner: str, path: Path) -> str:
    """The group that a chain of `default` attributes leads to; where it began without any."""
    for _ in range(LONGEST_CHAIN):
        group = quiet_peek(file, inner, path)
        name = "" if group is None else _text(group, "default")
        if not name:
            break
        inner = (name if name.startswith("/") else f"{inner}/{name}").strip("/")
    return inner


def _stack_in(file: h5py.File, inner: str, path: Path) -> Place | None:
    """The stack that a group of data holds itself."""
    group = quiet_peek(file, inner, path)
    if isinstance(group, h5py.Dataset):
        return (inner,) if inner and is_stack(group) else None
    is_data = _class_of(group) in ("NXdata", "NXdetector") or inner.endswith(("data", "/detector"))
    if not isinstance(group, h5py.Group) or not is_data:
        return None
    named, numbered = _text(group, "signal"), numbered_names(group)
    if numbered and (named in ("", *numbered) or not _is_whole(group, named, path)):
        return tuple(f"{inner}/{name}" for name in numbered)
    signal = _signal_of(group, path)
    return (f"{inner}/{signal}",) if signal else None


def _signal_of(group: h5py.Group, path: Path) -> str:
    """The data set that a group names as its signal, in the new or the old way; empty for none.

    Without a name it is `data`, or the only one of three axes.
    """
    name = _text(group, "signal")
    if name and is_stack(quiet_peek(group, name, path)):
        return name
    stacks = {name: node for name, node in children(group, path) if is_stack(node)}
    old = [name for name, node in stacks.items() if _text(node, "signal") in ("1", "1.0")]
    counts = [name for name in stacks if not is_auxiliary(name)]
    if old or "data" in stacks:
        return old[0] if old else "data"
    return counts[0] if len(counts) == 1 else ""


def _is_whole(group: h5py.Group, name: str, path: Path) -> bool:
    """Whether a stack is there with all that it is made of."""
    with suppress(*LIBRARY_ERRORS):
        return is_stack(node_at(group, name, path))
    return False


def numbered_names(group: h5py.Group) -> list[str]:
    """EIGER's ``data_000001``, ``data_000002``, ... in numeric order, broken links too."""
    numbers = {name: form for name in group if (form := _NUMBERED.fullmatch(name)) is not None}
    return sorted(numbers, key=lambda name: (int(numbers[name][1]), name))


def _class_of(node: Node | None) -> str:
    return "" if node is None else _text(node, "NX_class")


def _text(node: Node, name: str) -> str:
    """An attribute as text, empty for none."""
    value = node.attrs.get(name, "")
    if isinstance(value, np.ndarray):
        value = value.reshape(-1)[0] if value.size else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
