"""Writing a filled scan as files of arrays: cdiutils' npz pair, and a TIFF stack with its mask."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from bcdi_inpaint.files.cxi import (
    Provenance,
    check_fill,
    fill_arrays,
    own_version,
    remaining_mask,
)
from bcdi_inpaint.files.output import write_whole
from bcdi_inpaint.scan.scan import Scan


def write_npz(
    path: str | Path,
    scan: Scan,
    filled_counts: np.ndarray,
    gap_mask: np.ndarray,
    provenance: Provenance,
    force: bool = False,
    sigma: np.ndarray | None = None,
    trusted: np.ndarray | None = None,
    bounds: tuple[np.ndarray, np.ndarray] | None = None,
) -> None:
    """Write a filled scan as the pair that cdiutils hands to PyNX.

    Parameters and errors are those of `cxi.write_cxi`. The mask's file, see `output.companion`,
    has it under ``data`` and under ``mask``, because readers differ; the data's file also has
    ``filled``, ``sigma``, ``lower_bound``, ``upper_bound`` and the provenance as JSON.
    """
    check_fill(scan, filled_counts, gap_mask)
    arrays = {"data": filled_counts, **fill_arrays(gap_mask, sigma, bounds)}
    arrays["provenance"] = np.array(_as_json(provenance))
    bad = remaining_mask(scan, gap_mask, trusted)
    write_whole(
        Path(path), _npz_bytes(arrays), _npz_bytes({"data": bad, "mask": bad}), force, [scan.source]
    )


def write_tiff(
    path: str | Path,
    scan: Scan,
    filled_counts: np.ndarray,
    gap_mask: np.ndarray,
    provenance: Provenance,
    force: bool = False,
    sigma: np.ndarray | None = None,
    trusted: np.ndarray | None = None,
    bounds: tuple[np.ndarray, np.ndarray] | None = None,
) -> None:
    """Write a filled scan as a float32 TIFF stack, frames first, which cohere takes.

    Parameters and errors are those of `cxi.write_cxi`. The mask is ``<stem>_mask.tif``, the
    provenance the description of the first frame. There is no place for `sigma` and `bounds`.
    """
    check_fill(scan, filled_counts, gap_mask)
    content = _tiff_bytes(filled_counts, _as_json(provenance))
    mask = _tiff_bytes(remaining_mask(scan, gap_mask, trusted).astype(np.uint8), "non-zero = bad")
    write_whole(Path(path), content, mask, force, [scan.source])


def _as_json(provenance: Provenance) -> str:
    return json.dumps({"program": "bcdi-inpaint", "version": own_version(), **provenance})


def _npz_bytes(arrays: dict[str, np.ndarray]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def _tiff_bytes(volume: np.ndarray, description: str) -> bytes:
    import tifffile

    stream = io.BytesIO()
    tifffile.imwrite(
        stream,
        volume,
        photometric="minisblack",
        metadata=None,
        description=description,
        bigtiff=volume.nbytes > 2**32 - 2**25,
    )
    return stream.getvalue()
