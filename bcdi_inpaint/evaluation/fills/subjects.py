"""Scans whose counts are known everywhere: simulated patterns, and measured ones."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills.config import ScanConfig
from bcdi_inpaint.files import load_npz, read_scan
from bcdi_inpaint.files.patterns import n_patterns, read_pattern

SIMULATED = "simulated"
DATA_VARIABLE = "BCDI_INPAINT_DATA"
"""The environment variable that names the folder of measured scans."""


@dataclass(frozen=True)
class Subject:
    """One scan whose counts are known everywhere; arrays (n_rock, n_y, n_x).

    Attributes
    ----------
    group : what scores are averaged over: ``simulated``, or the name of a measured scan.
    index : its number in the group; of a pattern that in its recipe, also where others failed.
    cluster : what varies independently: the particle, of which there may be several patterns.
    bad : True = invalid, not judged.
    expectation : noise-free expected counts, None where measured.
    """

    group: str
    index: int
    cluster: str
    counts: Float32Array
    bad: BoolArray
    expectation: Float32Array | None = None

    @property
    def brightest(self) -> float:
        """Counts of the brightest voxel, expected ones where they are known."""
        if self.expectation is not None:
            return float(self.expectation.max())
        return float(np.where(self.bad, 0, self.counts).max())


def valid_counts(counts: Float32Array) -> Float32Array:
    """Counts without the marks of bad pixels, such as NaN or -1: 0 there."""
    return np.nan_to_num(np.clip(counts, 0, None), nan=0.0, posinf=0.0)


def simulated_subjects(path: Path, rows: Sequence[int] | None = None) -> Iterator[Subject]:
    """The patterns of a file, or some of its rows; InputError for what is no file of 3D ones."""
    for row in range(n_patterns(path)) if rows is None else rows:
        stored = read_pattern(path, row)
        if stored.counts.ndim != 3:
            raise InputError(
                f"{path} holds patterns of shape {stored.counts.shape}, expected 3 axes: give 3D "
                "patterns"
            )
        particle = stored.particle
        yield Subject(
            SIMULATED,
            stored.index,
            f"pattern {stored.index}" if particle is None else f"particle {particle}",
            stored.counts.astype(np.float32),
            stored.bad,
            stored.expectation,
        )


def measured_folder() -> Path | None:
    """The folder of measured scans that ``BCDI_INPAINT_DATA`` names; None where it is not set."""
    named = os.environ.get(DATA_VARIABLE)
    return Path(named) if named else None


def missing_scans(scans: Sequence[ScanConfig], folder: Path | None) -> list[str]:
    """A line for each of the scans whose file is not there, or one where no folder is named."""
    if not scans:
        return []
    if folder is None:
        names = ", ".join(scan.name for scan in scans)
        return [f"{DATA_VARIABLE} is not set: no measured scans ({names} left out)"]
    return [
        f"{scan.name} was left out: its file {scan.file} is not in {folder}, the folder of "
        f"{DATA_VARIABLE}, expected it there: put it there, or take the scan out of measured"
        for scan in scans
        if not (folder / scan.file).exists()
    ]


def measured_subjects(scans: Sequence[ScanConfig], folder: Path | None) -> Iterator[Subject]:
    """Those of the scans whose files are in the folder; InputError for one that is damaged."""
    if folder is None:
        return
    for scan in scans:
        path = folder / scan.file
        if path.exists():
            yield read_subject(scan, path)


def read_subject(scan: ScanConfig, path: Path) -> Subject:
    """The part of a measured scan that is judged; InputError for a file that is damaged."""
    read = read_scan(path)
    bad = read.bad_mask
    if scan.mask_key is not None:
        further = load_npz(path).get(scan.mask_key)
        if further is None or further.shape != bad.shape:
            raise InputError(
                f"{path} holds no array {scan.mask_key!r} of the counts' shape {bad.shape}, "
                "expected one: mend mask_key"
            )
        bad = bad | (further != 0)
    part = tuple(slice(*lines) for lines in (scan.frames, scan.rows, scan.columns))
    counts = read.counts[part].astype(np.float32)
    if not counts.size:
        raise InputError(f"{scan.name}: frames, rows and columns leave nothing, expected a part")
    return Subject(scan.name, 0, scan.name, counts, bad[part])
