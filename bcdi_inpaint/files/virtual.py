"""Data sets that are made of others: what is absent of them HDF5 reads as zeros, without a word."""

from __future__ import annotations

import itertools
from pathlib import Path

import h5py
from h5py._hl.vds import VDSmap

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.links import Walk
from bcdi_inpaint.files.opening import other_file
from bcdi_inpaint.files.sources import (
    BLOCK_NUMBER,
    block_name,
    find_blocks,
    find_raw,
    find_source,
)


def check_sources(dataset: h5py.Dataset, walk: Walk) -> None:
    """Refuse a data set made of files that are absent, short, or outside the scan's folder.

    The files that it is made of are added to those of the walk.
    """
    for name, *_ in dataset.external or ():
        walk.files += find_raw(dataset.file, name, walk.path, walk.where)
    if not dataset.is_virtual:
        return
    spans: dict[tuple[str, str], list[VDSmap]] = {}
    for source in dataset.virtual_sources():
        spans.setdefault((source.file_name, source.dset_name), []).append(source)
    for (name, inner), taken in spans.items():
        for other, each in _source_sets(dataset.file, name, inner, walk):
            _check_source(other, each, taken, walk)


def _source_sets(file: h5py.File, name: str, inner: str, walk: Walk) -> list[tuple[h5py.File, str]]:
    """The file and path of a source, or of each of its blocks."""
    if BLOCK_NUMBER not in name:
        other = _source_file(file, name.replace("%%", "%"), walk)
        return [(other, each) for each in _block_sets(other, inner)]
    blocks = find_blocks(file, name, walk.path, walk.where)
    if not blocks:
        raise _absent(name, file, walk)
    walk.files += blocks
    return [(other_file(place), block_name(inner, n)) for n, place in enumerate(blocks)]


def _block_sets(file: h5py.File, inner: str) -> list[str]:
    """The paths of the blocks in one file; the first alone where none is there."""
    numbers = itertools.count(1) if BLOCK_NUMBER in inner else ()
    more = itertools.takewhile(file.__contains__, (block_name(inner, n) for n in numbers))
    return [block_name(inner, 0), *more]


def _source_file(file: h5py.File, name: str, walk: Walk) -> h5py.File:
    if name == ".":
        return file
    place = find_source(file, name, walk.path, walk.where)
    if place is None:
        raise _absent(name, file, walk)
    walk.files.append(place)
    other = other_file(place)
    if other.swmr_mode and not file.swmr_mode:  # HDF5 opens it as it has opened the first
        raise InputError(
            f"{walk.where} is made of {place.name}, which is open in its writer, expected a closed "
            "file: wait until the scan has ended"
        )
    return other


def _absent(name: str, file: h5py.File, walk: Walk) -> InputError:
    return InputError(
        f"{walk.where} is made of other files, and {name} is not there, expected it beside "
        f"{Path(file.filename).name}: bring the detector's own files too"
    )


def _check_source(other: h5py.File, inner: str, taken: list[VDSmap], walk: Walk) -> None:
    """Refuse a source that is no data set, or too small; and look at what it is made of itself."""
    deeper = Walk(walk.path, walk.where, walk.files, walk.n_links)
    deeper.count()
    node = deeper.down(other, inner)
    where = f"{Path(other.filename).name}:/{inner.strip('/')}"
    if not isinstance(node, h5py.Dataset):
        raise InputError(
            f"{walk.where} is made of {where}, where no data set is, expected the frames: bring "
            "the detector's own files as they were written"
        )
    if any(_is_short(node, source) for source in taken):
        raise InputError(
            f"{walk.where} is made of {where}, which has the shape {node.shape}, expected it to "
            "hold all that is taken of it: was the scan cut short? Give the path of the frames"
        )
    check_sources(node, deeper)


def _is_short(node: h5py.Dataset, source: VDSmap) -> bool:
    """Whether more is taken of a source than it has."""
    try:
        if source.src_space.get_select_type() == h5py.h5s.SEL_HYPERSLABS:
            _, last = source.src_space.get_select_bounds()
            return any(end >= n for end, n in zip(last, node.shape, strict=True))
        return bool(source.vspace.get_select_npoints() > (node.size or 0))
    except (ValueError, RuntimeError):  # one without an end, or of other axes
        return False
