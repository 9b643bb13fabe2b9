"""How an output of ours was made, read back from it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bcdi_inpaint.files.faults import LIBRARY_ERRORS
from bcdi_inpaint.files.hdf5 import quiet_node
from bcdi_inpaint.files.layout import PROCESS, RESULT_PROCESS
from bcdi_inpaint.files.opening import open_file


def read_provenance(path: Path) -> dict[str, Any]:
    """The provenance of an output by name; empty for any other file, and for a damaged one.

    Reconstructions are outputs too, our own and PyNX's of a file of ours.
    """
    read = {".cxi": _of_cxi, ".npz": _of_npz, ".tif": _of_tiff}.get(path.suffix.lower())
    try:
        return {} if read is None else read(path)
    except LIBRARY_ERRORS:
        return {}


def is_output(path: Path) -> bool:
    """Whether a file is an output of ours, or the mask that belongs to one."""
    if "input_sha256" in read_provenance(path):
        return True
    for mask_end, data_end in (("_mask", ""), ("_pynx_input_mask", "_pynx_input_data")):
        data = path.with_name(f"{path.stem.removesuffix(mask_end)}{data_end}{path.suffix}")
        is_mask = path.stem.endswith(mask_end) and data.exists()
        if is_mask and "input_sha256" in read_provenance(data):
            return True
    return False


def _of_cxi(path: Path) -> dict[str, Any]:
    with open_file(path) as file:
        return provenance_in(file) or provenance_in(file, RESULT_PROCESS)


def provenance_in(file: h5py.File, process: str = PROCESS) -> dict[str, Any]:
    """What an open file tells by our names at a process, without ``inpaint_``; else nothing."""
    group = quiet_node(file, f"{process}/configuration")
    if not isinstance(group, h5py.Group):
        return {}
    return {
        name.removeprefix("inpaint_"): _plain(node[()])
        for name, node in group.items()
        if name.startswith("inpaint_") and isinstance(node, h5py.Dataset) and node.size < 100
    }


def _plain(value: Any) -> Any:
    """A stored value as Python's own: text, a number, or a tuple of them."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    listed = np.asarray(value).tolist()
    return tuple(map(_plain, listed)) if isinstance(listed, list) else listed


def _of_npz(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo("provenance.npy").file_size > 1_000_000:
            return {}
        with archive.open("provenance.npy") as stream:
            return _of_json(str(np.lib.format.read_array(stream, allow_pickle=False)))


def _of_tiff(path: Path) -> dict[str, Any]:
    import tifffile

    with tifffile.TiffFile(path) as file:
        return _of_json(file.pages[0].description)  # type: ignore[union-attr]


def _of_json(text: str) -> dict[str, Any]:
    record = json.loads(text)
    is_ours = isinstance(record, dict) and record.get("program") == "bcdi-inpaint"
    return record if is_ours else {}
