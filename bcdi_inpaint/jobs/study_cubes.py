"""The published protocol for all methods of a study, scan after scan."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bcdi_inpaint.evaluation.fills import (
    Filler,
    Record,
    Subject,
    average_cubes,
    bright_rows,
    judge_cubes,
    measured_folder,
    measured_subjects,
    simulated_subjects,
)
from bcdi_inpaint.evaluation.fills.records import distinct
from bcdi_inpaint.jobs.study_subjects import gaps_of_scans
from bcdi_inpaint.running.progress import count_progress
from bcdi_inpaint.safe_files import replace_file
from bcdi_inpaint.studies.config import StudyConfig
from bcdi_inpaint.studies.leads import are_many, without_ends

NO_MATE = "friedel"
"""A method that a cube shows nothing for."""


def judge_study_cubes(
    config: StudyConfig,
    path: Path,
    methods: Mapping[str, Filler],
    folder: Path,
    *,
    quiet: bool = False,
) -> list[Record]:
    """Rows of `average_cubes`; none where the study has no cubes, or no pattern is bright enough.

    Parameters
    ----------
    config : of the study.
    path : of the held-out patterns.
    methods : by name.
    folder : of the parts, a file for each scan; it is made.
    quiet : nothing is said of the progress.
    """
    if config.cubes is None or config.n_dim != 3:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    judged = {name: fill for name, fill in methods.items() if name != NO_MATE}
    records: list[Record] = []
    with count_progress("cubes", quiet=quiet) as done:
        for subject, number in _bright(config, path):
            records += _judged(subject, number, config, judged, folder)
            done(1)
    return _averaged(records, config) if records else []


def _averaged(records: Sequence[Record], config: StudyConfig) -> list[Record]:
    """The means, without the ends of intervals that are over too few crystals."""
    crystals = {
        scan: len({each["cluster"] for each in records if each["scan"] == scan})
        for scan in distinct(records, "scan")
    }
    rows = average_cubes(records, gaps_of_scans(config))
    for row in rows:
        if not are_many(row["scan"], crystals[row["scan"]]):
            row |= {name: without_ends(row[name]) for name in ("pearson_log", "unbinned")}
    return rows


def _bright(config: StudyConfig, path: Path) -> Iterator[tuple[Subject, int]]:
    """The brightest measured scan and the bright patterns, each with its number of cubes."""
    assert config.cubes is not None
    scans = list(measured_subjects(config.measured, measured_folder()))
    if scans:
        yield max(scans, key=lambda subject: subject.brightest), config.cubes.patches
    rows = bright_rows(path, config.cubes.bright)
    for subject in simulated_subjects(path, rows):
        yield subject, -(-config.cubes.patches // len(rows))


def _judged(
    subject: Subject, number: int, config: StudyConfig, methods: Mapping[str, Filler], folder: Path
) -> list[Record]:
    assert config.cubes is not None
    path = folder / f"{subject.group}-{subject.index:04d}.json"
    if not path.exists():
        gaps = gaps_of_scans(config)
        fewer = config.cubes.model_copy(update={"patches": number})
        own = gaps.model_copy(update={"published": fewer})
        records, _ = judge_cubes(iter([subject]), 1, own, methods)
        replace_file(path, json.dumps(records).encode())
    found: list[Record] = json.loads(path.read_text())
    return found
