"""Judge what fills do to crystals, and write tables and pictures; interrupted, it goes on."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bcdi_inpaint.errors import InputError, one_line
from bcdi_inpaint.evaluation.crystals.config import PhasingConfig
from bcdi_inpaint.evaluation.crystals.judging import judge_crystal
from bcdi_inpaint.evaluation.crystals.known_crystal import CrystalView, KnownCrystal
from bcdi_inpaint.evaluation.crystals.measured_crystals import find_scans, measured_crystal
from bcdi_inpaint.evaluation.crystals.records import (
    RECORD_COLUMNS,
    Record,
    read_records,
    records_left,
)
from bcdi_inpaint.evaluation.crystals.reports import CrystalReport, report_crystals
from bcdi_inpaint.evaluation.crystals.treatments import parse_treatment
from bcdi_inpaint.evaluation.fills.subjects import measured_folder
from bcdi_inpaint.evaluation.report_tables import rows_as_csv
from bcdi_inpaint.jobs.result_folder import check_free, make_folder, write_text
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.plots import intensity_panel, ratio_strips
from bcdi_inpaint.training.plan import read_yaml

SMALL: dict[str, Any] = {
    "name": "phasing_small",
    "crystals": {"count": 4, "atomistic": 1, "size": 64, "oversampling": [2.5, 4.0]},
    "scores": {"widths": [6, 12], "settings": ["known support"]},
}
"""Without a configuration: minutes on 2 cores."""
WRITTEN = ("phasing.md", "phasing.csv", "retrievals.csv", "phasing.png", "job.json")
DRAWN = ("mask", "linear", "hard", "prior")
"""Treatments whose intensities and objects are drawn; where there are none of them, all."""


@dataclass(frozen=True)
class CrystalEvaluation:
    """What is judged, and where the results go.

    Attributes
    ----------
    config : crystals, gaps and retrievals.
    folder : of the results; it exists.
    model : the network that fills.
    known : records of retrievals that are done.
    device : where the network computes: ``auto``, ``cpu`` or ``cuda``.
    minutes : no further gap is begun after these.
    force : whether pictures that exist are replaced.
    """

    config: PhasingConfig
    folder: Path
    model: Model
    known: list[Record]
    device: str = "auto"
    minutes: float | None = None
    force: bool = False


def read_phasing_config(path: Path | None) -> PhasingConfig:
    """Read what is judged from a YAML file, or a small default; InputError if it is wrong."""
    values = SMALL if path is None else read_yaml(path)
    try:
        return PhasingConfig.model_validate(values)
    except ValidationError as error:
        raise one_line(error, str(path or "defaults"), PhasingConfig) from error


def prepare_crystals(
    config: PhasingConfig,
    recipe: dict[str, Any],
    folder: Path,
    *,
    model: str | None = None,
    device: str = "auto",
    minutes: float | None = None,
    force: bool = False,
) -> CrystalEvaluation:
    """Check what can fail, load the network, and find what is done already.

    Parameters
    ----------
    config : crystals, gaps and retrievals.
    recipe : plain values that make the crystals again; ``count`` may be another in a folder that
        is gone on with.
    folder : of the results; it is made.
    model : weights in place of the configuration's.
    device : where the network computes: ``auto``, ``cpu`` or ``cuda``.
    minutes : no further gap is begun after these.
    force : whether results that exist are replaced.

    Returns
    -------
    What `evaluate_crystals` takes.

    Raises
    ------
    InputError
        The folder holds other results, or the weights are not there.
    """
    loaded = load_model(model or config.model)
    job = _identify(config, recipe, loaded.sha256)
    known = _read_known(folder, job, force)
    make_folder(folder)
    write_text(folder / "job.json", job)
    return CrystalEvaluation(config, folder, loaded, known, device, minutes, force)


def _identify(config: PhasingConfig, recipe: dict[str, Any], sha256: str) -> str:
    """What must agree between retrievals in one table; more of them may be asked for.

    Where one treatment needs a refinement, the voxels that it saw nowhere judge the starts of all.
    """
    values = config.model_dump(mode="json", exclude={"model", "name"})
    values["crystals"] = {name: value for name, value in recipe.items() if name != "count"}
    for more in ("treatments", "widths", "settings"):
        del values["scores"][more]
    treatments = map(parse_treatment, config.scores.treatments)
    values["refined"] = any(treatment.needs_refinement for treatment in treatments)
    return json.dumps(values | {"model_sha256": sha256}, indent=1, sort_keys=True)


def _read_known(folder: Path, job: str, force: bool) -> list[Record]:
    """The retrievals of the same job that are done; InputError if the folder holds another's."""
    begun, table = folder / "job.json", folder / "retrievals.csv"
    if force or not begun.is_file() or begun.read_text() != job:
        check_free(folder, WRITTEN, force)
        return []
    return read_records(table) if table.is_file() else []


