"""The methods that are judged: classical ones and the network, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.classical.methods import METHODS
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.phasing.refinement import fill_and_refine

NETWORK = "network"
REFINED = "refined"
"""The network's fill after `refinement.refine`."""
CEILING = "ceiling"


@dataclass(frozen=True)
class Guess:
    """What a method makes of a gap; arrays (n_rock, n_y, n_x).

    `interval(level)` gives the bounds of the expected counts, where the method knows its own error.
    """

    counts: Float32Array
    filled: BoolArray
    interval: Callable[[float], tuple[np.ndarray, np.ndarray]] | None = None


Filler = Callable[[np.ndarray, BoolArray, BoolArray], Guess]
"""``f(counts, gap_mask, bad_mask)``: the counts are 0 where unknown."""


def fillers(names: Sequence[str], model: Model | None, device: str = "auto") -> dict[str, Filler]:
    """The methods of these names; `model` is the network's, needed where it is among them."""
    found: dict[str, Filler] = {}
    for name in names:
        if name in METHODS:
            found[name] = _classical(name)
        elif model is not None:
            found[name] = (_refined if name == REFINED else _network)(model, device)
    return found


def _classical(name: str) -> Filler:
    def fill(counts: np.ndarray, gap: BoolArray, bad: BoolArray) -> Guess:
        return Guess(METHODS[name](counts, gap, bad_mask=bad), gap)

    return fill


def _network(model: Model, device: str) -> Filler:
    def fill(counts: np.ndarray, gap: BoolArray, bad: BoolArray) -> Guess:
        return _guess(inpaint(counts, gap, model, device, bad_mask=bad))

    return fill


def _refined(model: Model, device: str) -> Filler:
    def fill(counts: np.ndarray, gap: BoolArray, bad: BoolArray) -> Guess:
        return _guess(fill_and_refine(counts, gap, bad, model, device).fill)

    return fill


def _guess(fill: Fill) -> Guess:
    knows_error = getattr(fill, "sigma", None) is not None
    return Guess(fill.counts, fill.filled, getattr(fill, "interval", None) if knows_error else None)
