"""By what rule a scan's pseudo-gaps should widen the intervals of its gaps, width by width.

python -m benchmarks.interval_rules --folder build/interval_rules    # half an hour on a core

Crystals of `benchmarks.other_crystals` with seeds below those that `benchmarks.coverage` reports
on. Each has a gap of each width hidden, and its own pseudo-gaps; what was found stays in the
folder, one file a gap, so that the command goes on where it was interrupted, and another rule is
tried in seconds.

Of the logarithm of the factor that pseudo-gaps need the gap gets a part, and a constant beside it.
For each width the part is taken whose intervals hold alike often in every crystal, and the constant
with which they hold as often as they say.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import Float64Array
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.filling.own_calibration import hide_and_fill, plan_rehearsals
from bcdi_inpaint.filling.region_filling import FillingRun, PatchCounter
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.filling.symmetry import measure_symmetry
from bcdi_inpaint.filling.work import plan_work
from bcdi_inpaint.gaps.artificial import place_near_peak
from bcdi_inpaint.gaps.masks import as_region, gap_mask
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.network.scan_calibration import (
    HeldOut,
    ScanCalibrationSettings,
    calibrate_on_scan,
)
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.network.width_rule import ALL
from bcdi_inpaint.peak.centre import find_centre, find_peak
from bcdi_inpaint.scan.boxes import as_shape
from bcdi_inpaint.scan.scan import as_scan
from bcdi_inpaint.tables import format_table
from benchmarks.coverage import FIRST_SEED, KINDS, LEVELS, WIDTHS
from benchmarks.other_crystals import draw_other

PARTS = (0.25, 0.5, 0.75, 1.0)
"""Parts that are tried: some at least, so that a scan unlike all of these crystals is heard."""
WHOLE = ScanCalibrationSettings(of_sigma=ALL, of_tail=ALL)
"""What the pseudo-gaps themselves need."""


@dataclass(frozen=True)
class Case:
    """A gap and the pseudo-gaps of its scan.

    Attributes
    ----------
    hidden : what was measured in the pseudo-gaps, and what they were filled with.
    gap : the same of the gap, with the noise-free truth as counts.
    """

    hidden: HeldOut
    gap: HeldOut


def judge(seed: int, width: int, model: Model) -> Case | None:
    """One crystal with one gap; None where a gap of that width has no place.

    Parameters
    ----------
    seed : of the crystal; odd ones are partly coherent.
    width : of the gap in voxels.
    model : fills it.
    """
    subject = draw_other(seed, is_coherent=seed % 2 == 0)
    shape, peak = as_shape(subject.counts.shape), find_peak(subject.counts, subject.bad)
    assert peak is not None
    rng = np.random.default_rng([seed, width])
    gaps = place_near_peak(KINDS[(seed // 2 + width) % 2], width, shape, peak, rng)
    if not gaps:
        return None
    mask = gap_mask(gaps, shape)
    counts = np.where(mask, 0, subject.counts)
    fill = inpaint(counts, mask, model, calibrate=False)
    assert subject.expectation is not None
    own = HeldOut(
        *(a[fill.filled] for a in (subject.expectation, fill.counts, fill.sigma)),
        np.full(fill.n_filled, width),
    )
    return Case(_hidden(counts, mask, model), own)


def _hidden(counts: np.ndarray, mask: np.ndarray, model: Model) -> HeldOut:
    scan, settings = as_scan(counts, None), FillingSettings()
    gap = as_region(mask, scan.shape)
    work = plan_work(scan, gap, settings=settings)
    centre = find_centre(np.log1p(counts), ~mask)
    planned = plan_rehearsals(work, gap, centre, settings)
    symmetry = measure_symmetry(np.log1p(counts).astype(np.float32), mask, centre)
    count = PatchCounter(None, 1, 0)
    run = FillingRun(model, choose_device("cpu"), settings, count, symmetry)
    return hide_and_fill(scan, gap, centre, run, planned)


def cases(folder: Path, seeds: Sequence[int]) -> Iterator[tuple[int, int, Case]]:
    """Seed, width and case of each gap, from the folder where it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    model = load_model("default")
    for seed in seeds:
        for width in WIDTHS:
            path = folder / f"{model.sha256[:8]}_{seed}_{width}.npz"
            if not path.exists():
                case = judge(seed, width, model)
                if case is None:
                    continue
                np.savez(path, **_arrays(case))
                print(f"crystal {seed}, {width} px", file=sys.stderr, flush=True)
            with np.load(path) as stored:
                yield seed, width, _case(stored, width)


NAMES = ("counts", "expected", "sigma")


def _arrays(case: Case) -> dict[str, np.ndarray]:
    return {
        f"{part}_{name}": getattr(getattr(case, part), name)
        for part in ("hidden", "gap")
        for name in NAMES
    }


