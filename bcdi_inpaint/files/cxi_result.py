"""Writing the CXI of a reconstruction, as PyNX does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
from bcdi_inpaint.files.hdf5_writing import new_hdf5
from bcdi_inpaint.files.layout import RESULT_PROCESS
from bcdi_inpaint.scan.scan import Metadata


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
