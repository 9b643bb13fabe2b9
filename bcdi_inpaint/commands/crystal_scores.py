"""`bcdi-inpaint evaluate --phasing`: what fills do to crystals, told as ratios to masking."""

from __future__ import annotations

import csv
import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from bcdi_inpaint.errors import InputError, one_line
from bcdi_inpaint.jobs.result_folder import check_free, make_folder, write_text

if TYPE_CHECKING:
    from bcdi_inpaint.evaluation.crystals.judging import PhasingConfig, Record, Shown
    from bcdi_inpaint.network.weights import Model
    from simulation.crystals import CrystalConfig

SMALL: dict[str, Any] = {
    "name": "phasing_small",
    "crystals": {"count": 4, "atomistic": 1, "size": 64, "oversampling": [2.5, 4.0]},
    "scores": {"widths": [6, 12], "settings": ["known support"]},
}
"""Without a configuration: minutes on 2 cores."""
WRITTEN = ("phasing.md", "phasing.csv", "retrievals.csv", "phasing.png", "job.json")
DRAWN = ("mask", "linear", "hard", "prior")
"""Ways whose intensities and objects are drawn; where there are none of them, all."""
_TEXTS = ("crystal", "setting", "way", "failed")
_WHOLE = ("width", "number", "distance")


def judge_crystals(
    path: Path | None,
    folder: Path | None,
    model: str | None,
    device: str,
    force: bool,
    quiet: bool,
    minutes: float | None = None,
) -> None:
    """Judge, and write every retrieval, the summary and a picture.

    What is done is written after every gap, and not done again by the same command: an
    interruption loses one gap at most. After `minutes` no further gap is begun.
    """
    from bcdi_inpaint.evaluation.crystals.judging import (
        RECORD_COLUMNS,
        PhasingConfig,
        Subject,
        judge,
    )
    from bcdi_inpaint.evaluation.report_tables import rows_as_csv
    from bcdi_inpaint.network.weights import load_weights
    from bcdi_inpaint.running.progress import with_progress
    from bcdi_inpaint.training.plan import read_yaml
    from simulation.crystals import CrystalConfig, draw_crystals

    values = SMALL if path is None else read_yaml(path)
    try:
        config = PhasingConfig.model_validate(values)
        wanted = CrystalConfig.model_validate(config.crystals)
    except ValidationError as error:
        raise one_line(error, str(path or "defaults")) from error
    folder = folder or Path("runs") / config.name
    loaded = load_weights(model or config.model)
    job = _job(config, wanted, loaded.sha256)
    known = _begun(folder, job, force)
    make_folder(folder)
    write_text(folder / "job.json", job)
    end = math.inf if minutes is None else time.monotonic() + 60 * minutes
    records: list[Record] = []
    pictures = _Pictures(folder, force)
    for crystal in with_progress(
        draw_crystals(wanted, config.seed), "crystals", wanted.count, quiet
    ):
        subject = Subject(crystal.name, crystal.truth, crystal.expectation, crystal.counts)
        judged = judge(subject, config.scores, loaded, device=device, known=known, show=pictures)
        for of_gap in judged:
            records += of_gap
            both = records + others(known, records)
            write_text(folder / "retrievals.csv", rows_as_csv(both, RECORD_COLUMNS))
            if time.monotonic() > end:
                break
        if time.monotonic() > end:
            click.echo(f"stopped after {minutes:g} minutes: the same command does the rest")
            break
    if not records:
        raise InputError(
            f"no gap of {config.scores.widths} fits beside the peak in {wanted.size} voxels, "
            "expected one at least: make the crystals' size larger"
        )
    _write_tables(folder, config, loaded, records + others(known, records), quiet)


class _Pictures:
    """Draws the first gap of each width that a line of the frame crosses, in each setting."""

    def __init__(self, folder: Path, force: bool) -> None:
        self._folder, self._force = folder, force
        self._done: set[Path] = set()

    def __call__(self, shown: Shown) -> None:
        from bcdi_inpaint.plots import intensity_panel

        path = self._folder / f"gap_{shown.width}_{shown.setting.replace(' ', '_')}.png"
        is_kept = path in self._done or (path.exists() and not self._force)
        if is_kept or not shown.calculated or shown.gap.any(axis=0).all():
            return
        self._done.add(path)
        ways = [way for way in DRAWN if way in shown.calculated] or list(shown.calculated)
        intensity_panel(
            path,
            shown.expectation,
            shown.gap,
            {way: shown.calculated[way] for way in ways},
            {way: shown.objects[way] for way in ("truth", *ways)},
            title=f"{shown.name}, {shown.setting}",
            force=True,
        )


