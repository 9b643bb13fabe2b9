"""What an evaluation of fills says, as text with tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bcdi_inpaint.evaluation.fills.averages import ALL
from bcdi_inpaint.evaluation.fills.config import EvaluationConfig
from bcdi_inpaint.evaluation.fills.coverage import COVERAGE_COLUMNS, PEAK
from bcdi_inpaint.evaluation.fills.records import INSIDE, SCORES, Record
from bcdi_inpaint.evaluation.report_tables import rows_as_table
from bcdi_inpaint.network.weights import Model

SUMMARY_COLUMNS = (
    "scan",
    "kind",
    "width",
    "method",
    "cases",
    "clusters",
    "judged",
    *SCORES,
    "of_the_way",
    *INSIDE,
)
TERMINAL_COLUMNS = (
    "scan",
    "width",
    "method",
    "cases",
    "judged",
    "pearson_log",
    "mae_log",
    "poisson_deviance",
    "of_the_way",
    *INSIDE,
)
"""What fits on a terminal."""
CUBE_SUMMARY_COLUMNS = ("scan", "width", "method", "cubes", "bins", "pearson_log", "unbinned")

COVERAGE = """How often the truth lies in the intervals of 68 and 95 %, by width of the gap and by
flux: `all` has every gap, `peak` those of patterns by decade of their brightest voxel (both are
means over gaps), `fill` the voxels by decade of the counts that the method expects there. The truth
is the noise-free expectation; of a measured scan it is the counts, with their photon noise allowed
for. `clusters` are the particles that the confidence intervals are over."""
CUBES = """Pearson correlation of log(1 + counts) in a gap through the middle of random cubes, each
filled from what it shows alone: the mean over bins of the logarithm of the cubes' mean counts, and
without bins. On a measured scan the interval is over cubes, which overlap, so it is too narrow."""


def write_heading(
    config: EvaluationConfig, model: Model | None, patterns: Path | None, remarks: Sequence[str]
) -> str:
    """Say what makes the tables again, and what has to be known to read them.

    Parameters
    ----------
    config : what was judged.
    model : the network, where it was judged.
    patterns : file of the simulated patterns, where there were any.
    remarks : lines on what was left out, and why.

    Returns
    -------
    Markdown, ending in a newline.
    """
    lines = [f"# Evaluation `{config.name}`", "", f"- seed {config.seed}"]
    if model is not None:
        lines.append(f"- network: {model.name}, sha256 `{model.sha256}`")
    if patterns is not None:
        lines.append(f"- simulated patterns: {patterns.name}")
    lines.append(
        "- in brackets: 95 % confidence intervals over particles (on a measured scan, which is "
        "one crystal, over gaps)"
    )
    lines.append("- judged: part of the gaps' valid voxels that every method filled")
    lines += [f"- {remark}" for remark in remarks]
    return "\n".join(lines) + "\n"


def report_scores(
    heading: str, rows: Sequence[Record], covered: Sequence[Record], config: EvaluationConfig
) -> str:
    """Scores over all kinds of gap, of each kind, and how often the truth is in the intervals.

    Parameters
    ----------
    heading : the text's beginning.
    rows : of `average_scores`.
    covered : rows of `measure_coverage`.
    config : each kind of gap has a table of its own where there are several.

    Returns
    -------
    Markdown, ending in a newline.
    """
    pooled = [row for row in rows if row["kind"] == ALL]
    columns = [name for name in SUMMARY_COLUMNS if name != "kind"]
    text = heading + "\n## All kinds of gap\n\n" + rows_as_table(pooled, columns, "markdown")
    if len(config.kinds) > 1:
        by_kind = [row for row in rows if row["kind"] != ALL]
        text += "\n## Each kind of gap\n\n" + rows_as_table(by_kind, SUMMARY_COLUMNS, "markdown")
    if by_peak := [row for row in covered if row["by"] == PEAK]:
        columns = [name for name in COVERAGE_COLUMNS if name != "by"]
        text += "\n## Coverage of the intervals, by decade of the brightest voxel\n\n"
        text += rows_as_table(by_peak, columns, "markdown")
    return text


def report_coverage(heading: str, covered: Sequence[Record]) -> str:
    """How often the truth is in the intervals, by everything that `measure_coverage` counts by."""
    table = rows_as_table(covered, COVERAGE_COLUMNS, "markdown")
    return f"{heading}\n{COVERAGE}\n\n{table}"


def report_cubes(heading: str, rows: Sequence[Record]) -> str:
    """Scores by the published protocol; `rows` are of `average_cubes`."""
    return f"{heading}\n{CUBES}\n\n" + rows_as_table(rows, CUBE_SUMMARY_COLUMNS, "markdown")
