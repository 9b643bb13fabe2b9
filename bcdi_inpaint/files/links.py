"""What lies at a path of an HDF5 file, reached link by link.

HDF5 follows links by itself, but then tells a path in the other file, opens what it should not,
and fails where that file is open in its writer. The path that was walked is what a user knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import h5py

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.faults import LIBRARY_ERRORS
from bcdi_inpaint.files.opening import other_file
from bcdi_inpaint.files.sources import find_source

MAX_DEPTH = 16
"""Of links and virtual data sets that lead to one another."""

Node: TypeAlias = "h5py.Group | h5py.Dataset"


class BrokenLinkError(InputError):
    """A link whose target is not there."""


@dataclass
class Walk:
    """One way through files, from the file that the user named.

    Attributes
    ----------
    path : the file that the user named.
    where : what messages begin with.
    files : the files that it led to, besides the first.
    n_links : links so far.
    """

    path: Path
    where: str
    files: list[Path] = field(default_factory=list)
    n_links: int = 0

    def down(self, group: h5py.Group, inner: str) -> Node | None:
        """What lies at a path below a group; None where a part of it is absent."""
        node: Node = group
        for name in inner.split("/"):
            if name in ("", "."):
                continue
            below = self.step(node, name) if isinstance(node, h5py.Group) else None
            if below is None:
                return None
            node = below
        return node

    def step(self, group: h5py.Group, name: str) -> Node | None:
        """What a group has under a name, None for nothing; BrokenLinkError for a broken link."""
        link = group.get(name, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.SoftLink | h5py.ExternalLink):
            return group[name]
        self.count()
        outside = getattr(link, "filename", "")
        found = self._outside(group.file, link) if outside else self._inside(group, link.path)
        if found is None:
            raise BrokenLinkError(
                f"{self.where} is a link to {outside}{':' if outside else ''}{link.path}, which is "
                "not there, expected a data set: bring the file it points to, or give another path"
            )
        return found

    def count(self) -> None:
        """Refuse links, or virtual data sets, that lead to one another without end."""
        self.n_links += 1
        if self.n_links > MAX_DEPTH:
            raise InputError(
                f"{self.where} is a link that leads through more than {MAX_DEPTH} others, expected "
                "a data set: give its own path"
            )

    def _inside(self, group: h5py.Group, target: str) -> Node | None:
        return self.down(group.file if target.startswith("/") else group, target)

    def _outside(self, file: h5py.File, link: h5py.ExternalLink) -> Node | None:
        place = find_source(file, link.filename, self.path, self.where)
        if place is None:
            return None
        self.files.append(place)
        return self.down(other_file(place), link.path)


def peek(file: h5py.Group, inner: str, path: Path) -> Node | None:
    """What lies at a path of an open file, None for nothing.

    Whether a virtual data set has all its sources is not looked at.

    Parameters
    ----------
    file : the open file, or a group of it.
    inner : path in it.
    path : the file that the user named, in whose folder all has to lie.

    Raises
    ------
    InputError
        For links that lead to nothing, or out of the folder.
    """
    return Walk(path, f"{path}:/{inner}").down(file, inner)


def quiet_peek(file: h5py.Group, inner: str, path: Path) -> Node | None:
    """What lies at a path, None also for what leads nowhere or may not be followed.

    Parameters
    ----------
    file : the open file, or a group of it.
    inner : path in it.
    path : the file that the user named, in whose folder all has to lie.
    """
    with suppress(*LIBRARY_ERRORS):
        return peek(file, inner, path)
    return None


def is_link(group: h5py.Group, name: str) -> bool:
    """Whether a name is a link to a path, here or in another file."""
    return isinstance(group.get(name, getlink=True), h5py.SoftLink | h5py.ExternalLink)


def children(group: h5py.Group, path: Path) -> Iterator[tuple[str, Node]]:
    """What a group holds by name, links followed; what leads nowhere is left out."""
    for name in group:
        node = quiet_peek(group, name.replace("/", ""), path)
        if node is not None:
            yield name, node


def same_place(node: Node) -> tuple[int, int]:
    """A key that two nodes have in common if they are the same object of the same file."""
    info = h5py.h5o.get_info(node.id)
    return int(info.fileno), int(info.addr)
