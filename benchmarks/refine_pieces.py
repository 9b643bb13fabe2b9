"""What each piece of the refinement is worth: the same scans without it.

    python -m benchmarks.refine_pieces --crystals 4 --size 64 --widths 6 12 24

Crystals of several kinds, coherent and partly coherent, each with a gap beside its peak; every
variant has the same scans, fills and seeds. Their seed is none that anything was chosen on. Rows
are printed as they come; twenty minutes on a core that nothing else uses.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.classical.methods import METHODS
from bcdi_inpaint.evaluation.scores import ceiling_share, pearson_log
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.gaps.artificial import place_near_peak
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.peak.centre import find_peak
from bcdi_inpaint.phasing.coherence import CoherenceSettings
from bcdi_inpaint.phasing.mixing import rms
from bcdi_inpaint.phasing.refinement import refine
from bcdi_inpaint.phasing.refinement_task import RefinementSettings
from bcdi_inpaint.scan.boxes import as_shape
from bcdi_inpaint.tables import format_table
from simulation.continuum import ContinuumConfig, bragg_intensity, make_crystal
from simulation.realism import RealismConfig, measure
from simulation.shapes import random_shape

SEED = 90_000
FULL = RefinementSettings()
UNBLURRED = CoherenceSettings(steps=0)
CUT = replace(FULL.schedule, settled=1.0, widen=0)
VARIANTS = {
    "none": replace(FULL, coherence=UNBLURRED, schedule=CUT, strengths=()),
    "edge": replace(FULL, coherence=UNBLURRED, strengths=()),
    "coherence": replace(FULL, schedule=CUT, strengths=()),
    "edge and coherence": replace(FULL, strengths=()),
    "edge, coherence and density": FULL,
}
"""What each variant knows; `none` is a coherent beam and a support that shrink-wrap made."""


@dataclass(frozen=True)
class Kind:
    """A kind of crystal: range of its phase, relative range of its density, and the beam's blur."""

    name: str
    strain_rad: float
    density: float
    blur_voxel: tuple[float, float] | None


KINDS = (
    Kind("coherent", 1.0, 0.02, None),
    Kind("partly coherent", 1.0, 0.02, (0.3, 0.8)),
    Kind("partly coherent", 2.0, 0.35, (0.3, 0.8)),
    Kind("partly coherent", 6.0, 0.2, (0.3, 0.8)),
)


@dataclass(frozen=True)
class Scan:
    """A scan with a gap; arrays (n, n, n). `counts` are 0 in the gap."""

    kind: str
    width: int
    counts: Float32Array
    expectation: Float32Array
    gap: BoolArray


def draw_scans(count: int, size: int, widths: Sequence[int]) -> Iterator[Scan]:
    """Scans of `count` crystals, the kinds by turns, with a gap of every width.

    Parameters
    ----------
    count : of crystals.
    size : voxels a side.
    widths : of the gaps, in voxels.
    """
    for number in range(count):
        kind, rng = KINDS[number % len(KINDS)], np.random.default_rng([SEED, number])
        box = tuple(int(side) for side in size / rng.uniform(2.8, 4.5, 3))
        drawn = ContinuumConfig(modulus_noise=(kind.density / 2, kind.density / 2))
        crystal = make_crystal(drawn, random_shape(rng), box, rng, kind.strain_rad)
        beam = RealismConfig(
            flux=(3e5, 1e7),
            blur_voxel=kind.blur_voxel,
            flat=None,
            smooth_share=0,
            drift=None,
            saturation_share=0,
            hot_share=0,
            alien_share=0,
        )
        measured = measure(bragg_intensity(crystal, (size,) * 3, np.zeros(3)), beam, rng)
        counts = measured.counts.astype(np.float32)
        peak = find_peak(counts, measured.bad) or (size // 2,) * 3
        for width in widths:
            gaps = place_near_peak(
                "row" if number % 2 else "column", width, counts.shape, peak, rng
            )
            if gaps:
                gap = gap_mask(gaps, as_shape(counts.shape))
                hidden = np.where(gap, np.float32(0), counts)
                yield Scan(kind.name, width, hidden, measured.expectation, gap)


def judged(scan: Scan, model: Model) -> Iterator[dict[str, object]]:
    """The scores of all variants in the gap of a scan, against its noise-free expectation."""
    fill = inpaint(scan.counts, scan.gap, model)
    no_bad = np.zeros_like(scan.gap)
    linear = METHODS["linear"](scan.counts, scan.gap, bad_mask=no_bad)
    yield _row(scan, "linear", linear, 0.0)
    yield _row(scan, "network", fill.counts, 0.0)
    for name, settings in VARIANTS.items():
        begin = time.process_time()
        found = refine(scan.counts, scan.gap, fill, model=model, settings=settings)
        seconds = time.process_time() - begin
        print(f"{scan.kind}, {scan.width} px, {name}: {found.remark}", file=sys.stderr, flush=True)
        yield _row(scan, name, found.fill.counts, seconds)


def _row(scan: Scan, name: str, filled: np.ndarray, seconds: float) -> dict[str, object]:
    truth, found = scan.expectation[scan.gap], np.asarray(filled)[scan.gap]
    return {
        "beam": scan.kind,
        "gap (px)": scan.width,
        "knows": name,
        "Pearson": pearson_log(scan.expectation, filled, scan.gap),
        "RMS log error": rms(np.log1p(found) - np.log1p(truth)),
        "CPU (s)": seconds,
    }


def averaged(rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """The mean of every kind of beam, width and variant, and its share of the way to the truth."""
    keys = ("beam", "gap (px)", "knows")
    table = []
    for cell in dict.fromkeys(tuple(row[key] for key in keys) for row in rows):
        means = _means(rows, cell)
        linear = _means(rows, (*cell[:2], "linear"))["Pearson"]
        way = ceiling_share(means["Pearson"], linear, 1.0)
        table.append(dict(zip(keys, cell, strict=True)) | {"of the way": way} | means)
    return table


def _means(rows: Sequence[dict[str, object]], cell: tuple[object, ...]) -> dict[str, float]:
    own = [row for row in rows if (row["beam"], row["gap (px)"], row["knows"]) == cell]
    names = ("Pearson", "RMS log error", "CPU (s)")
    return {name: float(np.mean([float(str(row[name])) for row in own])) for name in names}


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crystals", type=int, default=4)
    parser.add_argument("--size", type=int, default=64, help="voxels a side")
    parser.add_argument("--widths", type=int, nargs="+", default=[6, 12, 24])
    parser.add_argument("--model", default="default")
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    rows: list[dict[str, object]] = []
    for scan in draw_scans(arguments.crystals, arguments.size, arguments.widths):
        rows += judged(scan, model)
    means = averaged(rows)
    print(format_table(means, list(means[0])))


if __name__ == "__main__":
    main()