def others(known: list[Record], records: list[Record]) -> list[Record]:
    """What is known of gaps, settings and ways that there are no records of."""
    done = {_place(record) for record in records}
    return [record for record in known if _place(record) not in done]


def _place(record: Record) -> tuple[Any, ...]:
    return tuple(record[name] for name in ("crystal", "width", "number", "setting", "way"))


def _job(config: PhasingConfig, wanted: CrystalConfig, sha256: str) -> str:
    """What must be the same for retrievals to be told together; more of them may be asked for."""
    values = config.model_dump(mode="json", exclude={"model", "name"})
    values["crystals"] = wanted.model_dump(mode="json", exclude={"count"})
    for more in ("ways", "widths", "settings"):
        del values["scores"][more]
    return json.dumps(values | {"model_sha256": sha256}, indent=1, sort_keys=True)


def _begun(folder: Path, job: str, force: bool) -> list[Record]:
    """The retrievals of the same job that are done; InputError if the folder holds another's."""
    begun, table = folder / "job.json", folder / "retrievals.csv"
    if force or not begun.is_file() or begun.read_text() != job:
        check_free(folder, WRITTEN, force)
        return []
    if not table.is_file():
        return []
    with table.open(newline="") as file:
        return [_record(row) for row in csv.DictReader(file)]


def _record(row: dict[str, str]) -> Record:
    """A line of the table of retrievals, as it was before it was written."""
    record: Record = {}
    for name, text in row.items():
        if name in _TEXTS:
            record[name] = text
        elif name == "cross":
            record[name] = text == "True"
        elif name in _WHOLE:
            record[name] = int(text)
        else:
            record[name] = float(text or "nan")
    return record


def _write_tables(
    folder: Path, config: PhasingConfig, model: Model, records: list[Record], quiet: bool
) -> None:
    from bcdi_inpaint.evaluation.crystals.judging import (
        ADVICE_COLUMNS,
        FLUX_COLUMNS,
        SUMMARY_COLUMNS,
        default_by_flux,
        summary,
        with_default,
    )
    from bcdi_inpaint.evaluation.crystals.safest_handover import DECISION_COLUMNS, decisions
    from bcdi_inpaint.evaluation.report_tables import rows_as_csv, rows_as_table
    from bcdi_inpaint.plots import ratio_strips

    both = with_default(records)
    rows, by_advice = summary(both), summary(both, "advice")
    head = (
        f"# What fills do to crystals: `{config.name}`\n\n- seed {config.seed}\n- network: "
        f"{model.name}, sha256 `{model.sha256}`\n- ratio: RMS of the phase error inside the "
        "particle over that with the gap masked; median, quartiles and worst over gaps\n\n"
    )
    advised = "\n\nThe same by what `predict` says of the gap, " + _limits() + ":\n\n"
    advised += rows_as_table(by_advice, ADVICE_COLUMNS, "markdown").rstrip()
    if by_flux := default_by_flux(both):
        advised += "\n\nThe default, of crystals up to and above the middle flux:\n\n"
        advised += rows_as_table(by_flux, FLUX_COLUMNS, "markdown").rstrip()
    decided = "\n\nThe safe hand-over, chosen by every other crystal and told of the rest:\n\n"
    decided += rows_as_table(decisions(records), DECISION_COLUMNS, "markdown")
    table = rows_as_table(rows, SUMMARY_COLUMNS, "markdown")
    write_text(folder / "phasing.md", head + table.rstrip() + advised + decided)
    write_text(folder / "phasing.csv", rows_as_csv(rows, SUMMARY_COLUMNS))
    panels: dict[str, dict[str, list[float]]] = {}
    for record in both:
        panel = panels.setdefault(f"{record['setting']}, {record['width']} px", {})
        panel.setdefault(record["way"], []).append(record["ratio_phase_rms_rad"])
    ratio_strips(folder / "phasing.png", panels, ylabel="phase error, ratio to masking", force=True)
    if not quiet:
        click.echo(rows_as_table(rows, SUMMARY_COLUMNS))
        click.echo(rows_as_table(by_advice, ADVICE_COLUMNS))
        click.echo(f"tables and picture: {folder}")


def _limits() -> str:
    """Where the advice changes, in words."""
    from bcdi_inpaint.phasing.benefit import FRINGES, LIGHT

    return (
        f"mask below {LIGHT:g} count a voxel beside it, else compare below {FRINGES:g} fringes, "
        "fill from there"
    )
