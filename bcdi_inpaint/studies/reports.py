"""What a study of methods says, as text with tables: nothing in it is typed by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bcdi_inpaint.evaluation.fills import CEILING, Interval, Record
from bcdi_inpaint.evaluation.fills.records import distinct
from bcdi_inpaint.evaluation.report_tables import rows_as_table
from bcdi_inpaint.studies.averages import MIDDLE_WAY
from bcdi_inpaint.studies.config import StudyConfig
from bcdi_inpaint.studies.contestants import OUR_KIND, WITH_LAST_STEP, own_widths
from bcdi_inpaint.studies.leads import LEAST_SUBJECTS
from bcdi_inpaint.studies.trained_networks import Trained

RELEASED = "released network"
"""The network that comes with the package, which was trained for hours."""

FEW_STEPS = 500
"""Of a training: with fewer a network has hardly left what it begins with."""

AT_FIT = "runs that are the fit"
"""Heading: of how many runs no step was better than the smooth fit that they began at."""

NOT_AS_PUBLISHED = {
    "patch_unet": "`patch_unet` sees log(1 + I), not ln(1e5 I/max + 1) with the brightest count of "
    "the scan, which it does not know: they are the same where that is 1e5",
    "msdnet": "of the two convolutions of a block of `msdnet` the second sees what the first made",
    "dip": "`dip` has no noise on its input, which its paper has as an option, and fewer channels",
}
"""What differs by kind of network or name of method, whatever the study."""

EXPLAINED = {
    "of_the_way": "Share of the way from linear interpolation (0 %) to the noise-free expectation "
    "(100 %), in the Pearson correlation of log(1 + counts) in the gap",
    MIDDLE_WAY: "The same in each pattern, and the median over patterns: where it is much below "
    "the mean, a few patterns make most of that",
    "poisson_deviance": "Poisson deviance of the counts in the gap, the geometric mean over gaps: "
    "less is better",
    "l1": "Error of log(1 + counts) in the gap, in parts of the brightest logarithm, as Chavez et "
    "al. (2022) have it in their Table 1: less is better",
    "pearson_log": "Pearson correlation of log(1 + counts) in the gap",
    "border": "Kolmogorov-Smirnov distance of squared differences across the gap's border from "
    "those of the image, in whole counts, and the median over gaps of its p (Squires et al., "
    "2023): the ceiling has no photon noise, and differs too",
    "mae_log": "Mean absolute error of log(1 + counts) in the gap: less is better",
    "ssim": "Structural similarity in the gap",
    "values": "Kolmogorov-Smirnov distance of the values in the gap from the true counts, and the "
    "median over gaps of its p",
}
"""What a table by width shows, by column of the rows."""


def write_beginning(config: StudyConfig, source: str, remarks: Sequence[str]) -> str:
    """Say what was compared, and how the tables are made again.

    Parameters
    ----------
    config : the study.
    source : the file of the configuration.
    remarks : lines on what was left out, and why.

    Returns
    -------
    Markdown, ending in a newline.
    """
    training = config.training
    clock = "of one core" if training.clock == "processor" else "on the wall clock"
    minutes = "no limit" if training.minutes is None else f"{training.minutes:g} min {clock}"
    lines = [
        f"# Methods compared: `{config.name}`",
        "",
        f"`bcdi-inpaint evaluate {source}` makes these tables and pictures again.",
        "",
        f"- training of each network: {minutes}, on the same patterns and gaps, with the same rate"
        + _own_width_said(config),
        f"- seed {config.seed}; {config.judged} held-out patterns at most",
        "- in brackets: 95 % confidence intervals over patterns (bootstrap), of at least "
        f"{LEAST_SUBJECTS}, and too narrow for few; the gaps of one measured scan are of one "
        "crystal, and have none",
        "- each network was trained once, from one seed: the tests are over patterns alone, and do "
        "not know how another training would come out",
        f"- {_ours_said(config)}; `+ inputs` is a published network that sees what ours sees, and "
        "learns by our loss; all others see and learn what their papers say",
    ]
    lines += _not_as_published(config)
    for kind, shape in config.shapes.items():
        changed = ", ".join(f"{key} {value}" for key, value in shape.items())
        lines.append(f"- not as in its paper: `{kind}` has {changed}")
    lines += [f"- {remark}" for remark in remarks]
    return "\n".join(lines) + "\n"


def _own_width_said(config: StudyConfig) -> str:
    """What is said of networks for one width; empty where there are none."""
    return "".join(
        f"; but `{name}` learns on gaps of {width} px alone, and is judged and ranked at these "
        "alone"
        for name, width in own_widths(config.contestants()).items()
    )


def _not_as_published(config: StudyConfig) -> list[str]:
    """In what the methods of a study that see what their papers say do it in another way."""
    shown = {*config.kinds} if "published" in config.columns else set()
    if config.learning is not None and "published" in config.learning.starts:
        shown |= {*config.learning.methods}
    told = {what: None for name, what in NOT_AS_PUBLISHED.items() if name in shown}
    return [f"- not as in its paper: {what}" for what in told]


def _ours_said(config: StudyConfig) -> str:
    """What ours is among the networks of a study."""
    names = [each.name for each in config.contestants()]
    if config.last_step is None or WITH_LAST_STEP not in names:
        return f"`{OUR_KIND}` is ours"
    share = ""
    if config.training.minutes is not None:
        share = f", for which it keeps {100 * config.last_step.share:g} % of its time"
    alone = f"; `{OUR_KIND}` is the same network without it" if OUR_KIND in names else ""
    if config.last_step_behind:
        alone += "; published ones with `+ last step` have it too"
    return f"`{WITH_LAST_STEP}` is ours, our network and the last step of its fill{share}{alone}"


def by_width(rows: Sequence[Record], column: str, names: Sequence[str] | None = None) -> str:
    """A table of one score: a row for each method, a column for each width.

    Parameters
    ----------
    rows : of `average_study`.
    column : of the rows.
    names : of the methods that are shown, all where not given.

    Returns
    -------
    A line that explains the score, and a table in Markdown for each scan; empty where there is no
    value to show.
    """
    text = ""
    scans = distinct(rows, "scan")
    for scan in scans:
        own = [row for row in rows if row["scan"] == scan]
        widths = sorted(distinct(own, "width"))
        table = [
            {
                "method": method,
                **{f"{width} px": _at(own, method, width, column) for width in widths},
            }
            for method in distinct(own, "method")
            if names is None or method in names
        ]
        shown = ["method", *(f"{width} px" for width in widths)]
        if not any(row[name] for row in table for name in shown[1:]):
            continue  # such as a share of the way to a ceiling that no measured scan has
        heading = f"\n{scan}:\n" if len(scans) > 1 else ""
        text += f"{heading}\n" + rows_as_table(table, shown, "markdown")
    return f"\n{EXPLAINED[column]}.\n{text}" if text else ""


def _at(rows: Sequence[Record], method: str, width: int, column: str) -> str:
    for row in rows:
        if (row["method"], row["width"]) == (method, width):
            shown = _shown(row[column], per_cent=column.startswith("of_the_way"))
            p = row.get(f"{column}_p", math.nan)
            return shown if math.isnan(p) else f"{shown}, {_probability(p)}"
    return ""


def _probability(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p {p:.2g}"


def _shown(value: Interval, *, per_cent: bool) -> str:
    if not per_cent or value.mean != value.mean:
        return str(value)
    ends = "" if value.low != value.low else f" [{100 * value.low:.0f}, {100 * value.high:.0f}]"
    return f"{100 * value.mean:.0f}{ends} %"


def table_of_networks(trained: Sequence[Trained], records: Sequence[Record]) -> str:
    """The networks: parameters, loss, steps in the time they had, seconds to fill.

    Parameters
    ----------
    trained : the networks.
    records : of all methods.
    """
    rows: list[Mapping[str, Any]] = [
        {
            "network": each.contestant.name,
            "inputs": each.contestant.column,
            "loss": each.contestant.loss,
            "parameters": each.parameters,
            "steps": each.steps,
            "seconds a scan": _seconds(records, each.contestant.name),
        }
        for each in trained
    ]
    columns = ["network", "inputs", "loss", "parameters", "steps", "seconds a scan"]
    few = [f"`{each.contestant.name}` ({each.steps})" for each in trained if each.steps < FEW_STEPS]
    remark = f"\nSteps that are too few to judge the architecture by: {', '.join(few)}.\n"
    return "\n" + rows_as_table(rows, columns, "markdown") + (remark if few else "")


def _seconds(records: Sequence[Record], method: str) -> float:
    own = [record["seconds"] for record in records if record["method"] == method]
    return sum(own) / len(own) if own else float("nan")


def table_of_learners(records: Sequence[Record]) -> str:
    """Methods that learn from one scan, which have a spread, with the others in the same gaps."""
    rows = []
    for method in distinct(records, "method"):
        own = [record for record in records if record["method"] == method]
        row = {"method": method, "gaps": len(own)}
        for name in ("pearson_log", "mae_log", "poisson_deviance", "border", "values", "seconds"):
            row[name] = float(sum(record[name] for record in own) / len(own))
        for name, shown in {"spread": "spread", "steps": "steps", "at_fit": AT_FIT}.items():
            known = [record[name] for record in own if name in record]
            row[shown] = sum(known) / len(known) if known else ""
        rows.append(row)
    columns = [*dict.fromkeys(name for row in rows for name in row)]
    return "\n" + rows_as_table(rows, columns, "markdown") if rows else ""


def sections(parts: Mapping[str, str]) -> Iterator[str]:
    """Headings with what stands below them, where there is anything."""
    for heading, text in parts.items():
        if text.strip():
            yield f"\n## {heading}\n{text}"


def judged_methods(rows: Sequence[Record]) -> list[str]:
    """The methods of rows, without the ceiling."""
    return [name for name in distinct(rows, "method") if name != CEILING]
