"""Scans with a gap, and the intensity that a short retrieval calculates for them."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.classical.methods import METHODS
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.artificial import place_near_peak
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.network.channels import Features, compute_features
from bcdi_inpaint.network.units import from_network, logs_from_network, logs_to_network
from bcdi_inpaint.peak.centre import find_peak
from bcdi_inpaint.phasing.coherence import CoherenceSearch, CoherenceSettings
from bcdi_inpaint.phasing.constraints import PriorConstraint
from bcdi_inpaint.phasing.schedule import Schedule, Stage
from bcdi_inpaint.phasing.torch_retrieval import CPU, retrieve
from bcdi_inpaint.phasing.torch_state import State, to_tensor
from bcdi_inpaint.safe_files import replace_file
from bcdi_inpaint.scan.boxes import as_shape
from bcdi_inpaint.training.slabs import Slab
from simulation.interiors import InteriorConfig
from simulation.realism import RealismConfig
from simulation.recipe import Recipe, make_pattern

WIDTHS = (3, 6, 12, 24)
RECIPE = Recipe(
    count=1,
    seed=4300,
    shape=(64, 64, 64),
    atomistic_share=0.0,
    oversampling=(2.5, 5.0),
    oversampling_spread=(0.2, 0.2, 0.2),
    peak_offset=0.02,
    peak_outside=0.0,
    interior=InteriorConfig(varying_share=0.5, bent_share=0.3),
    realism=RealismConfig(
        flux=(1e5, 1e8), blur_voxel=(0.3, 0.8), coherent_share=0.5, hot_share=0, saturation_share=0
    ),
)
SHORT = Schedule(hio=100, raar=150, er=50, update_every=25, settled=0.8, widen=1)
"""What `--refine` takes for one of its starts."""


@dataclass(frozen=True)
class Example:
    """A scan with a gap, and what is known of it; arrays (n, n, n).

    Attributes
    ----------
    slab : what patches are cut from; its last channel is log(1 + calculated intensity).
    width : of the gap, in voxels.
    beam : ``coherent`` or ``partly coherent``.
    linear : the fill by linear interpolation, in counts.
    """

    slab: Slab
    width: int
    beam: str
    linear: Float32Array


def calculate(
    counts: Float32Array, gap: BoolArray, features: Features, rng: np.random.Generator
) -> Float32Array:
    """The intensity that a short retrieval from one start calculates, kriging as its prior.

    The kriged guess where the retrieval fails.

    Parameters
    ----------
    counts : (n, n, n), zeros in the gap.
    gap : (n, n, n) bool.
    features : of the scan; the guess and its sigma are the prior.
    rng : source of the start.
    """
    guess = from_network(features.guess)
    sigma = np.where(gap, logs_from_network(features.guess_sigma) + 1e-3, np.inf)
    search = CoherenceSearch(to_tensor(counts, CPU), to_tensor(~gap, CPU), CoherenceSettings())
    search.begin()

    def settle(state: State, stage: Stage) -> None:
        if stage.algorithm == "RAAR":
            state.coherence = search.follow(state.diffracted())

    prior = PriorConstraint(guess, sigma.astype(np.float32))
    try:
        state = retrieve(
            counts, gap, rng, schedule=SHORT, constraint=prior, guess=guess, settle=settle
        )
    except InputError as error:
        print(error, file=sys.stderr)
        return np.asarray(guess)
    return state.intensity()


def make_example(number: int) -> Example:
    """A crystal of its own number, with a gap whose width goes by turns."""
    pattern = make_pattern(RECIPE, number, None)
    rng = np.random.default_rng([RECIPE.seed, 2, number])
    width = WIDTHS[number % len(WIDTHS)]
    counts = pattern.counts.astype(np.float32)
    peak = find_peak(counts, pattern.bad) or (32, 32, 32)
    kind = "row" if number // len(WIDTHS) % 2 else "column"
    gaps = place_near_peak(kind, width, as_shape(counts.shape), peak, rng)
    assert gaps, "the widths fit beside the peak of 64 voxels"
    gap = gap_mask(gaps, as_shape(counts.shape))
    hidden = np.where(gap, np.float32(0), counts)
    features = compute_features(np.log1p(hidden), gap, gaps)
    calculated = calculate(hidden, gap, features, rng)
    extra = logs_to_network(np.log1p(np.maximum(calculated, 0)))
    linear = METHODS["linear"](hidden, gap, bad_mask=np.zeros_like(gap))
    slab = _slab((*features.channels(), extra), pattern.expectation, gap, gaps[0])
    beam = "partly coherent" if "blur_voxel" in pattern.parameters else "coherent"
    across = np.moveaxis(np.asarray(linear, np.float32), gaps[0].axis, 0)
    return Example(slab, width, beam, across)


def _slab(
    channels: Sequence[NDArray[np.generic]], expectation: Float32Array, gap: BoolArray, main: Gap
) -> Slab:
    """The whole scan as a slab, the gap's normal as axis 0."""
    across = [np.moveaxis(each, main.axis, 0) for each in channels]
    truth = np.moveaxis(logs_to_network(np.log1p(expectation)), main.axis, 0)
    return Slab(
        np.stack(across).astype(np.float16),
        truth.astype(np.float16),
        np.moveaxis(gap, main.axis, 0),
        main.start,
        main.stop,
    )


def kept_example(number: int, folder: Path) -> Example:
    """An example from the folder, made where it does not hold it."""
    path = folder / f"{number:04d}.npz"
    if not path.exists():
        one = make_example(number)
        stream = io.BytesIO()
        place = np.array([one.slab.start, one.slab.stop, one.width, one.beam == "coherent"])
        np.savez(
            stream,
            channels=one.slab.channels,
            truth=one.slab.truth,
            gap=one.slab.gap,
            linear=one.linear,
            place=place,
        )
        replace_file(path, stream.getbuffer())
        print(f"scan {number}: {one.width} px, {one.beam}", file=sys.stderr, flush=True)
    with np.load(path) as kept:
        start, stop, width, is_coherent = (int(n) for n in kept["place"])
        slab = Slab(kept["channels"], kept["truth"], kept["gap"], start, stop)
        beam = "coherent" if is_coherent else "partly coherent"
        return Example(slab, width, beam, kept["linear"])
