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
from bcdi_inpaint.jobs.comparison import Comparison
from bcdi_inpaint.jobs.study_methods import StudyMethods, say_lack
from bcdi_inpaint.jobs.study_subjects import gaps_of_scans
from bcdi_inpaint.running.progress import count_progress
from bcdi_inpaint.safe_files import replace_file
from bcdi_inpaint.studies.config import StudyConfig
from bcdi_inpaint.studies.leads import are_many, without_ends

NO_MATE = "friedel"
"""A method that a cube shows nothing for."""


def judge_study_cubes(
    comparison: Comparison, methods: StudyMethods, folder: Path, remarks: list[str]
) -> list[Record]:
    """Rows of `average_cubes`; none where the study has no cubes, or no pattern is bright enough.

    A network for gaps of one width has rows of that width alone.

    Parameters
    ----------
    comparison : the study.
    methods : of the study.
    folder : of the parts, a file for each scan; it is made.
    remarks : lines on what is left out are added.
    """
    config = comparison.config
    if config.cubes is None or config.n_dim != 3:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    judged = {
        name: fill
        for name, fill in methods.fillers.items()
        if name != NO_MATE and name not in methods.gone
    }
    records: list[Record] = []
    with count_progress("cubes", quiet=comparison.quiet) as done:
        for subject, number in _bright(config, comparison.patterns["held_out"], remarks):
            found, said = _judged(subject, number, config, judged, folder)
            records += found
            remarks += said
            done(1)
    records = _without_partly_judged(records, methods.gone, remarks)
    own = [each for each in records if _is_for(each["method"], each["width"], methods.widths)]
    return _averaged(own, config) if own else []


def _is_for(method: str, width: int, widths: Mapping[str, int]) -> bool:
    return widths.get(method, width) == width


def _without_partly_judged(
    records: Sequence[Record], gone: Sequence[str], remarks: list[str]
) -> list[Record]:
    """The records without those of networks that are gone, of scans that they lack cubes of."""
    partly = set()
    for scan in distinct(records, "scan"):
        own = [record for record in records if record["scan"] == scan]
        cubes = {record["cube"] for record in own}
        for name in gone:
            if {record["cube"] for record in own if record["method"] == name} < cubes:
                partly.add((scan, name))
                remarks.append(say_lack(name, f"all cubes of {scan}"))
    return [record for record in records if (record["scan"], record["method"]) not in partly]


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


def _bright(config: StudyConfig, path: Path, remarks: list[str]) -> Iterator[tuple[Subject, int]]:
    """The brightest measured scan and the bright patterns, each with its number of cubes."""
    assert config.cubes is not None
    scans = list(measured_subjects(config.measured, measured_folder()))
    if scans:
        yield max(scans, key=lambda subject: subject.brightest), config.cubes.patches
    rows = bright_rows(path, config.cubes.bright)
    if not rows:
        remarks.append(f"no pattern expects {config.cubes.bright:g} counts in any voxel: no cubes")
    for subject in simulated_subjects(path, rows):
        yield subject, -(-config.cubes.patches // len(rows))


def _judged(
    subject: Subject, number: int, config: StudyConfig, methods: Mapping[str, Filler], folder: Path
) -> tuple[list[Record], list[str]]:
    """The records of a scan, and a line where cubes were not found: then nothing is kept."""
    assert config.cubes is not None
    path = folder / f"{subject.group}-{subject.index:04d}.json"
    found: list[Record] = json.loads(path.read_text()) if path.exists() else []
    known = distinct(found, "method")
    missing = {name: fill for name, fill in methods.items() if name not in known}
    if not missing:
        return found, []
    gaps = gaps_of_scans(config)
    fewer = config.cubes.model_copy(update={"patches": number})
    own = gaps.model_copy(update={"published": fewer})
    records, said = judge_cubes(iter([subject]), 1, own, missing)
    found += [record for record in records if record["method"] not in known]  # not the ceiling
    if not said:
        replace_file(path, json.dumps(found).encode())
    return found, said
