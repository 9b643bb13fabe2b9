"""Judge fills, and write the tables and pictures of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation import fills
from bcdi_inpaint.evaluation.fills import EvaluationConfig, JudgedFills, Record, Subject, reports
from bcdi_inpaint.evaluation.report_pictures import draw_against_counts, draw_gaps
from bcdi_inpaint.evaluation.report_tables import rows_as_csv, rows_as_table
from bcdi_inpaint.jobs.result_folder import check_free, make_folder, write_text
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.running.progress import count_progress
from bcdi_inpaint.training.plan import read_yaml

ProtocolName = Literal["gaps", "published"]
PICTURES = ("by_width.png", "deviance_by_width.png", "by_counts.png")
WRITTEN: dict[ProtocolName, tuple[str, ...]] = {
    "gaps": ("scores.md", "scores.csv", "cases.csv", "coverage.md", "coverage.csv", *PICTURES),
    "published": ("published.md", "published.csv", "cubes.csv", "published_by_counts.png"),
}
"""Files of results by protocol; for ``gaps`` also a picture of slices for each scan."""


@dataclass(frozen=True)
class FillEvaluation:
    """What is judged, and where the results go.

    Attributes
    ----------
    config : methods, gaps and scans.
    folder : of the results; it exists.
    protocol : ``gaps`` of every kind through whole scans, or ``published``: random cubes with a
        gap in their middle.
    model : the network, where it is judged.
    device : where the network computes: ``auto``, ``cpu`` or ``cuda``.
    minutes : nothing further is begun after these.
    quiet : nothing is said of the progress.
    """

    config: EvaluationConfig
    folder: Path
    protocol: ProtocolName = "gaps"
    model: Model | None = None
    device: str = "auto"
    minutes: float | None = None
    quiet: bool = False


@dataclass(frozen=True)
class FillReport:
    """What an evaluation has to say on a terminal: a table, and lines on what was left out."""

    table: str
    remarks: list[str]


def read_evaluation(
    path: Path | None, changes: dict[str, Any], protocol: ProtocolName = "gaps"
) -> EvaluationConfig:
    """Read what is judged from a configuration.

    Parameters
    ----------
    path : YAML file; None for the defaults.
    changes : keys whose values take the place of the file's.
    protocol : ``widths`` among the changes are those of this protocol's gaps.

    Raises
    ------
    InputError
        The file cannot be read, or a key or a value is wrong.
    """
    values = {} if path is None else read_yaml(path)
    if not isinstance(values, dict):
        raise InputError(f"{path} holds {values!r}, expected keys of an evaluation: see configs/")
    if protocol == "published" and "widths" in changes:
        others = {name: value for name, value in changes.items() if name != "widths"}
        published = {**(values.get("published") or {}), "widths": changes["widths"]}
        changes = others | {"published": published}
    return fills.as_config(values | changes, str(path or "command line"))


def prepare_evaluation(
    config: EvaluationConfig,
    folder: Path,
    protocol: ProtocolName = "gaps",
    *,
    device: str = "auto",
    minutes: float | None = None,
    force: bool = False,
    quiet: bool = False,
) -> FillEvaluation:
    """Check everything that can fail, load the network, and make the folder of results.

    Parameters
    ----------
    config : methods, gaps and scans.
    folder : of the results; it is made.
    protocol : ``gaps`` or ``published``.
    device : where the network computes: ``auto``, ``cpu`` or ``cuda``.
    minutes : nothing further is begun after these.
    force : whether results that exist may be replaced.
    quiet : nothing is said of the progress.

    Returns
    -------
    What `evaluate_fills` takes.

    Raises
    ------
    InputError
        Results exist, weights or device are not there, or the folder cannot be made.
    """
    names = [*WRITTEN[protocol]]
    if protocol == "gaps" and folder.is_dir():
        names += [path.name for path in sorted(folder.glob("slices_*.png"))]
    check_free(folder, names, force)
    choose_device(device)  # now, not after patterns are made
    needs_network = {fills.NETWORK, fills.REFINED} & {*config.methods}
    model = load_model(config.model) if needs_network else None
    make_folder(folder)
    return FillEvaluation(config, folder, protocol, model, device, minutes, quiet)


def evaluate_fills(
    evaluation: FillEvaluation, patterns: Path | None, said: Sequence[str] = ()
) -> FillReport:
    """Judge the fills of simulated patterns and of measured scans; write the results.

    Parameters
    ----------
    evaluation : what is judged.
    patterns : file of simulated patterns; None for none.
    said : lines for the report on patterns that could not be made.

    Returns
    -------
    What is to be said on a terminal.

    Raises
    ------
    InputError
        There was nothing to judge.
    """
    work = _evaluate_gaps if evaluation.protocol == "gaps" else _evaluate_cubes
    return work(evaluation, patterns, said)


def _evaluate_gaps(
    evaluation: FillEvaluation, patterns: Path | None, said: Sequence[str]
) -> FillReport:
    """Gaps through whole scans."""
    config, folder = evaluation.config, evaluation.folder
    judged = _judge_gaps(evaluation, patterns)
    judged.remarks[:0] = said
    rows = fills.average_scores(judged.records, config)
    covered = fills.measure_coverage(judged.records, config)
    heading = reports.write_heading(config, evaluation.model, patterns, judged.remarks)
    for name, text in (
        ("scores.md", reports.report_scores(heading, rows, covered, config)),
        ("scores.csv", rows_as_csv(rows, reports.SUMMARY_COLUMNS)),
        ("cases.csv", rows_as_csv(judged.records, fills.CASE_COLUMNS)),
        ("coverage.md", reports.report_coverage(heading, covered)),
        ("coverage.csv", rows_as_csv(covered, fills.COVERAGE_COLUMNS)),
    ):
        write_text(folder / name, text)
    pooled = [row for row in rows if row["kind"] == fills.ALL]
    draw_gaps(folder, pooled, judged.records, judged.views)
    return FillReport(rows_as_table(pooled, reports.TERMINAL_COLUMNS), judged.remarks)


def _judge_gaps(evaluation: FillEvaluation, patterns: Path | None) -> JudgedFills:
    config, measured_folder = evaluation.config, fills.measured_folder()
    scans = fills.measured_subjects(config.measured, measured_folder)
    held_out = fills.simulated_subjects(patterns) if patterns is not None else iter(())
    methods = fills.fillers(config.methods, evaluation.model, evaluation.device)
    with count_progress("scans and patterns", quiet=evaluation.quiet) as done:
        judged = fills.judge_subjects(
            chain(scans, held_out),
            config,
            methods,
            minutes=evaluation.minutes,
            progress=lambda _: done(1),
        )
    judged.remarks[:0] = fills.missing_scans(config.measured, measured_folder)
    if not judged.records:
        raise _nothing_judged(judged.remarks)
    return judged


def _evaluate_cubes(
    evaluation: FillEvaluation, patterns: Path | None, said: Sequence[str]
) -> FillReport:
    """Random cubes of the brightest measured scan, and of bright simulated patterns."""
    config, folder = evaluation.config, evaluation.folder
    records, remarks = _judge_cubes(evaluation, patterns)
    remarks[:0] = said
    if not records:
        raise _nothing_judged(remarks)
    rows = fills.average_cubes(records, config)
    heading = reports.write_heading(config, evaluation.model, patterns, remarks)
    write_text(folder / "published.md", reports.report_cubes(heading, rows))
    write_text(folder / "published.csv", rows_as_csv(rows, reports.CUBE_SUMMARY_COLUMNS))
    write_text(folder / "cubes.csv", rows_as_csv(records, fills.CUBE_COLUMNS))
    draw_against_counts(folder / "published_by_counts.png", records, "cube")
    return FillReport(rows_as_table(rows, reports.CUBE_SUMMARY_COLUMNS), remarks)


def _judge_cubes(
    evaluation: FillEvaluation, patterns: Path | None
) -> tuple[list[Record], list[str]]:
    config = evaluation.config
    names = [name for name in config.methods if name != "friedel"]
    remarks = ["a cube shows no Friedel mate: left out"] if len(names) < len(config.methods) else []
    methods = fills.fillers(names, evaluation.model, evaluation.device)
    records: list[Record] = []
    for subjects, number in _bright_subjects(config, patterns, remarks):
        with count_progress("cubes", config.published.patches, evaluation.quiet) as done:
            more, said = fills.judge_cubes(
                subjects, number, config, methods, minutes=evaluation.minutes, progress=done
            )
        records += more
        remarks += said
    return records, remarks


def _bright_subjects(
    config: EvaluationConfig, patterns: Path | None, remarks: list[str]
) -> Iterator[tuple[Iterator[Subject], int]]:
    """The brightest measured scan, and the bright patterns; with how many they are."""
    folder = fills.measured_folder()
    remarks += fills.missing_scans(config.measured, folder)
    scans = list(fills.measured_subjects(config.measured, folder))
    if scans:
        yield iter([max(scans, key=lambda subject: subject.brightest)]), 1
    if patterns is None:
        return
    rows = fills.bright_rows(patterns, config.published.bright)
    if rows:
        yield fills.simulated_subjects(patterns, rows), len(rows)
    else:
        remarks.append(f"no pattern expects {config.published.bright:g} counts in any voxel")


def _nothing_judged(remarks: Sequence[str]) -> InputError:
    why = f" ({remarks[0]})" if remarks else ""
    return InputError(
        f"nothing was judged{why}, expected patterns or measured scans: give --patterns, or a "
        "recipe in held_out, or the folder of measured scans in BCDI_INPAINT_DATA"
    )
