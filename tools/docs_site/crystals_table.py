"""The README's small table: what a gap, and its fill, do to the crystal."""

from __future__ import annotations

from pathlib import Path

from docs_site.reports import REPORTS, Table, network_of, read_report, read_tables
from docs_site.results import as_markdown

BEGIN, END = "<!-- table: python tools/readme_table.py -->", "<!-- end of the table -->"
"""Lines of the README between which the table stands."""
CHOICES = ("phasing_small", "phasing_coherent")
"""Reports that may give the numbers: the first that is there does."""
SETTINGS = ("PyNX's command", "as users run it")
"""How crystals were phased, of a report the first that it has."""
WAYS = {
    "gap as zero": ("zero",),
    "gap masked": ("mask",),
    "fill alone": ("auto", "prior"),
    "ours": ("auto refined", "refined prior + found", "refined prior"),
    "nothing hidden": ("complete",),
}
"""Columns of the table, and which row of the report each takes: the first that is there."""
WIDTHS = (6, 12, 24)
CONVERGED = "The same of gaps whose complete data come"
"""Begins the line above the table of crystals that converge."""


def chosen_report() -> str:
    """The name of the report that gives the numbers."""
    return next(name for name in CHOICES if (REPORTS / f"{name}.md").is_file())


def crystals_table(text: str) -> str:
    """The table of a report: median ratio to masking, and in brackets the worst, for each width."""
    table = read_tables(text)[0]
    setting = next(one for one in SETTINGS if table.where(setting=one))
    rows = [
        {"width": str(width)}
        | {name: _cell(table, setting, width, ways) for name, ways in WAYS.items()}
        for width in WIDTHS
    ]
    columns = ["width", *(name for name in WAYS if any(row[name] for row in rows))]
    return as_markdown(columns, rows)


def _cell(table: Table, setting: str, width: int, ways: tuple[str, ...]) -> str:
    for way in ways:
        for row in table.where(setting=setting, width=width, way=way):
            return "1" if way == "mask" else f"{_two(row['ratio'])} ({_two(row['worst'])})"
    return ""


def _two(number: str) -> str:
    """A number with two digits behind the point, or one from 10 on."""
    value = float(number)
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def part() -> str:
    """The table, and the report that it is from with the network's hash."""
    name = chosen_report()
    text = read_report(name)
    n_gaps = read_tables(text)[0].rows[0]["cases"]
    source = (
        f"Phase error inside the particle over that with the gap masked: median (worst) of "
        f"{n_gaps} gaps of each width; [{name}](docs/reports/{name}.md), network "
        f"`{network_of(text)}`."
    )
    return "\n\n".join(filter(None, (crystals_table(text), source, _where_converged(text))))


def _where_converged(text: str) -> str:
    """What ours does where complete data converge; nothing of a report that does not tell it."""
    told = (one for one in read_tables(text) if one.heading.startswith(CONVERGED))
    table = next(told, None)
    if table is None:
        return ""
    found = [
        next(row for way in WAYS["ours"] for row in table.where(width=width, way=way))
        for width in WIDTHS
    ]
    cases, ours = (
        ", ".join(str(value) for value in values)
        for values in ([row["cases"] for row in found], [_two(row["ratio"]) for row in found])
    )
    return (
        "Some of these gaps are of crystals that do not converge with nothing hidden either. Of "
        f"those that do ({cases} gaps), ours is at {ours}."
    )


def with_table(readme: str) -> str:
    """The README's text with the table of now."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{part()}\n{END}{after}"


def write(readme: Path) -> bool:
    """Put the table into a README; whether it changed."""
    old = readme.read_text()
    new = with_table(old)
    readme.write_text(new)
    return new != old
