"""Writing a filled scan as files of arrays: cdiutils' npz pair, and a TIFF stack with its mask."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from bcdi_inpaint.files.cxi_writing import Provenance, own_version
from bcdi_inpaint.files.filled import FilledPart, FilledScan, Uncertainty, check_fill
from bcdi_inpaint.files.left_masks import NON_ZERO_IS_BAD, PAIR_KEYS, is_our_mask
from bcdi_inpaint.files.output import FORMATS, check_output, companion
from bcdi_inpaint.files.siblings import with_sibling
from bcdi_inpaint.safe_files import write_files
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.scan import Measured


def write_filled_npz(
    path: str | Path,
    scan: Measured,
    fill: FilledScan,
    provenance: Provenance,
    *,
    force: bool = False,
) -> None:
    """Write a filled scan as the pair that cdiutils hands to PyNX.

    The mask's file, see `companion`, has it under ``data`` and under ``mask``, because readers
    differ; the data's file also has ``filled``, ``sigma``, ``lower_bound``, ``upper_bound`` and the
    provenance as JSON.

    Parameters
    ----------
    path : the data's file to write.
    scan : the measured scan, (n_rock, n_y, n_x).
    fill : the filled scan, of the same shape; see `FilledScan`.
    provenance : how the fill was made.
    force : whether existing files may be replaced.

    Raises
    ------
    InputError
        See `check_output`; also where the disk is full.
    RuntimeError
        Where the fill is no fill of this scan. That would be our own mistake.
    """
    made = _whole(scan, fill)
    uncertainty = fill.uncertainty(whole(scan.shape)) or _nothing(scan.shape)
    arrays = {
        "data": made.counts,
        "filled": made.filled.astype(np.uint8),
        **vars(uncertainty),
        "provenance": np.array(_as_json(provenance)),
    }
    bad = made.mask.astype(np.int8)
    mask = _npz_bytes(dict.fromkeys(PAIR_KEYS, bad))
    _write_both(Path(path), _npz_bytes(arrays), mask, scan, force)


def write_filled_tiff(
    path: str | Path,
    scan: Measured,
    fill: FilledScan,
    provenance: Provenance,
    *,
    force: bool = False,
) -> None:
    """Write a filled scan as a float32 TIFF stack, frames first, which cohere takes.

    The mask is ``<stem>_mask.tif``, the provenance the description of the first frame. There is no
    place for the fill's uncertainty.

    Parameters
    ----------
    path : the stack to write.
    scan : the measured scan, (n_rock, n_y, n_x).
    fill : the filled scan, of the same shape; see `FilledScan`.
    provenance : how the fill was made.
    force : whether existing files may be replaced.

    Raises
    ------
    InputError
        See `check_output`; also where the disk is full.
    RuntimeError
        Where the fill is no fill of this scan. That would be our own mistake.
    """
    made = _whole(scan, fill)
    content = _tiff_bytes(made.counts, _as_json(provenance))
    mask = _tiff_bytes(made.mask.astype(np.uint8), NON_ZERO_IS_BAD)
    _write_both(Path(path), content, mask, scan, force)


def _whole(scan: Measured, fill: FilledScan) -> FilledPart:
    """All of the filled scan, which is one of this scan."""
    everything = whole(scan.shape)
    measured = scan.part(everything)
    made = fill.part(everything, measured)
    check_fill(measured.counts, made)
    return made


def _nothing(shape: tuple[int, ...]) -> Uncertainty:
    """The uncertainty where nothing was filled."""
    zero = np.zeros(shape, np.float32)
    return Uncertainty(zero, zero, np.full(shape, np.inf, np.float32))


def _write_both(path: Path, content: bytes, mask: bytes, scan: Measured, force: bool) -> None:
    """Write an output and the file of its mask, both or neither."""
    form = next(name for name, suffix in FORMATS.items() if suffix == path.suffix.lower())
    inputs = [] if scan.source is None else with_sibling(scan.source)
    check_output(path, force, inputs, form)
    companion_path = companion(path)
    assert companion_path is not None
    write_files({path: content, companion_path: mask}, force=force, is_left=is_our_mask)


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
