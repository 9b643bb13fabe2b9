"""How often the truth lies in the intervals, before and after a scan has calibrated itself.

python -m benchmarks.coverage            # half an hour on a core
python -m benchmarks.coverage --quick    # minutes

Crystals of another simulator than the network was trained on, coherent and partly so, and measured
scans in the folder that BCDI_INPAINT_DATA names. The truth of simulated crystals is the noise-free
expectation, of measured scans the counts, with their photon noise allowed for.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float64Array
from bcdi_inpaint.evaluation.fills.config import ScanConfig
from bcdi_inpaint.evaluation.fills.subjects import Subject, measured_folder, measured_subjects
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.gaps.artificial import GapPlacement, place_near_peak
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.peak.centre import find_peak
from bcdi_inpaint.photons import predicted_ranks
from bcdi_inpaint.scan.boxes import as_shape
from bcdi_inpaint.tables import format_table
from benchmarks.other_crystals import draw_other

LEVELS = (0.68, 0.95)
WIDTHS = (3, 6, 12, 24)
KINDS: tuple[GapPlacement, ...] = ("row", "column")
FIRST_SEED = 200
"""Of crystals that nothing was chosen on: those below were."""
SCANS = (
    ScanConfig(
        name="S1398",
        file="S1398_counts_mask.npz",
        frames=(16, 112),
        rows=(130, 226),
        columns=(90, 186),
    ),
    ScanConfig(name="ft_crop_64", file="ft_crop_64_counts.npz", mask_key="zeroed_alien_block"),
)


def subjects(n_each: int) -> Iterator[Subject]:
    """The crystals and scans."""
    for is_coherent in (True, False):
        for number in range(n_each):
            yield draw_other(FIRST_SEED + number, is_coherent=is_coherent)
    yield from measured_subjects(SCANS, measured_folder())


def covered(subject: Subject, fill: Fill, judged: BoolArray) -> list[float]:
    """The share of truths inside the intervals of each level."""
    truth = subject.expectation
    if truth is None:
        ranks = predicted_ranks(subject.counts, fill.interval, judged, np.random.default_rng(0))
        return [float((np.abs(2 * ranks - 1) <= level).mean()) for level in LEVELS]
    bounds = [fill.interval(level) for level in LEVELS]
    return [float(((low <= truth) & (truth <= high))[judged].mean()) for low, high in bounds]


def half_widths(fill: Fill, judged: BoolArray) -> Float64Array:
    """Half widths of the 68 % intervals, in log(1 + counts)."""
    low, high = fill.interval(LEVELS[0])
    return 0.5 * (np.log1p(high[judged].astype(np.float64)) - np.log1p(low[judged]))


def judge(
    subject: Subject, gap: BoolArray, model: Model, *, after_only: bool = False
) -> dict[str, float]:
    """Coverage and width of the intervals before and after, and the calibration's cost.

    Parameters
    ----------
    subject : a crystal or scan.
    gap : what is hidden of it.
    model : fills the gap.
    after_only : whether the rest is left out.
    """
    hidden = np.where(gap | subject.bad, 0, subject.counts)
    fills, seconds = [], []
    for calibrate in (True,) if after_only else (False, True):
        started = time.process_time()
        fills.append(inpaint(hidden, gap, model, bad_mask=subject.bad, calibrate=calibrate))
        seconds.append(time.process_time() - started)
    if after_only:
        judged = gap & ~subject.bad & fills[0].filled
        return dict(zip(COLUMNS[5:7], covered(subject, fills[0], judged), strict=True))
    before, after = fills
    np.testing.assert_array_equal(before.counts, after.counts)
    judged = gap & ~subject.bad & before.filled
    shares = covered(subject, before, judged) + covered(subject, after, judged)
    wider = half_widths(after, judged).mean() / half_widths(before, judged).mean()
    cost = seconds[1] / seconds[0] - 1
    return dict(zip(COLUMNS[3:], [*shares, wider, cost], strict=True))


COLUMNS = [
    "scan",
    "width",
    "gaps",
    "68 % before",
    "95 % before",
    "68 % after",
    "95 % after",
    "width after / before",
    "cost / fill",
]


def judge_all(
    n_each: int, model: Model, *, after_only: bool = False
) -> Iterator[dict[str, object]]:
    """A row for each gap; see `judge`."""
    for subject in subjects(n_each):
        shape = as_shape(subject.counts.shape)
        peak = find_peak(subject.counts, subject.bad)
        assert peak is not None
        for width in WIDTHS:
            kinds = KINDS if subject.expectation is None else KINDS[subject.index % 2 :][:1]
            for kind in kinds:
                rng = np.random.default_rng([subject.index, width, len(kind)])
                gaps = place_near_peak(kind, width, shape, peak, rng)
                if gaps:
                    told = judge(subject, gap_mask(gaps, shape), model, after_only=after_only)
                    print(subject.cluster, width, kind, told, file=sys.stderr, flush=True)
                    yield {"scan": subject.group, "width": width, **told}


def averaged(rows: list[dict[str, object]]) -> Iterator[dict[str, object]]:
    """The mean over gaps of a scan and width; of the crystals the medians of cost."""
    for key in dict.fromkeys((row["scan"], row["width"]) for row in rows):
        own = [row for row in rows if (row["scan"], row["width"]) == key]
        means = {
            name: float(np.mean([float(str(row[name])) for row in own])) for name in [*own[0]][2:]
        }
        yield {"scan": key[0], "width": key[1], "gaps": len(own)} | {
            name: f"{value:.2f}" for name, value in means.items()
        }


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two crystals of each kind")
    parser.add_argument("--crystals", type=int, default=12, help="of each kind")
    parser.add_argument("--after-only", action="store_true", help="half the time")
    arguments = parser.parse_args()
    n_each = 2 if arguments.quick else arguments.crystals
    rows = list(judge_all(n_each, load_model("default"), after_only=arguments.after_only))
    means = list(averaged(rows))
    print(format_table(means, list(means[0])))


if __name__ == "__main__":
    main()
