"""Which background a scan shows: three ways to tell, on crystals whose background is known.

    python -m benchmarks.background_levels    # two minutes on a core

Faceted crystals, coherent and partly coherent, from faint to bright, with a gap and with 0 to 3
counts a voxel besides. `fringes` is what `phasing.background` does. `shells` fits the fall-off of
the outer shells with the fourth power of the distance and a constant (Porod, Kolloid-Z. 124, 83
(1951)). `faintest` is the mean of the faintest tenth of the parts of a scan, which one half of
their voxels chooses and the other tells.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.optimize import nnls

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.phasing.background import BackgroundSettings, find_background, part_moments
from bcdi_inpaint.tables import format_table
from benchmarks.background_crystals import draw_diffracted
from benchmarks.telling import tell

SIZE = 48
BLURS = (0.0, 0.5, 0.8)
"""Of a partly coherent beam, standard deviation in voxels."""
FLUXES = (1e4, 1e5, 1e6, 1e7)
"""Photons of the brightest voxel."""
LEVELS = (0.0, 0.1, 0.3, 1.0, 3.0)
GAP = slice(30, 36)
FAINTEST = 0.1
"""Share of the parts."""


def from_shells(counts: Float32Array, known: BoolArray) -> float:
    """The constant beside the fall-off of the outer shells about the middle."""
    offsets = np.meshgrid(*(np.arange(n) - n // 2 for n in counts.shape), indexing="ij")
    distance = np.sqrt(sum(offset**2 for offset in offsets)).astype(int)[known]
    n_voxels = np.bincount(distance)
    means = np.bincount(distance, counts[known]) / np.maximum(n_voxels, 1)
    shells = np.arange(len(means))
    outer = (shells >= counts.shape[0] // 3) & (n_voxels > 0)
    design = np.stack([(shells[outer] / shells.max()) ** -4.0, np.ones(outer.sum())], axis=1)
    weight = np.sqrt(n_voxels[outer] / np.maximum(means[outer], 1e-3))
    found, _ = nnls(design * weight[:, None], means[outer] * weight)
    return float(found[1])


def from_faintest(counts: Float32Array, known: BoolArray) -> float:
    """The mean of the faintest parts."""
    moments = part_moments(counts, known, BackgroundSettings())
    means = moments[..., 1] / moments[..., 0]
    number = max(1, round(FAINTEST * means.shape[1]))
    chosen = (np.argsort(half, kind="stable")[:number] for half in means)
    return float(np.mean([means[1 - i, parts].mean() for i, parts in enumerate(chosen)]))


def measure(crystals: int) -> Iterator[dict[str, float]]:
    """Each scan's flux and background, and what each way finds.

    Parameters
    ----------
    crystals : how many are drawn, each with every blur, flux and background.
    """
    known = np.ones((SIZE,) * 3, dtype=bool)
    known[:, GAP] = False
    for seed in range(crystals):
        sharp = draw_diffracted(np.random.default_rng([seed, 5]), SIZE)[1]
        for blur in BLURS:
            diffracted = gaussian_filter(sharp, blur)
            for flux in FLUXES:
                for level in LEVELS:
                    rng = np.random.default_rng([seed, 6])
                    expected = diffracted * (flux / diffracted.max()) + level
                    counts = rng.poisson(expected).astype(np.float32)
                    found = find_background(counts, known)
                    yield {
                        "photons": flux,
                        "background": level,
                        "fringes": found.level,
                        "error": found.error,
                        "shells": from_shells(counts, known),
                        "faintest": from_faintest(counts, known),
                    }


def averaged(rows: Sequence[dict[str, float]]) -> list[dict[str, object]]:
    """For each flux and background: how often one is shown, and how far each way is off."""
    table: list[dict[str, object]] = []
    for key in dict.fromkeys((row["photons"], row["background"]) for row in rows):
        own = [row for row in rows if (row["photons"], row["background"]) == key]
        shown = [row for row in own if row["fringes"] > 0]
        line: dict[str, object] = {"photons": f"{key[0]:.0e}", "background": key[1]}
        line["shown"] = f"{len(shown)} of {len(own)}"
        line["fringes where shown"] = _median("fringes", shown)
        line["off where shown"] = _off("fringes", shown)
        for way in ("shells", "faintest"):
            line[way], line[f"{way} off"] = _median(way, own), _off(way, own)
        table.append(line)
    return table


def _median(way: str, rows: Sequence[dict[str, float]]) -> str:
    return f"{np.median([row[way] for row in rows]):.3g}" if rows else ""


def _off(way: str, rows: Sequence[dict[str, float]]) -> str:
    """The root mean square of what a way is off."""
    off = [row[way] - row["background"] for row in rows]
    return f"{np.sqrt(np.mean(np.square(off))):.2g}" if rows else ""


def report(rows: Sequence[dict[str, float]], how: str) -> str:
    """A page of the table.

    Parameters
    ----------
    rows : of `measure`.
    how : the command.
    """
    table = averaged(rows)
    return "\n".join(
        [
            "# How well a scan shows its background",
            "",
            f"- `{how}`",
            f"- scans of {SIZE}^3 voxels with a gap of 6 lines, in beams blurred by 0, 0.5 and 0.8 "
            "voxels",
            "- photons: expected in the brightest voxel; background: counts in every voxel",
            "- fringes: what `predict --refine` does, which believes a background or none; shells: "
            "a constant beside the outer shells' fall-off; faintest: mean of the faintest parts",
            "- the numbers are medians, off: root mean square of found less true",
            "",
            format_table(table, list(table[0]), "markdown"),
            "",
        ]
    )


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crystals", type=int, default=6)
    parser.add_argument("-o", "--output", type=Path, help="file for the table")
    arguments = parser.parse_args()
    rows = list(measure(arguments.crystals))
    page = report(rows, f"python -m benchmarks.background_levels --crystals {arguments.crystals}")
    tell(page, arguments.output)


if __name__ == "__main__":
    main()
