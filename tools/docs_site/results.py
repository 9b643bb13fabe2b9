"""The tables of the pages of results, cut from the reports that evaluations wrote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from docs_site.reports import Row, Table, read_report, read_tables, source_line

NAMES = {
    "pearson_log": "Pearson",
    "mae_log": "mean abs. log error",
    "poisson_deviance": "mean Poisson deviance",
    "of_the_way": "of the way",
    "inside_68": "inside 68 %",
    "inside_95": "inside 95 %",
    "width": "gap (px)",
    "method": "fill",
}
"""Columns of reports, as the pages call them."""

FILLS = ("scan", "width", "method", "pearson_log", "mae_log", "poisson_deviance", "of_the_way")
COVERAGE = ("inside_68", "inside_95")
CRYSTALS = (
    "setting",
    "width",
    "way",
    "cases",
    "ratio",
    "lower_quartile",
    "upper_quartile",
    "worst",
)

SIDES = (
    ("prior", "mask"),
    ("refined prior + found", "mask"),
    ("refined prior + found", "prior"),
    ("refined prior + found", "mask + found"),
)
"""Which treatments are set side by side on the page on crystals."""


@dataclass(frozen=True)
class Shown:
    """A table of a page: from which report, its how manieth table, which columns and rows.

    Attributes
    ----------
    report : its name in `docs/reports`.
    command : that writes the report.
    columns : in the order they are shown; those that the report lacks are left out.
    table : which table of the report, from 0.
    keep : which rows; all by default.
    """

    report: str
    command: str
    columns: tuple[str, ...]
    table: int = 0
    keep: Callable[[Row], bool] = lambda row: True


def _judged(name: str, option: str = "") -> str:
    return f"bcdi-inpaint evaluate {option}configs/{name}.yaml"


TABLES = {
    "fills_simulated": Shown("evaluation_many", _judged("evaluate_many"), FILLS[1:] + COVERAGE),
    "fills_measured": Shown(
        "evaluation_measured",
        _judged("evaluate_measured"),
        FILLS[:-1] + COVERAGE,
        keep=lambda row: row["method"] in ("linear", "biharmonic", "kriging", "network"),
    ),
    "fills_all_methods": Shown(
        "evaluation_small",
        _judged("evaluate_small"),
        FILLS,
        keep=lambda row: row["width"] in ("6", "12", "24"),
    ),
    "fills_coherent": Shown(
        "evaluation_coherent", _judged("evaluate_coherent"), FILLS[1:] + COVERAGE
    ),
    "fills_published": Shown(
        "evaluation_published",
        _judged("evaluate_published") + " --protocol published",
        ("scan", "width", "method", "cubes", "pearson_log", "unbinned"),
    ),
    "coverage": Shown(
        "coverage",
        _judged("evaluate_many"),
        ("width", "method", "cases", *COVERAGE),
        keep=lambda row: row["by"] == "all",
    ),
    "ablation": Shown(
        "ablation",
        "python -m benchmarks.ablation configs/release.yaml --steps 150 --slabs 160 "
        "--validation-slabs 24 --judged 6",
        ("variant", "width", "Pearson", "of the way", "deviance"),
    ),
    "costs": Shown(
        "costs",
        "python -m benchmarks.predict",
        ("stack", "reading", "network", "writing", "all", "peak memory", "over a plain copy"),
    ),
    "crystals_coherent": Shown(
        "phasing_coherent", _judged("phasing_coherent", "--phasing "), CRYSTALS
    ),
    "crystals_wide": Shown("phasing_wide", _judged("phasing_wide", "--phasing "), CRYSTALS),
    "crystals_wide_runner": Shown(
        "phasing_wide_runner", _judged("phasing_wide_runner", "--phasing "), CRYSTALS
    ),
    "crystals_small": Shown("phasing_small", _judged("phasing_small", "--phasing "), CRYSTALS),
    "crystals_unseen": Shown("phasing_unseen", _judged("phasing_unseen", "--phasing "), CRYSTALS),
    "crystals_ablation": Shown(
        "phasing_ablation", _judged("phasing_ablation", "--phasing "), CRYSTALS
    ),
    "crystals_converged": Shown(
        "phasing_small", _judged("phasing_small", "--phasing "), CRYSTALS, table=3
    ),
    "crystals_side_by_side": Shown(
        "phasing_small",
        _judged("phasing_small", "--phasing "),
        ("way", "against", "width", "cases", "nearer", "times_as_far", "by_chance"),
        table=-1,
        keep=lambda row: (row["way"], row["against"]) in SIDES,
    ),
    "crystals_narrow": Shown(
        "phasing_narrow",
        _judged("phasing_narrow", "--phasing "),
        ("taken", "cases", "filled", "ratio", "lower_quartile", "upper_quartile", "worst"),
        table=2,
    ),
    "crystals_measured": Shown(
        "phasing_measured",
        _judged("phasing_measured", "--phasing "),
        ("width", "way", "cases", "phase_rms_rad", "ratio", "gap_intensity"),
    ),
    "crystals_starts": Shown("phasing_starts", _judged("phasing_starts", "--phasing "), CRYSTALS),
}
"""Every table of the pages of results, by the name of the part that a page includes."""


def table_of(shown: Shown) -> Table:
    """The table with the rows and columns that are shown."""
    whole = read_tables(read_report(shown.report))[shown.table]
    columns = tuple(name for name in shown.columns if name in whole.columns)
    rows = tuple({name: row[name] for name in columns} for row in whole.rows if shown.keep(row))
    return Table(whole.heading, columns, rows)


def as_markdown(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """Rows as a table in Markdown; a cell that repeats the one above it, in the first columns, too.

    Examples
    --------
    >>> print(as_markdown(["width", "ratio"], [{"width": "6", "ratio": "0.9"}]))
    | gap (px) | ratio |
    | --- | --- |
    | 6 | 0.9 |
    """
    heads = [NAMES.get(name, name.replace("_", " ")) for name in columns]
    lines = [heads, ["---"] * len(heads), *([row[name] for name in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def part_of(shown: Shown) -> str:
    """What a page includes: the table, and below it where it comes from."""
    table = table_of(shown)
    source = source_line(shown.report, shown.command)
    return f"{{.numbers}}\n{as_markdown(table.columns, table.rows)}\n\n{source}\n"
