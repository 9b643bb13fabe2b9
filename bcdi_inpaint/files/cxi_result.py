"""The CXI of a reconstruction, as PyNX writes it: written, and read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from bcdi_inpaint.files.cxi_writing import (
    Provenance,
    require_group,
    write_array,
    write_head,
    write_process,
)
from bcdi_inpaint.files.hdf5 import load
from bcdi_inpaint.files.hdf5_writing import new_hdf5
from bcdi_inpaint.files.layout import RESULT_PROCESS
from bcdi_inpaint.files.opening import open_file
from bcdi_inpaint.scan.scan import Metadata


@dataclass(frozen=True)
class StoredResult:
    """A reconstruction in a file of PyNX's.

    Attributes
    ----------
    obj : (n_rock, n_y, n_x) complex64, centred, with what is outside the support.
    support : (n_rock, n_y, n_x) bool.
    llk, llk_free : log-likelihoods; the free one is nan where there were no free voxels.
    threshold : of the support.
    outside : part of the object's square outside the support.
    ends : (6,) first line and the one after the last of the part of the scan that was phased, axis
        by axis; empty where the file does not say.
    free_log_error : RMS error of log(1 + counts) of the free voxels; nan where it does not say.
    begun : whether the run began at an object that the refinement found.
    """

    obj: np.ndarray
    support: np.ndarray
    llk: float
    llk_free: float
    threshold: float
    outside: float
    ends: tuple[int, ...] = ()
    free_log_error: float = float("nan")
    begun: bool = False


def read_result(path: str | Path) -> StoredResult:
    """The reconstruction in a file of PyNX's runner; InputError if it cannot be read."""
    with open_file(Path(path)) as file:
        obj = load(file["entry_1/image_1/data"]).astype(np.complex64)
        support = load(file["entry_1/image_1/mask"]) > 0
        process = file[RESULT_PROCESS]
        square = np.abs(obj) ** 2
        free = process.get("configuration/free_pixel_mask")
        return StoredResult(
            obj,
            support,
            float(process["results/llk_poisson"][()]),
            float("nan") if free is None else float(process["results/free_llk_poisson"][()]),
            float(process["configuration/support_threshold"][()]),
            float((square * ~support).sum() / square.sum()),
            _ends(process.get("configuration/roi_final")),
            _number(process.get("configuration/inpaint_free_log_error")),
            "configuration/inpaint_used_object" in process,
        )


def _number(node: object) -> float:
    """What a file says; nan where it does not."""
    return float(node[()]) if isinstance(node, h5py.Dataset) else float("nan")


def _ends(node: object) -> tuple[int, ...]:
    """The ends of the box that was phased; none where the file does not have six."""
    if not isinstance(node, h5py.Dataset) or node.shape != (6,):
        return ()
    return tuple(int(end) for end in node[()])


def write_result(
    path: str | Path,
    obj: np.ndarray,
    support: np.ndarray,
    metadata: Metadata,
    results: Mapping[str, float | int],
    log: Iterable[str],
    provenance: Provenance,
    force: bool = False,
    inputs: Iterable[str | Path | None] = (),
) -> None:
    """Write a reconstruction as PyNX does, where its analysis looks for it.

    Parameters
    ----------
    path : the file to write.
    obj : (n_rock, n_y, n_x) complex64, centred.
    support : (n_rock, n_y, n_x) bool.
    metadata : what is known about the experiment.
    results : log-likelihoods and the like, by PyNX's names.
    log : a line for each stage.
    provenance : how it was made, see `Provenance`; ``iobs_shape`` and ``roi_final``
        keep their names, which are PyNX's.
    force : whether an existing file may be replaced.
    inputs : files that were read; none may be the output.

    Raises
    ------
    InputError
        See `check_output`; also where the disk is full.
    """
    with new_hdf5(Path(path), force, inputs) as file:
        write_head(file, Path(path), metadata)
        image = require_group(file, "entry_1/image_1")
        image.attrs["signal"] = "data"
        write_array(image, "data", obj)
        write_array(image, "mask", support.astype(np.int8))  # PyNX's name for its support
        image["support"] = h5py.SoftLink("/entry_1/image_1/mask")
        image["data_type"], image["data_space"] = "electron density", "real"
        data = require_group(file, "entry_1/data_1")
        data["data"] = h5py.SoftLink("/entry_1/image_1/data")
        data.attrs["signal"] = "data"
        file["entry_last"] = h5py.SoftLink("/entry_1")
        write_process(file, provenance, RESULT_PROCESS)
        process = file[RESULT_PROCESS]
        note = require_group(process, "note_1")
        note["description"], note["type"] = "log of the best run", "text/plain"
        note["data"] = "\n".join(log)
        group = require_group(process, "results")
        for name, value in results.items():
            group[name] = value
