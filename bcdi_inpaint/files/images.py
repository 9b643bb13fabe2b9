"""Pictures of detectors that fabio reads: EDF, CBF, MarCCD, Fit2D's masks and others."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.faults import check_size, check_whole, intact
from bcdi_inpaint.files.layout import EV_ANGSTROM
from bcdi_inpaint.scan.scan import Metadata

_PLAIN = (".edf", ".cbf", ".mccd", ".img", ".mar3450")
_ZIPPED = (".edf", ".cbf")
IMAGE_SUFFIXES = (*_PLAIN, ".msk", *(f"{end}{z}" for end in _ZIPPED for z in (".gz", ".bz2")))


def load_image(path: Path) -> tuple[np.ndarray, Metadata]:
    """The frames of a file, (n, n_y, n_x), or (n_y, n_x) of one, and what its header says."""
    import fabio

    kind = path.suffix.lower().removeprefix(".").upper()
    with intact("fabio", f"{path} is no intact {kind} file"), fabio.open(str(path)) as image:
        is_plain = path.suffix.lower() == ".edf" and "COMPRESSION" not in image.header
        shape, dtype, n_frames = tuple(image.shape), np.dtype(image.dtype), image.nframes
        if len(shape) != 2:
            raise InputError(
                f"{path} has frames of {len(shape)} dimensions {shape}, expected 2 (y, x): stack "
                "the frames of one rocking curve"
            )
        declared = n_frames * math.prod(shape) * dtype.itemsize
        if is_plain:
            check_whole(path, declared)
        check_size(declared, path.stat().st_size, str(path))
        frames = _frames(image, path)
        metadata = _metadata({str(k): str(v) for k, v in image.header.items()})
    return frames[0] if n_frames == 1 else np.stack(frames), metadata


def _frames(image: Any, path: Path) -> list[np.ndarray]:
    n_frames = image.nframes
    if n_frames == 1:
        frames = [np.array(image.data)]
    else:
        frames = [np.array(image.get_frame(i).data) for i in range(n_frames)]
    if getattr(image, "incomplete_file", False):
        raise InputError(
            f"{path} ends within a frame, expected {n_frames} whole ones: copy the file again"
        )
    return frames


def _metadata(header: dict[str, str]) -> Metadata:
    """What ESRF's headers say, all in metres."""
    wavelength_m = _number(header, "WaveLength")
    energy_ev = None if not wavelength_m else EV_ANGSTROM / (wavelength_m * 1e10)
    return Metadata(
        energy_ev=None if energy_ev is None else float(f"{energy_ev:.12g}"),
        distance_m=_number(header, "SampleDistance"),
        x_pixel_size_m=_number(header, "PSize_1"),
        y_pixel_size_m=_number(header, "PSize_2"),
        sample=header.get("Title") or None,
    )


def _number(header: dict[str, str], name: str) -> float | None:
    try:
        return float(header[name].split()[0])
    except (KeyError, ValueError, IndexError):
        return None
