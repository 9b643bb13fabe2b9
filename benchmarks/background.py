"""Whether a retrieval gains by knowing a constant background, on crystals whose object is known.

    python -m benchmarks.background            # a quarter of an hour on a core
    python -m benchmarks.background --quick    # minutes, one crystal

Faceted crystals with a constant background of some counts a voxel, all voxels measured, or a gap of
12 lines beside the peak, masked or with the network's fill as its prior. The same starts four ways:
the background ignored; subtracted from the counts, what is below zero taken as zero; heeded, where
a cycle takes F to F sqrt(counts / (|F|^2 + background)), the true one and the one that the scan
shows (`estimate_background`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.fft
from scipy.optimize import nnls
from torch import Tensor

from bcdi_inpaint.arrays import BoolArray, Complex64Array, Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals.object_error import compare
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.phasing.coherence import Coherence
from bcdi_inpaint.phasing.constraints import PriorConstraint
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.phasing.torch_retrieval import State, retrieve
from bcdi_inpaint.photons import photon_deviance
from bcdi_inpaint.tables import format_table
from benchmarks.other_crystals import draw_body, smooth_field

SIZE = 48
GAP = slice(30, 42)
"""Lines of the gap, the peak is in line 24."""
BACKGROUNDS = (0.5, 1.0, 3.0)
WAYS = ("ignored", "subtracted", "heeded", "estimated")
SCHEDULE = Schedule(hio=60, raar=240, er=80, update_every=30)


class Lifted(Coherence):
    """What a coherent beam and a constant background make of an intensity."""

    def __init__(self, background: float) -> None:
        super().__init__()
        object.__setattr__(self, "background", background)

    background: float

    @property
    def coherent(self) -> bool:
        """Whether it changes nothing."""
        return self.background == 0

    def blur(self, intensity: Tensor) -> Tensor:
        """The intensity with the background on it."""
        return intensity + self.background


@dataclass(frozen=True)
class Known:
    """A crystal and its scan; arrays (SIZE, SIZE, SIZE)."""

    obj: Complex64Array
    expectation: Float32Array
    counts: Float32Array


def draw(seed: int, background: float) -> Known:
    """A crystal whose photons and background are drawn from a seed."""
    rng = np.random.default_rng([seed, 5])
    ratio = rng.uniform(3.0, 4.5) * np.exp(rng.normal(0, 0.15, 3))
    body = draw_body(rng, SIZE, ratio)
    inside = body > 0.5
    phase = smooth_field(inside, 0.5 * SIZE / ratio, rng)
    phase *= rng.uniform(0.5, 2.5) / np.ptp(phase[inside])
    modulus = 1 + 0.08 * smooth_field(inside, 0.24 * SIZE / ratio, rng)
    wave = scipy.fft.fftn(scipy.fft.ifftshift(body * modulus * np.exp(1j * phase)))
    quarter = SIZE // 2
    middle = scipy.fft.fftshift(wave)[(slice(quarter, quarter + SIZE),) * 3]
    obj = scipy.fft.fftshift(scipy.fft.ifftn(scipy.fft.ifftshift(middle))).astype(np.complex64)
    intensity = np.abs(middle) ** 2
    flux = np.exp(rng.uniform(np.log(3e4), np.log(1e6)))
    expectation = (intensity * (flux / intensity.max()) + background).astype(np.float32)
    return Known(obj, expectation, rng.poisson(expectation).astype(np.float32))


def phase_error(
    known: Known, way: str, mask: BoolArray, prior: PriorConstraint | None, background: float
) -> tuple[float, float]:
    """Phase error in rad and RMS log error in the gap, of the start that fits best of three.

    Parameters
    ----------
    known : the crystal and its scan.
    way : of `WAYS`.
    mask : the gap.
    prior : the fill as a prior, None for a free gap.
    background : in counts a voxel.
    """
    counts, beam = known.counts, Lifted(0.0)
    if way == "subtracted":
        counts = np.maximum(counts - np.float32(background), 0)
    elif way != "ignored":
        beam = Lifted(background)
    found: list[tuple[float, State]] = []
    for rng in np.random.default_rng(3).spawn(3):
        try:
            state = retrieve(counts, mask, rng, schedule=SCHEDULE, constraint=prior, coherence=beam)
        except InputError:
            continue
        seen = state.intensity()[~mask]
        found.append((float(photon_deviance(counts[~mask], seen).mean()), state))
    if not found:
        return float("nan"), float("nan")
    _, best = min(found, key=lambda pair: pair[0])
    obj = np.fft.fftshift((best.obj * best.support).numpy())
    lift = background if way in ("subtracted",) else 0.0
    wrong = np.log1p(best.intensity() + lift) - np.log1p(known.expectation)
    gap_error = float(np.sqrt(np.mean(wrong[mask] ** 2))) if mask.any() else float("nan")
    return compare(obj, known.obj).phase_rms_rad, gap_error


def estimate_background(counts: Float32Array, known: BoolArray) -> float:
    """The constant background of a scan: what is left where the crystal's signal has fallen off.

    Facets make the mean of a shell fall with the fourth power of its distance from the peak (Porod,
    Kolloid-Z. 124, 83 (1951)): the constant beside that, over the outer shells.

    Parameters
    ----------
    counts : (n, n, n), the peak in the middle.
    known : bool of their shape, True = measured.
    """
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


def judge(seed: int, background: float) -> Iterator[dict[str, object]]:
    """A row for each gap and each way to hand it over.

    Parameters
    ----------
    seed : of the crystal.
    background : in counts a voxel.
    """
    known = draw(seed, background)
    mask = np.zeros(known.counts.shape, dtype=bool)
    complete = mask.copy()
    mask[:, GAP] = True
    hidden = np.where(mask, 0, known.counts)
    fill = inpaint(hidden, mask, calibrate=True)
    prior = PriorConstraint(fill.counts, np.where(fill.filled, fill.sigma, np.float32(np.inf)))
    estimated = estimate_background(hidden, ~mask)
    for what, gap, held in (
        ("complete", complete, None),
        ("mask", mask, None),
        ("prior", mask, prior),
    ):
        row: dict[str, object] = {"background": background, "gap": what, "found": estimated}
        for way in WAYS:
            level = estimated if way == "estimated" else background
            row[way], row[f"gap {way}"] = phase_error(known, way, gap, held, level)
        print(seed, row, file=sys.stderr, flush=True)
        yield row


def median(values: list[float]) -> float:
    """The median of what is a number; no number where none is."""
    numbers = [value for value in values if np.isfinite(value)]
    return float(np.median(numbers)) if numbers else float("nan")


def averaged(rows: list[dict[str, object]]) -> Iterator[dict[str, object]]:
    """Medians over crystals, of the ways' ratios to what ignores the background too."""
    for key in dict.fromkeys((row["background"], row["gap"]) for row in rows):
        own = [row for row in rows if (row["background"], row["gap"]) == key]
        found: dict[str, object] = {"background": key[0], "gap": key[1], "crystals": len(own)}
        for name in ("found", "ignored", "gap ignored"):
            found[name] = f"{median([float(str(row[name])) for row in own]):.3g}"
        for way in WAYS[1:]:
            for name in (way, f"gap {way}"):
                base = name.replace(way, "ignored")
                ratios = [float(str(row[name])) / float(str(row[base])) for row in own]
                found[f"{name} / ignored"] = f"{median(ratios):.2f}"
        yield found


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one crystal")
    parser.add_argument("--crystals", type=int, default=4)
    arguments = parser.parse_args()
    seeds = range(1 if arguments.quick else arguments.crystals)
    rows = [row for seed in seeds for level in BACKGROUNDS for row in judge(seed, level)]
    means = list(averaged(rows))
    print(format_table(means, list(means[-1])))


if __name__ == "__main__":
    main()
