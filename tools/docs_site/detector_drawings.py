"""Detectors and their gaps, as a table and a picture, from the table that `--detector` reads."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from bcdi_inpaint.gaps.detectors import DETECTORS, Detector, Ranges

GAP, CHIP = "#d1352b", "#dfe6ee"


def table() -> str:
    """All detectors in Markdown: pixels, pixel size, gaps, other names."""
    lines = ["| name | rows x columns | pixel (µm) | gap rows | gap columns | also |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    for one in DETECTORS.values():
        cells = (
            f"`{one.name}`",
            f"{one.shape[0]} x {one.shape[1]}",
            f"{1e6 * one.pixel_size_m:g}",
            _ranges(one.row_gaps),
            _ranges(one.column_gaps),
            ", ".join(f"`{name}`" for name in one.aliases),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _ranges(ranges: Ranges) -> str:
    return ", ".join(f"{start}:{stop}" for start, stop in ranges) or "none"


def draw(path: Path) -> None:
    """Draw all detectors, each to its own scale, and write the picture."""
    import matplotlib.pyplot as plt

    n_columns = 4
    n_rows = -(-len(DETECTORS) // n_columns)
    with mpl.rc_context({"font.size": 9}):
        figure, axes = plt.subplots(n_rows, n_columns, figsize=(10, 2.7 * n_rows))
        for ax in axes.flat:
            ax.set_axis_off()
        for ax, one in zip(axes.flat, DETECTORS.values(), strict=False):
            draw_detector(ax, one)
        figure.tight_layout()
        figure.savefig(path, dpi=110)
        plt.close(figure)


def draw_detector(ax: Axes, one: Detector) -> None:
    """One detector as its chips, the gaps between them in red, none too thin to be seen."""
    rows, columns = one.shape
    least = 0.006 * max(rows, columns)
    ax.add_patch(Rectangle((0, 0), columns, rows, color=CHIP, lw=0))
    for start, stop in one.row_gaps:
        ax.add_patch(Rectangle((0, start), columns, max(stop - start, least), color=GAP, lw=0))
    for start, stop in one.column_gaps:
        ax.add_patch(Rectangle((start, 0), max(stop - start, least), rows, color=GAP, lw=0))
    ax.set(xlim=(-1, columns + 1), ylim=(rows + 1, -1), aspect="equal")
    ax.set_title(f"{one.name}\n{rows} x {columns}", fontsize=9)
