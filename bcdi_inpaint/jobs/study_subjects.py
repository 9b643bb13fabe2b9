"""The patterns and scans that a study of methods judges on, and the gaps in them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from bcdi_inpaint.evaluation.fills import (
    Case,
    EvaluationConfig,
    Subject,
    measured_folder,
    measured_subjects,
    missing_scans,
    place_cases,
    simulated_subjects,
)
from bcdi_inpaint.evaluation.fills.config import ScanConfig
from bcdi_inpaint.files.identity import sha256
from bcdi_inpaint.files.patterns import n_patterns, read_pattern
from bcdi_inpaint.studies.config import StudyConfig
from bcdi_inpaint.studies.image_cases import as_subject, image_cases


def image_subjects(path: Path, number: int) -> Iterator[Subject]:
    """The first images of a file of patterns, as scans of one frame."""
    for row in range(min(number, n_patterns(path))):
        yield as_subject(read_pattern(path, row))


def volume_subjects(config: StudyConfig, path: Path) -> Iterator[Subject]:
    """The first patterns of three dimensions, then the measured scans that are there."""
    rows = range(min(config.judged, n_patterns(path)))
    measured = measured_subjects(config.measured, measured_folder())
    return chain(simulated_subjects(path, rows), measured)


def study_cases(config: StudyConfig, path: Path, remarks: list[str]) -> Iterator[Case]:
    """The gaps that all methods are judged in.

    Parameters
    ----------
    config : of the study.
    path : of the held-out patterns.
    remarks : lines on what is left out are added.
    """
    if config.n_dim == 2:
        subjects = image_subjects(path, config.judged)
        yield from image_cases(subjects, config.shapes_of_gaps, config.widths, config.seed)
        return
    remarks += missing_scans(config.measured, measured_folder())
    gaps = gaps_of_scans(config)
    of_measured = gaps.model_copy(update={"widths": config.measured_widths or config.widths})
    for subject in volume_subjects(config, path):
        is_measured = subject.expectation is None
        cases, missing = place_cases(subject, of_measured if is_measured else gaps)
        remarks += missing
        yield from cases


def judged_on(config: StudyConfig) -> dict[str, Any]:
    """What decides, besides the patterns, in which gaps methods are judged.

    Plain values, the same for the same scans: of a measured one its part, and its file's size and
    hash, or None where it is not there.
    """
    keys = ("widths", "measured_widths", "shapes_of_gaps")
    measured = [(scan.model_dump(), _identity(scan)) for scan in config.measured]
    return {**{key: getattr(config, key) for key in keys}, "measured": measured}


def _identity(scan: ScanConfig) -> tuple[int, str] | None:
    """The size and the hash of a measured scan's file."""
    folder = measured_folder()
    if folder is None or not (folder / scan.file).exists():
        return None
    path = folder / scan.file
    return path.stat().st_size, sha256(path)


def gaps_of_scans(config: StudyConfig) -> EvaluationConfig:
    """Where gaps lie in scans: one kind of gap for each width of a pattern, by turns."""
    return EvaluationConfig(
        name=config.name,
        seed=config.seed,
        methods=("linear",),
        widths=config.widths,
        kinds=("row", "column", "cross"),
        kinds_per_pattern=1,
        placements=1,
        held_out={},
        resamples=config.resamples,
        **({"published": config.cubes} if config.cubes else {}),
    )


def learning_cases(config: StudyConfig, path: Path) -> Iterator[Case]:
    """The gaps in which methods that learn from one scan are judged; none where there are none."""
    learning = config.learning
    if learning is None:
        return
    if config.n_dim == 2:
        subjects = image_subjects(path, learning.patterns)
        yield from image_cases(subjects, config.shapes_of_gaps[:1], learning.widths, config.seed)
        return
    gaps = gaps_of_scans(config).model_copy(update={"widths": learning.widths})
    for subject in simulated_subjects(path, range(min(learning.patterns, n_patterns(path)))):
        yield from place_cases(subject, gaps)[0]
