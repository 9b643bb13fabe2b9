"""Whether simulated patterns look like measured ones: the same numbers of both, side by side.

    python -m benchmarks.realism [--recipe FILE.yaml] [--patterns N] [-o realism.png]

Prints, for each number, its median and 5 to 95 % range over the simulated patterns, and its value
on every real scan (left out where there are none, see BCDI_INPAINT_DATA): one outside the range is
marked with *. The picture shows central slices, radial profiles and the distributions.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from tqdm import tqdm

from bcdi_inpaint.arrays import BoolArray, Float64Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.peak.fringes import window
from bcdi_inpaint.peak.statistics import Statistics, pattern_statistics, radial_profile
from bcdi_inpaint.tables import format_table
from bcdi_inpaint.training.plan import read_yaml
from simulation.recipe import Recipe, as_recipe, make_particle_of, make_pattern, particle_number

AXES = {3: ("rock", "y", "x"), 2: ("y", "x")}
PERCENT = (5, 50, 95)
N_SHOWN = 4  # simulated patterns in the picture


@dataclass(frozen=True)
class Judged:
    """A pattern near its peak, (n_rock, n_y, n_x) within the statistics' window, and its numbers.

    `known` is bool, True = measured. `profile` is (2, n_shells): distances in fringe periods, mean
    counts.
    """

    name: str
    counts: Float64Array
    known: BoolArray
    centre: Float64Array
    profile: Float64Array
    numbers: dict[str, float]


def judge(name: str, counts: NDArray[np.number], known: BoolArray) -> Judged:
    """All that is shown of one pattern."""
    found: Statistics = pattern_statistics(counts, known)
    box = window(np.array(found.centre), counts.shape)
    near, there = counts[box].astype(np.float64), known[box]
    centre = np.array(found.centre) - [part.start for part in box]
    profile = radial_profile(near, there, centre, np.array(found.period_voxel))
    return Judged(name, near, there, centre, np.array(profile), found.named(AXES[counts.ndim]))


def real() -> Iterator[Judged]:
    """Measured scans, where they are; the parts without gaps."""
    named = os.environ.get("BCDI_INPAINT_DATA")
    if not named:
        print("BCDI_INPAINT_DATA is not set: no measured scans")
        return
    folder = Path(named)
    path = folder / "S1398_counts_mask.npz"
    if path.exists():
        with np.load(path) as file:
            part = (slice(1, None), slice(254), slice(254))  # frame 0 is a glitch
            yield judge("S1398", file["counts"][part], file["mask"][part] == 0)
    path = folder / "ft_crop_64_counts.npz"
    if path.exists():
        with np.load(path) as file:
            yield judge("ft_crop_64", file["counts"], ~file["zeroed_alien_block"])


def simulated(recipe: Recipe, count: int) -> Iterator[Judged]:
    """The first patterns of a recipe."""
    particles = {}
    for index in tqdm(range(count), desc="patterns", mininterval=10):
        number = particle_number(recipe, index)
        if number is not None and number not in particles:
            particles[number] = make_particle_of(recipe, number)
        pattern = make_pattern(recipe, index, None if number is None else particles[number])
        yield judge(f"simulated {index}", pattern.counts, ~pattern.bad)


def read_recipe(path: Path | None, count: int, particles: int | None) -> Recipe:
    """The recipe of a file, or the default one, with as many patterns as are looked at."""
    values = {"seed": 17} if path is None else read_yaml(path)
    if not isinstance(values, dict):
        raise InputError(f"{path} holds {values!r}, expected the keys of a recipe")
    if particles is not None:
        values = {**values, "particles": particles}
    return as_recipe({**values, "count": count}, str(path or "default recipe"))


def rows(patterns: list[Judged], scans: list[Judged]) -> list[dict[str, object]]:
    """One row for each number; * marks a scan outside the simulated range."""
    found: list[dict[str, object]] = []
    for name in patterns[0].numbers:
        values = np.array([pattern.numbers[name] for pattern in patterns])
        values = values[np.isfinite(values)]
        low, median, high = np.percentile(values, PERCENT) if values.size else (np.nan,) * 3
        row: dict[str, object] = {
            "number": name,
            "5 %": low,
            "median": median,
            "95 %": high,
            "defined": f"{values.size}/{len(patterns)}",
        }
        for scan in scans:
            value = scan.numbers.get(name, np.nan)
            outside = "" if low <= value <= high or np.isnan(value) else " *"
            row[scan.name] = "-" if np.isnan(value) else f"{value:.3f}{outside}"
        found.append(row)
    return found


def draw(path: Path, patterns: list[Judged], scans: list[Judged]) -> None:
    """Slices above, then profiles, then the distribution of each number with the real ones."""
    shown = scans + patterns[:N_SHOWN]
    names = list(patterns[0].numbers)
    colours = {scan.name: f"C{i}" for i, scan in enumerate(scans, start=1)}
    across = 6
    down = 4 + -(-len(names) // across)
    figure = Figure(figsize=(2.4 * across, 2.2 * down), layout="constrained")
    grid = figure.add_gridspec(down, across)
    for column, pattern in enumerate(shown[:across]):
        for row in range(2):
            slice_of(figure.add_subplot(grid[row, column]), pattern, row)
    profiles(figure.add_subplot(grid[2:4, :]), patterns, scans, colours)
    for index, name in enumerate(names):
        axes = figure.add_subplot(grid[4 + index // across, index % across])
        values = np.array([pattern.numbers[name] for pattern in patterns])
        axes.hist(values[np.isfinite(values)], bins=15, color="0.75")
        for scan in scans:
            axes.axvline(scan.numbers.get(name, np.nan), color=colours[scan.name])
        axes.set_title(name, fontsize=9)
        axes.set_yticks([])
    figure.savefig(path, dpi=80)


def slice_of(axes: Axes, pattern: Judged, axis: int) -> None:
    """Log counts of the slice through the centre, across `axis`; unknown voxels stay blank."""
    index = round(float(pattern.centre[axis]))
    log_counts = np.where(pattern.known, np.log10(pattern.counts + 0.5), np.nan)
    image = log_counts.take(index, axis) if log_counts.ndim == 3 else log_counts
    axes.imshow(image, cmap="turbo", interpolation="nearest")
    axes.set_title(pattern.name if axis == 0 else "", fontsize=9)
    axes.set_axis_off()


def profiles(
    axes: Axes, patterns: list[Judged], scans: list[Judged], colours: dict[str, str]
) -> None:
    """Mean counts in shells, relative to the innermost."""
    for pattern in [*patterns, *scans]:
        distance, mean = pattern.profile
        colour = colours.get(pattern.name, "0.8")
        label = pattern.name if pattern.name in colours else None
        axes.loglog(distance, mean / mean[0], color=colour, label=label)
    axes.set_xlabel("distance from the peak (fringe periods)")
    axes.set_ylabel("mean counts, relative")
    if scans:
        axes.legend()


def main() -> None:
    """Compare, print one table, draw one picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--recipe", type=Path, help="YAML of a recipe; the default one without")
    parser.add_argument("--patterns", type=int, default=40)
    parser.add_argument("--particles", type=int, help="relaxed particles, in place of the recipe's")
    parser.add_argument("-o", "--output", type=Path, help="picture, such as realism.png")
    arguments = parser.parse_args()
    try:
        recipe = read_recipe(arguments.recipe, arguments.patterns, arguments.particles)
    except InputError as error:
        parser.error(str(error))
    scans = list(real())
    patterns = list(simulated(recipe, arguments.patterns))
    columns = ["number", "5 %", "median", "95 %", "defined", *[scan.name for scan in scans]]
    print(format_table(rows(patterns, scans), columns))
    if arguments.output:
        draw(arguments.output, patterns, scans)


if __name__ == "__main__":
    main()
