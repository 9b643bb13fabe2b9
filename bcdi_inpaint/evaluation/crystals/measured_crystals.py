"""Measured scans with artificial gaps: the reconstruction of the complete scan is the reference.

Nobody knows the object of a measured scan. What its complete counts lead to is the nearest to it,
and how far other starts on the same counts end from it is the floor below which nothing can be
told: the row ``complete``, whose starts are others than the reference's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Complex64Array, Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals.config import (
    FREE,
    KNOWN,
    CrystalScoresConfig,
    MeasuredConfig,
    Setting,
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
PHASED_BY = {"seed", "starts", "keep", "hio", "raar", "er", "update_every", "command"}
"""What of a configuration makes a reference."""


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
    scan: MeasuredConfig,
    path: Path,
    config: CrystalScoresConfig,
    references: Path,
    *,
    force: bool = False,
    tell: Callable[[str], None] = lambda line: None,
) -> KnownCrystal:
    """A measured scan, with the reconstruction of its complete counts in the place of the truth.

    Parameters
    ----------
    scan : which part of the file is taken.
    path : of the file.
    config : how it is phased.
    references : folder where references are kept, and found again.
    force : whether one that was made of something else may be made anew.
    tell : gets a line where one does not say what it was made of.

    Returns
    -------
    The crystal; its `expectation` are the counts.

    Raises
    ------
    InputError
        The file is damaged, the box does not fit, no start finds a particle, or the reference that
        is kept was made of other counts, in another box, or with other settings.
    """
    subject = read_subject(scan, path)
    counts = np.where(subject.bad, np.float32(0), valid_counts(subject.counts))
    box = crop_around_peak(counts, subject.bad, (scan.size,) * 3)
    counts, bad = np.ascontiguousarray(counts[box]), np.ascontiguousarray(subject.bad[box])
    kept = references / f"reference_{scan.name}.npz"
    made_of = _what_makes(counts, bad, config)
    truth = _known(kept, made_of, counts.shape, force, tell)
    if truth is None:
        truth = _reference(counts, bad, scan.name, config)
        _keep(kept, truth, made_of)
    return KnownCrystal(scan.name, truth, counts, counts, MEASURED, bad)


def _reference(
    counts: Float32Array, bad: BoolArray, name: str, config: CrystalScoresConfig
) -> Complex64Array:
    """The best reconstruction of complete counts, its starts drawn from the name."""
    own = np.random.default_rng([config.seed, *name.encode()])
    setting = _setting(config)
    handed = HandOver("complete", counts, bad, np.zeros_like(bad))
    return retrieve_kept(handed, setting, config, int(own.integers(2**32)))[0].obj


def _setting(config: CrystalScoresConfig) -> Setting:
    """How a reference is phased: nobody knows the support of a measured scan."""
    return next((one for one in config.settings if one != KNOWN), FREE)


def _what_makes(counts: Float32Array, bad: BoolArray, config: CrystalScoresConfig) -> str:
    """What tells a reference from others, in hexadecimal: counts, mask, and how it is phased."""
    values = config.model_dump(mode="json", include=PHASED_BY)
    told = json.dumps({**values, "setting": _setting(config), "shape": counts.shape})
    return hashlib.sha256(told.encode() + counts.tobytes() + bad.tobytes()).hexdigest()


def _known(
    path: Path,
    made_of: str,
    shape: tuple[int, ...],
    force: bool,
    tell: Callable[[str], None],
) -> Complex64Array | None:
    """The object in a file; None where it has to be made."""
    if not path.is_file():
        return None
    stored = load_npz(path)  # those of before do not say what they were made of
    obj, own = stored["obj"], str(stored.get("made_of", ""))
    fits = obj.shape == shape and own in ("", made_of)
    if force and not (fits and own):
        return None
    if not fits:
        raise InputError(
            f"{path} was made of other counts, or with other settings, expected those of this "
            "evaluation: choose another folder with -o, or make it anew with --force"
        )
    if not own:
        tell(f"{path.name} does not say what it was made of: --force makes it anew")
    return obj.astype(np.complex64)


def _keep(path: Path, obj: Complex64Array, made_of: str) -> None:
    with new_files([path], force=True) as parts, parts[path].open("wb") as stream:
        np.savez_compressed(stream, obj=obj, made_of=np.array(made_of))
