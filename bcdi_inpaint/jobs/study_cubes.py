"""The published protocol for all methods of a study, scan after scan."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bcdi_inpaint.evaluation.fills import (
    CEILING,
    Cube,
    Filler,
    NoCubeError,
    Record,
    Subject,
    average_cubes,
    bright_rows,
    draw_cubes,
    judge_cube,
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
from bcdi_inpaint.studies.judging import WEIGHTS
from bcdi_inpaint.studies.leads import are_many, without_ends

NO_MATE = "friedel"
"""A method that a cube shows nothing for."""
SAVED_EVERY = 10
"""Cubes after which what was judged of a scan is written: a kill loses no more."""


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
    records: list[Record] = []
    with count_progress("cubes", quiet=comparison.quiet) as done:
        for subject, number in _bright(config, comparison.patterns["held_out"], remarks):
            records += _judge(subject, number, config, methods, folder, remarks, done)
    records = _without_partly_judged(records, methods, remarks)
    order = [*methods.fillers, CEILING]
    records.sort(key=lambda record: order.index(record["method"]))  # as the study has them
    return _averaged(records, config) if records else []


def _is_for(method: str, width: int, widths: Mapping[str, int]) -> bool:
    return widths.get(method, width) == width


def _without_partly_judged(
    records: Sequence[Record], methods: StudyMethods, remarks: list[str]
) -> list[Record]:
    """The records without those of networks that are gone, of scans that they lack cubes of."""
    partly = set()
    for scan in distinct(records, "scan"):
        own = [record for record in records if record["scan"] == scan]
        gaps = {(record["cube"], record["width"]) for record in own}
        for name in methods.gone:
            wanted = {gap for gap in gaps if _is_for(name, gap[1], methods.widths)}
            if {(r["cube"], r["width"]) for r in own if r["method"] == name} < wanted:
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


def _judge(
    subject: Subject,
    number: int,
    config: StudyConfig,
    methods: StudyMethods,
    folder: Path,
    remarks: list[str],
    done: Callable[[int], None],
) -> list[Record]:
    """The records of so many cubes of a scan, or of those that were found: a line says so.

    What was judged is kept, and not judged again but of other weights.
    """
    assert config.cubes is not None
    part = _Part(folder / f"{subject.group}-{subject.index:04d}.json", methods.hashes)
    fewer = config.cubes.model_copy(update={"patches": number})
    gaps = gaps_of_scans(config).model_copy(update={"published": fewer})
    found: list[Record] = []
    try:
        # Those of before are drawn again, which is quick, so that the next are the same.
        for cube in draw_cubes(iter([subject]), 1, gaps):
            for width in fewer.widths:
                asked = {
                    name: None if name in methods.gone else fill
                    for name, fill in methods.fillers.items()
                    if name != NO_MATE and _is_for(name, width, methods.widths)
                }
                found += part.judge(cube, width, asked)
            part.end_cube()
            done(1)
    except NoCubeError as error:
        remarks.append(str(error))
    finally:
        part.save()
    return found


class _Part:
    """The records of a scan's cubes, and their file, which is written every `SAVED_EVERY` cubes."""

    def __init__(self, path: Path, hashes: Mapping[str, str]) -> None:
        self._path, self._hashes = path, hashes
        kept: list[Record] = json.loads(path.read_text()) if path.exists() else []
        self._records = {
            _key(each): each
            for each in kept
            if each[WEIGHTS] == hashes.get(each["method"], each[WEIGHTS])
        }
        self._n_saved = len(self._records)
        self._n_cubes = 0

    def judge(self, cube: Cube, width: int, asked: Mapping[str, Filler | None]) -> list[Record]:
        """The records of the methods, those that are known, and of the ceiling; None: cannot."""
        keys = {name: (cube.name, width, name) for name in (*asked, CEILING)}
        if missing := {
            name: fill
            for name, fill in asked.items()
            if fill is not None and keys[name] not in self._records
        }:
            for record in judge_cube(cube, width, missing):
                own = {WEIGHTS: self._hashes.get(record["method"], "")}
                self._records[_key(record)] = record | own
        return [self._records[key] for key in keys.values() if key in self._records]

    def end_cube(self) -> None:
        """Write what there is, from time to time."""
        self._n_cubes += 1
        if self._n_cubes % SAVED_EVERY == 0:
            self.save()

    def save(self) -> None:
        """Write what there is, if it is more than the file has."""
        if len(self._records) > self._n_saved:
            replace_file(self._path, json.dumps([*self._records.values()]).encode())
            self._n_saved = len(self._records)


def _key(record: Record) -> tuple[str, int, str]:
    return record["cube"], record["width"], record["method"]
