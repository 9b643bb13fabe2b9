"""The tables and pictures of a study of methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bcdi_inpaint.evaluation.fills import SIMULATED, Record
from bcdi_inpaint.evaluation.fills.records import distinct
from bcdi_inpaint.evaluation.fills.reports import CUBES
from bcdi_inpaint.evaluation.report_tables import rows_as_csv, rows_as_table
from bcdi_inpaint.jobs.result_folder import write_text
from bcdi_inpaint.studies import reports
from bcdi_inpaint.studies.averages import MIDDLE_WAY, average_study
from bcdi_inpaint.studies.config import StudyConfig
from bcdi_inpaint.studies.contestants import OUR_KIND, our_name
from bcdi_inpaint.studies.findings import write_findings
from bcdi_inpaint.studies.first_guess import table_of_earnings
from bcdi_inpaint.studies.groups import groups_of
from bcdi_inpaint.studies.judging import read_views
from bcdi_inpaint.studies.leads import TESTED
from bcdi_inpaint.studies.pictures import draw_by_width, draw_fills
from bcdi_inpaint.studies.trained_networks import Trained

CHAVEZ_WIDTH = 17
"""Of the gaps of Chavez et al. (2022), in pixels."""
ROWS_SHOWN = 3
"""Gaps in the picture of fills."""


@dataclass(frozen=True)
class StudyResults:
    """All that a study found.

    Attributes
    ----------
    trained : the networks.
    records : of all methods in all gaps.
    remarks : lines on what was left out.
    views : folder of frames for the picture.
    learned : records of methods that learn from one scan, and others, in the same gaps.
    latent : rows of `studies.latent_study`.
    cubes : rows of the published protocol.
    """

    trained: Sequence[Trained]
    records: Sequence[Record]
    remarks: Sequence[str]
    views: Path
    learned: Sequence[Record]
    latent: Sequence[Record]
    cubes: Sequence[Record]


def write_results(config: StudyConfig, source: str, folder: Path, results: StudyResults) -> str:
    """Write ``methods.md``, ``scores.csv``, ``cases.csv`` and the pictures.

    Parameters
    ----------
    config : of the study.
    source : the file of the configuration, for the command that makes it again.
    folder : where they go; those that exist are replaced.
    results : what was found.

    Returns
    -------
    A table for the terminal.
    """
    rows = average_study(results.records, config.resamples, config.seed)
    write_text(folder / "scores.csv", rows_as_csv(rows, tuple(rows[0])))
    write_text(folder / "cases.csv", rows_as_csv(results.records, tuple(results.records[0])))
    pictures = _draw(config, folder, results, rows)
    text = reports.write_beginning(config, source, results.remarks)
    for section in reports.sections(_sections(config, results, rows, pictures)):
        text += section
    write_text(folder / "methods.md", text)
    shown = reports.judged_methods(rows)
    # Without linear there is no way to have a share of.
    return reports.by_width(rows, "of_the_way", shown) or reports.by_width(
        rows, "pearson_log", shown
    )


def _draw(
    config: StudyConfig, folder: Path, results: StudyResults, rows: Sequence[Record]
) -> list[str]:
    """Markdown of the pictures, which are drawn."""
    groups = groups_of([each.contestant for each in results.trained], config.classical)
    found = []
    published = groups.get("networks, as published", [])
    for scan in distinct(rows, "scan"):
        if len({row["width"] for row in rows if row["scan"] == scan}) < 2:
            continue  # no curve
        for what, names in (("published", published), ("classical", config.classical)):
            name = f"{config.name}_{scan}_{what}.png"
            draw_by_width(folder / name, rows, names, scan)
            found.append(f"\n![Correlation by width, {scan}, {what}]({name})\n")
    views = sorted(read_views(results.views), key=lambda view: view.group != SIMULATED)
    views = views[:ROWS_SHOWN]
    if views:
        name = f"{config.name}_fills.png"
        ours = our_name([each.contestant.name for each in results.trained])
        draw_fills(folder / name, views, ["linear", "kriging", ours, *published])
        found.append(f"\n![What methods make of a gap]({name})\n")
    return found


def _sections(
    config: StudyConfig, results: StudyResults, rows: Sequence[Record], pictures: Sequence[str]
) -> dict[str, str]:
    contestants = [each.contestant for each in results.trained]
    main = [each.name for each in contestants if not each.by_loss]
    begun = [each.name for each in contestants if each.column == "ours"]
    by_loss = [OUR_KIND, *(each.name for each in contestants if each.by_loss)]
    shown = [name for name in distinct(rows, "method") if name not in by_loss[1:]]
    found = {
        "Who is first": f"\nBy the correlation of log(1 + counts) in the gap. {TESTED}\n\n"
        + write_findings(rows, results.records, main, config),
        "What training earned": table_of_earnings(
            results.records, begun, config.resamples, config.seed
        ),
        "The networks": reports.table_of_networks(results.trained, results.records),
        "Share of the way": reports.by_width(rows, "of_the_way", shown)
        + reports.by_width(rows, MIDDLE_WAY, shown)
        + "".join(pictures),
        "Deviance": reports.by_width(rows, "poisson_deviance", shown),
    }
    wide = [row for row in rows if row["width"] == CHAVEZ_WIDTH]
    if wide:
        found["The measures of Chavez et al., 17 px"] = reports.by_width(
            wide, "l1", shown
        ) + reports.by_width(wide, "pearson_log", shown)
    if len(by_loss) > 1:
        found["Losses"] = "".join(
            reports.by_width(rows, column, by_loss) for column in ("of_the_way", "mae_log", "ssim")
        )
    found["Border and values"] = reports.by_width(rows, "border") + reports.by_width(rows, "values")
    found["Methods that learn from the one scan"] = reports.table_of_learners(results.learned)
    if results.latent and config.latent:
        found["Latent spaces"] = (
            f"\nThe share of the {config.latent.neighbours} nearest neighbours, in a latent space "
            f"of {config.latent.dimension} dimensions, that are those of the true patterns; gaps "
            f"of {config.latent.width} px, {config.latent.patterns} patterns at most.\n\n"
            + rows_as_table(results.latent, ["patterns", "overlap"], "markdown")
        )
    if results.cubes:
        columns = ["scan", "width", "method", "cubes", "bins", "pearson_log", "unbinned"]
        found["The published protocol"] = f"\n{CUBES}\n\n" + rows_as_table(
            results.cubes, columns, "markdown"
        )
    return found
