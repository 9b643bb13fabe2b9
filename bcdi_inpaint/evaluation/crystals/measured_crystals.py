"""Measured scans with artificial gaps: the reconstruction of the complete scan is the reference.

Nobody knows the object of a measured scan. What its complete counts lead to is the nearest to it,
and how far other starts on the same counts end from it is the floor below which nothing can be
told: the row ``complete``, whose starts are others than the reference's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Complex64Array, Float32Array
from bcdi_inpaint.evaluation.crystals.config import (
    FREE,
    KNOWN,
    CrystalScoresConfig,
    MeasuredConfig,
)
from bcdi_inpaint.evaluation.crystals.known_crystal import KnownCrystal
from bcdi_inpaint.evaluation.crystals.retrieving import retrieve_kept
from bcdi_inpaint.evaluation.fills.subjects import read_subject, valid_counts
from bcdi_inpaint.files import load_npz
from bcdi_inpaint.phasing.handover import HandOver
from bcdi_inpaint.phasing.peak_box import crop_around_peak
from bcdi_inpaint.safe_files import new_files

MEASURED = "measured"
"""The kind of a measured crystal."""


def find_scans(
    scans: Sequence[MeasuredConfig], folder: Path | None
) -> tuple[list[tuple[MeasuredConfig, Path]], list[str]]:
    """The scans that are there with their files, and a line for each that is not.

    A file is looked for by its path, and in `folder`.
    """
    found, lines = [], []
    for scan in scans:
        places = [Path(scan.file), *([] if folder is None else [folder / scan.file])]
        there = next((place for place in places if place.exists()), None)
        if there is None:
            lines.append(f"no scan {scan.file} here, {scan.name} left out: give its path")
        else:
            found.append((scan, there))
    return found, lines


def measured_crystal(
    scan: MeasuredConfig, path: Path, config: CrystalScoresConfig, references: Path
) -> KnownCrystal:
    """A measured scan, with the reconstruction of its complete counts in the place of the truth.

    Parameters
    ----------
    scan : which part of the file is taken.
    path : of the file.
    config : how it is phased.
    references : folder where references are kept, and found again.

    Returns
    -------
    The crystal; its `expectation` are the counts.

    Raises
    ------
    InputError
        The file is damaged, the box does not fit, or no start finds a particle.
    """
    subject = read_subject(scan, path)
    counts = np.where(subject.bad, np.float32(0), valid_counts(subject.counts))
    box = crop_around_peak(counts, subject.bad, (scan.size,) * 3)
    counts, bad = np.ascontiguousarray(counts[box]), np.ascontiguousarray(subject.bad[box])
    kept = references / f"reference_{scan.name}.npz"
    truth = _kept(kept, lambda: _reference(counts, bad, scan.name, config))
    return KnownCrystal(scan.name, truth, counts, counts, MEASURED, bad)


def _reference(
    counts: Float32Array, bad: BoolArray, name: str, config: CrystalScoresConfig
) -> Complex64Array:
    """The best reconstruction of complete counts, its starts drawn from the name."""
    own = np.random.default_rng([config.seed, *name.encode()])
    setting = next((one for one in config.settings if one != KNOWN), FREE)
    handed = HandOver("complete", counts, bad, np.zeros_like(bad))
    return retrieve_kept(handed, setting, config, int(own.integers(2**32)))[0].obj


def _kept(path: Path, make: Callable[[], Complex64Array]) -> Complex64Array:
    """The object in a file; it is made and written where there is none."""
    if path.is_file():
        return load_npz(path)["obj"].astype(np.complex64)
    obj = make()
    with new_files([path], force=True) as parts, parts[path].open("wb") as stream:
        np.savez_compressed(stream, obj=obj)
    return obj
