"""The scans that `benchmarks.refine_pieces` is measured on: kinds of crystals, each with gaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.gaps.artificial import place_near_peak
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.peak.centre import find_peak
from bcdi_inpaint.scan.boxes import as_shape
from simulation.continuum import ContinuumConfig, bragg_intensity, make_crystal
from simulation.real_objects import RealObject, find_objects, read_object
from simulation.realism import RealismConfig, measure
from simulation.shapes import random_shape

SEED = 90_000
REAL_OBJECT = "S11_object.npz"


@dataclass(frozen=True)
class Kind:
    """A kind of crystal: range of its phase, relative range of its density, and the beam's blur."""

    name: str
    strain_rad: float
    density: float
    blur_voxel: tuple[float, float] | None


COHERENT, BLURRED = None, (0.3, 0.8)
KINDS = (
    Kind("coherent", 1.0, 0.02, COHERENT),
    Kind("partly coherent", 1.0, 0.02, BLURRED),
    Kind("varying density", 2.0, 0.35, BLURRED),
    Kind("strong strain", 6.0, 0.2, BLURRED),
)


@dataclass(frozen=True)
class Scan:
    """A scan with a gap; arrays (n, n, n). `counts` are 0 in the gap, `name` is of its own."""

    name: str
    kind: str
    width: int
    counts: Float32Array
    expectation: Float32Array
    gap: BoolArray


def draw_scans(
    count: int, size: int, widths: Sequence[int], folder: Path | None = None
) -> Iterator[Scan]:
    """Scans of `count` crystals, the kinds by turns, with a gap of every width.

    Parameters
    ----------
    count : of crystals.
    size : voxels a side.
    widths : of the gaps, in voxels.
    folder : of a real crystal's object, of which two scans come last where it is there.
    """
    for number in range(count):
        kind, rng = KINDS[number % len(KINDS)], np.random.default_rng([SEED, number])
        box = tuple(int(side) for side in size / rng.uniform(2.8, 4.5, 3))
        drawn = ContinuumConfig(modulus_noise=(kind.density / 2, kind.density / 2))
        crystal = make_crystal(drawn, random_shape(rng), box, rng, kind.strain_rad)
        perfect = bragg_intensity(crystal, (size,) * 3, np.zeros(3))
        yield from _scans(kind.name, perfect, kind.blur_voxel, widths, number, rng)
    for path in find_objects([REAL_OBJECT], folder)[0]:
        real = read_object(path)
        for number, blur in enumerate((COHERENT, BLURRED)):
            rng = np.random.default_rng([SEED, 0, number, 1])  # whatever the count
            name = f"{real.name}, {'partly coherent' if blur else 'coherent'}"
            yield from _scans(name, _perfect(real, size), blur, widths, number, rng)


def _perfect(real: RealObject, size: int) -> Float32Array:
    """The squared amplitude of a real crystal's object."""
    found: Float32Array = np.square(np.abs(real.amplitude(size))).astype(np.float32)
    return found


def _scans(
    kind: str,
    perfect: Float32Array,
    blur: tuple[float, float] | None,
    widths: Sequence[int],
    number: int,
    rng: np.random.Generator,
) -> Iterator[Scan]:
    """The counts of one crystal, with a gap of every width beside its peak."""
    beam = RealismConfig(
        flux=(3e5, 1e7),
        blur_voxel=blur,
        flat=None,
        smooth_share=0,
        drift=None,
        saturation_share=0,
        hot_share=0,
        alien_share=0,
    )
    measured = measure(perfect, beam, rng)
    counts = measured.counts.astype(np.float32)
    peak = find_peak(counts, measured.bad) or tuple(n // 2 for n in counts.shape)
    side = "row" if number % 2 else "column"
    for width in widths:
        gaps = place_near_peak(side, width, counts.shape, peak, rng)
        if gaps:
            gap = gap_mask(gaps, as_shape(counts.shape))
            hidden = np.where(gap, np.float32(0), counts)
            name = f"{kind} {number}, {width} px"
            yield Scan(name, kind, width, hidden, measured.expectation, gap)
