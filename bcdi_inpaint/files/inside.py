"""The 3D data sets that an HDF5 file holds, links followed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import h5py

from bcdi_inpaint.files.faults import LIBRARY_ERRORS
from bcdi_inpaint.files.forms import squeezed_shape
from bcdi_inpaint.files.links import Node, children, is_link, same_place

MOST_LOOKED_AT = 2000
"""Groups and data sets, of a file that may hold a whole beamtime."""
AUXILIARY = ("mask", "filled", "sigma", "bound", "error", "flat", "dark", "background", "support")
"""Words in the names of data sets that belong to counts and are none."""


def is_stack(node: Node | None) -> bool:
    """Whether a node can be the counts of a rocking curve, by its axes and its type."""
    if not isinstance(node, h5py.Dataset) or node.shape is None:
        return False
    return len(squeezed_shape(node.shape)) == 3 and node.dtype.kind in "uif"


def stacks_below(group: h5py.Group, inner: str, path: Path) -> Iterator[tuple[str, h5py.Dataset]]:
    """The 3D data sets below a group by the path walked to them, each once; links come last.

    Parameters
    ----------
    group : where to look.
    inner : the path that was walked to it.
    path : the file that the user named.
    """
    left, linked = deque[tuple[str, Node]]([(inner, group)]), deque[tuple[str, Node]]()
    seen: set[tuple[int, int]] = set()
    while (left or linked) and len(seen) < MOST_LOOKED_AT:
        walked, node = (left or linked).popleft()
        if same_place(node) in seen:
            continue
        seen.add(same_place(node))
        if is_stack(node):
            yield walked, node
        if isinstance(node, h5py.Group):
            for name, below in children(node, path):
                later = linked if is_link(node, name) else left
                later.append((f"{walked}/{name}".strip("/"), below))


def candidates(group: h5py.Group, inner: str, path: Path) -> str:
    """A few 3D data sets below a group, as the end of a message.

    Parameters
    ----------
    group : where to look.
    inner : the path that was walked to it.
    path : the file that the user named.
    """
    found = []
    with suppress(*LIBRARY_ERRORS):
        for walked, _ in stacks_below(group, inner, path):
            if not is_auxiliary(walked):
                found.append(f"/{walked}")
            if len(found) == 3:
                break
    return f" (3D data sets: {', '.join(found)})" if found else " (it holds no 3D data set)"


def is_auxiliary(walked: str) -> bool:
    """Whether a data set's name says that it belongs to counts and is none."""
    return any(word in walked.rpartition("/")[2].lower() for word in AUXILIARY)
