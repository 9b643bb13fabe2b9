"""What the network sees of a box of a scan, and of the box's Friedel mate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array
from bcdi_inpaint.gaps.masks import GapRegion, find_planes
from bcdi_inpaint.network.channels import Features, GuessKind, compute_features
from bcdi_inpaint.peak.friedel import mate_source
from bcdi_inpaint.running.threads import in_threads
from bcdi_inpaint.scan.boxes import Box, as_box, blocks, hull, move, volume, within
from bcdi_inpaint.scan.scan import Measured


def compute_region_features(
    scan: Measured,
    gap: GapRegion,
    box: Box,
    centre: Float64Array,
    guess: GuessKind = "kriged",
) -> Features:
    """Compute what the network sees of a box of the scan.

    The planes to krige are found in the box's gap and bad voxels together: masked lines beside a
    gap make it wider, so the gaps that were found in the scan do not serve.

    Parameters
    ----------
    scan : the measured scan, which may stay in its file.
    gap : its voxels to fill.
    box : the part of the scan.
    centre : (3,) centre of the scan's peak, in voxels of the scan.
    guess : how the first guess is made.

    Returns
    -------
    The features, of the box's shape.
    """
    found = mate_source(box, scan.shape, centre)
    sources = [box] if found is None else [box, as_box(found[0])]
    (log_counts, unknown), *opposite = read_log_counts_of(scan, gap, sources)
    mate, mate_known = np.zeros_like(log_counts), np.zeros_like(unknown)
    if found is not None:
        ((mate_logs, mate_unknown),) = opposite
        mate[found[1]], mate_known[found[1]] = np.flip(mate_logs), ~np.flip(mate_unknown)
    corner = [part.start for part in box]
    return compute_features(
        log_counts, unknown, find_planes(unknown), guess, (mate, mate_known), centre - corner
    )


def read_log_counts_of(
    scan: Measured, gap: GapRegion, boxes: Sequence[Box]
) -> Iterator[tuple[Float32Array, BoolArray]]:
    """Read log counts of some boxes, at once where the box around them is no larger.

    Parameters
    ----------
    scan : the measured scan.
    gap : its voxels to fill.
    boxes : parts of the scan.

    Yields
    ------
    For each box what `read_log_counts` returns.
    """
    around = as_box(hull(boxes))
    if volume(around) > sum(map(volume, boxes)):
        yield from (read_log_counts(scan, gap, box) for box in boxes)
        return
    log_counts, unknown = read_log_counts(scan, gap, around)
    for box in boxes:
        inner = within(box, around)
        yield np.ascontiguousarray(log_counts[inner]), np.ascontiguousarray(unknown[inner])


def read_log_counts(scan: Measured, gap: GapRegion, box: Box) -> tuple[Float32Array, BoolArray]:
    """Read the log counts of a box, a block of frames at a time.

    Parameters
    ----------
    scan : the measured scan.
    gap : its voxels to fill.
    box : part of the scan.

    Returns
    -------
    log(1 + counts), float32 of the box's shape, 0 where unknown; and where that is, bool.
    """
    first = box[0].start

    def block(of: Box) -> tuple[Float32Array, BoolArray]:
        own = as_box((*move(of[:1], (first,)), *box[1:]))
        part = scan.part(own)
        unknown = gap.part(own) | part.bad_mask
        with np.errstate(over="ignore", invalid="ignore"):
            known = np.where(unknown, 0, part.counts).astype(np.float32)
        return np.log1p(known), unknown

    frames = blocks((box[0].stop - first, 1, 1))
    log_counts, unknown = zip(*in_threads(block, frames), strict=True)
    return np.concatenate(log_counts), np.concatenate(unknown)