def _case(stored: np.lib.npyio.NpzFile, width: int) -> Case:
    hidden, gap = ([stored[f"{part}_{name}"] for name in NAMES] for part in ("hidden", "gap"))
    return Case(
        HeldOut(*hidden, np.full(hidden[0].size, width)), HeldOut(*gap, np.full(gap[0].size, width))
    )


@dataclass(frozen=True)
class Told:
    """What the pseudo-gaps of a case tell, at each voxel of its gap; arrays (n,).

    Attributes
    ----------
    log_f, log_k : logarithms of the factor on sigma and of the power on the tails.
    error : of the fill, in the standard deviations that it was given.
    half : half widths of the intervals of `LEVELS`, in standard deviations, (n_levels, n).
    """

    log_f: Float64Array
    log_k: Float64Array
    error: Float64Array
    half: Float64Array

    def coverage(self, level: int, log_f: Float64Array, log_k: Float64Array) -> float:
        """The share of truths inside the intervals with these factors, both (n,) or one number."""
        return float((self.error <= np.exp(log_f) * self.half[level] ** np.exp(log_k)).mean())


def told(case: Case, model: Model) -> Told | None:
    """What the pseudo-gaps of a case tell; None where they tell too little."""
    found = calibrate_on_scan(model.calibration, case.hidden, WHOLE)
    if found is None:
        return None
    gap = case.gap
    at, known = np.log1p(gap.expected), np.log1p(found.counts)
    error = np.abs(np.log1p(gap.counts) - at) / gap.sigma
    half = np.stack([model.calibration.half_width(level, gap.expected) for level in LEVELS])
    return Told(
        np.interp(at, known, np.log(found.sigma[0])),
        np.interp(at, known, np.log(found.tail)),
        error,
        half.astype(np.float64),
    )


@dataclass(frozen=True)
class Rule:
    """The logarithm of a factor where nothing is told, and the part of what is told beside it."""

    start: float
    part: float

    def given(self, log: Float64Array) -> Float64Array:
        """The gap's logarithm of a factor, by that of the pseudo-gaps."""
        return self.start + self.part * log


def fit(those: Sequence[Told]) -> tuple[Rule, Rule]:
    """The rules of sigma and of the tails that hold most alike, as often as they say."""
    zero = np.zeros(1)

    def near(rule: Rule) -> list[float]:
        return [one.coverage(0, rule.given(one.log_f), zero) for one in those]

    sigma = _most_even(near, LEVELS[0])

    def far(rule: Rule) -> list[float]:
        return [one.coverage(1, sigma.given(one.log_f), rule.given(one.log_k)) for one in those]

    return sigma, _most_even(far, LEVELS[1])


def _most_even(shares: Callable[[Rule], list[float]], level: float) -> Rule:
    """Of the rules that hold the level on average, the one whose shares differ least."""
    rules = [_holding(shares, level, part) for part in PARTS]
    return min(rules, key=lambda rule: float(np.std(shares(rule))))


def _holding(shares: Callable[[Rule], list[float]], level: float, part: float) -> Rule:
    """The start with which shares are the level on average."""
    low, high = -2.0, 2.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        held = float(np.mean(shares(Rule(middle, part))))
        low, high = (middle, high) if held < level else (low, middle)
    return Rule(low, part)


def table(found: Sequence[tuple[int, int, Told]]) -> Iterator[dict[str, object]]:
    """For each width the rule that fits, and quartiles of how often its intervals hold.

    `found` has the seed, the width and what is told, of every gap.
    """
    for width in WIDTHS:
        those = [one for _, own, one in found if own == width]
        sigma, tail = fit(those)
        log_f = [sigma.given(one.log_f) for one in those]
        shares = [[one.coverage(0, f, np.zeros(1)) for one, f in zip(those, log_f, strict=True)]]
        shares += [
            [one.coverage(1, f, tail.given(one.log_k)) for one, f in zip(those, log_f, strict=True)]
        ]
        yield {
            "width": width,
            "gaps": len(those),
            "start": round(sigma.start, 3),
            "part": sigma.part,
            "tail start": round(tail.start, 3),
            "tail part": tail.part,
            "68 %": " ".join(f"{s:.2f}" for s in np.quantile(shares[0], (0.25, 0.5, 0.75))),
            "95 %": " ".join(f"{s:.2f}" for s in np.quantile(shares[1], (0.25, 0.5, 0.75))),
        }


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("build/interval_rules"))
    parser.add_argument("--seeds", type=int, default=24, help="crystals, at most 200")
    arguments = parser.parse_args()
    model = load_model("default")
    found = []
    for seed, width, case in cases(arguments.folder, range(min(arguments.seeds, FIRST_SEED))):
        one = told(case, model)
        if one is not None:
            found.append((seed, width, one))
    rows = list(table(found))
    print(format_table(rows, list(rows[0])))


if __name__ == "__main__":
    main()
