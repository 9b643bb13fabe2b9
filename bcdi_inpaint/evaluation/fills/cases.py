"""Cases to judge: gaps of every kind and width on a subject, beside its Bragg peak."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from itertools import product

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.evaluation.fills.config import EvaluationConfig
from bcdi_inpaint.evaluation.fills.subjects import Subject
from bcdi_inpaint.gaps.artificial import GapPlacement, place_near_peak
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.peak.centre import find_peak
from bcdi_inpaint.scan.boxes import as_shape


@dataclass(frozen=True)
class Case:
    """One gap on one subject; `gap` is (n_rock, n_y, n_x), True = hidden from the methods."""

    subject: Subject
    kind: GapPlacement
    width: int
    placement: int
    gap: BoolArray

    @property
    def cluster(self) -> str:
        """The particle; on a measured scan the gap, as there is one crystal only."""
        if self.subject.expectation is not None:
            return self.subject.cluster
        return f"{self.kind} {self.placement}"


def place_cases(subject: Subject, config: EvaluationConfig) -> tuple[list[Case], list[str]]:
    """Place the gaps on a subject; and a line for each width of which some find no place."""
    shape = as_shape(subject.counts.shape)
    peak = find_peak(subject.counts, subject.bad) or tuple(n // 2 for n in shape)
    n_placements = config.placements if subject.expectation is None else 1
    found: list[Case] = []
    remarks: list[str] = []
    for width in config.widths:
        missing: list[str] = []
        for kind, placement in product(_kinds_of(subject, config, width), range(n_placements)):
            rng = case_generator(config.seed, subject, kind, width, placement)
            gaps = place_near_peak(kind, width, shape, peak, rng)
            if gaps:
                found.append(Case(subject, kind, width, placement, gap_mask(gaps, shape)))
            else:
                missing.append(kind)
        if missing:
            remarks.append(
                f"{subject.group} {subject.index}: a gap of {width} does not fit beside the peak "
                f"in {shape}, left out ({', '.join(dict.fromkeys(missing))})"
            )
    return found, remarks


def _kinds_of(subject: Subject, config: EvaluationConfig, width: int) -> list[GapPlacement]:
    """The kinds a subject gets at a width: all, or as many as the configuration says, by turns."""
    n = len(config.kinds)
    if subject.expectation is None or config.kinds_per_pattern >= n:
        return list(config.kinds)
    first = subject.index * config.kinds_per_pattern + config.widths.index(width)
    return [config.kinds[(first + turn) % n] for turn in range(config.kinds_per_pattern)]


def case_generator(
    seed: int, subject: Subject, kind: str, width: int, placement: int
) -> np.random.Generator:
    """A source of random numbers of its own for each case, whatever else is judged.

    Parameters
    ----------
    seed : the configuration's.
    subject : the scan; its group and index count.
    kind : of the gap, or any words that say what is drawn.
    width : of the gap, in voxels.
    placement : number of the gap among those of its kind and width.

    Returns
    -------
    A new generator; the same for the same arguments.
    """
    text = f"{subject.group} {kind}".encode()
    return np.random.default_rng([seed, zlib.crc32(text), subject.index, width, placement])