def evaluate_crystals(
    evaluation: CrystalEvaluation, simulated: Iterable[KnownCrystal]
) -> CrystalReport:
    """Phase crystals with every gap and treatment, and write retrievals, summary, pictures.

    The simulated ones, then the measured ones of the configuration that are there. What is done is
    written after every retrieval, and not done again in the same folder: an interruption loses one
    retrieval at most. Returns what is to be said on a terminal. InputError where no gap fits
    on any crystal.
    """
    table, remarks = RetrievalTable(evaluation), list[str]()
    scans, missing = find_scans(evaluation.config.measured, measured_folder())
    scores, folder = evaluation.config.scores, evaluation.folder
    own: dict[str, Any] = {"force": evaluation.force, "tell": remarks.append}
    measured = (measured_crystal(scan, path, scores, folder, **own) for scan, path in scans)
    end = math.inf if evaluation.minutes is None else time.monotonic() + 60 * evaluation.minutes
    for of_gap in _judge(evaluation, chain(simulated, measured), table.keep):
        table.take(of_gap)
        if time.monotonic() > end:
            remarks.append(
                f"stopped after {evaluation.minutes:g} minutes: the same command does the rest"
            )
            break
    return _write_reports(evaluation, table.all(), missing + remarks)


class RetrievalTable:
    """The table of all retrievals in a folder, those of before among them; written as it grows.

    Parameters
    ----------
    evaluation : whose retrievals they are.
    """

    def __init__(self, evaluation: CrystalEvaluation) -> None:
        self._evaluation = evaluation
        self._done: list[Record] = []

    def take(self, of_gap: list[Record]) -> None:
        """Add the records of a gap that is done."""
        self._done += of_gap
        self.keep([])

    def keep(self, begun: list[Record]) -> None:
        """Write the table with the records of a gap that is not done yet."""
        text = rows_as_csv([_whole(record) for record in self.all(begun)], RECORD_COLUMNS)
        write_text(self._evaluation.folder / "retrievals.csv", text)

    def all(self, begun: Sequence[Record] = ()) -> list[Record]:
        """All records."""
        new = [*self._done, *begun]
        return new + records_left(self._evaluation.known, new)


def _whole(record: Record) -> Record:
    """A record with every column, also where its ratios are still to come."""
    return dict.fromkeys(RECORD_COLUMNS, math.nan) | record


def _judge(
    evaluation: CrystalEvaluation,
    crystals: Iterable[KnownCrystal],
    keep: Callable[[list[Record]], None],
) -> Iterator[list[Record]]:
    """The records of one gap after the other, of all crystals; InputError if there are none."""
    pictures = GapPictures(evaluation.folder, evaluation.force)
    has_any, size = False, 0
    for crystal in crystals:
        size = crystal.counts.shape[0]
        for of_gap in judge_crystal(
            crystal,
            evaluation.config.scores,
            evaluation.model,
            device=evaluation.device,
            known=evaluation.known,
            show=pictures,
            keep=keep,
        ):
            has_any = True
            yield of_gap
    if not has_any:
        raise InputError(
            f"no gap of {evaluation.config.scores.widths} fits beside the peak in {size} voxels, "
            "expected one at least: make the crystals' size larger"
        )


def _write_reports(
    evaluation: CrystalEvaluation, records: list[Record], remarks: list[str]
) -> CrystalReport:
    report = report_crystals(records, evaluation.config, evaluation.model, remarks)
    write_text(evaluation.folder / "phasing.md", report.text)
    write_text(evaluation.folder / "phasing.csv", report.csv)
    ratio_strips(
        report.ratios,
        ylabel="phase error, ratio to masking",
        path=evaluation.folder / "phasing.png",
        force=True,
    )
    return report


class GapPictures:
    """Draws the first gap of each width that a line of the frame crosses, in each setting.

    Parameters
    ----------
    folder : where the pictures go.
    force : whether those that exist are replaced.
    """

    def __init__(self, folder: Path, force: bool) -> None:
        self._folder, self._force = folder, force
        self._done: set[Path] = set()

    def __call__(self, view: CrystalView) -> None:
        """Draw what the retrievals of one gap and setting found, if it is the first."""
        path = self._folder / f"gap_{view.width}_{view.setting.replace(' ', '_')}.png"
        is_kept = path in self._done or (path.exists() and not self._force)
        if is_kept or not view.calculated or view.gap.any(axis=0).all():
            return
        self._done.add(path)
        drawn = [name for name in DRAWN if name in view.calculated] or list(view.calculated)
        intensity_panel(
            view.expectation,
            view.gap,
            {name: view.calculated[name] for name in drawn},
            {name: view.objects[name] for name in ("truth", *drawn)},
            title=f"{view.name}, {view.setting}",
            path=path,
            force=True,
        )
