"""The methods that are judged: classical ones and the network, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.classical.methods import METHODS
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.phasing.refinement import fill_and_refine

NETWORK = "network"
REFINED = "refined"
"""The network's fill after `phasing.refinement.refine`."""
CEILING = "ceiling"
"""The noise-free expectation, judged as if it were a method."""


@dataclass(frozen=True)
class Guess:
    """What a method makes of a gap; arrays (n_rock, n_y, n_x).

    Attributes
    ----------
    counts : expected counts; only the gap is looked at.
    filled : bool, where the method filled the gap.
    interval : ``interval(level)`` gives the bounds of the expected counts, two such arrays; None
        for a method that does not know its own error.
    """

    counts: Float32Array
    filled: BoolArray
    interval: Callable[[float], tuple[np.ndarray, np.ndarray]] | None = None


class Filler(Protocol):
    """A method: fills the gap of a scan."""

    def __call__(self, counts: np.ndarray, gap_mask: BoolArray, *, bad_mask: BoolArray) -> Guess:
        """Fill the gap; `counts` (n_rock, n_y, n_x) are 0 in the gap and where they are bad."""
        ...


def fillers(names: Sequence[str], model: Model | None, device: str = "auto") -> dict[str, Filler]:
    """The methods of these names.

    Parameters
    ----------
    names : of `classical.methods.METHODS`, ``network`` or ``refined``.
    model : the network, needed where it is among them.
    device : where the network computes: ``auto``, ``cpu`` or ``cuda``.

    Returns
    -------
    The methods by name, in the order of the names.
    """
    found: dict[str, Filler] = {}
    for name in names:
        if name in METHODS:
            found[name] = classical_filler(name)
        elif model is not None:
            found[name] = (_refined if name == REFINED else _network)(model, device)
    return found


def classical_filler(name: str) -> Filler:
    """A method without training, by its name."""

    def fill(counts: np.ndarray, gap_mask: BoolArray, *, bad_mask: BoolArray) -> Guess:
        return Guess(METHODS[name](counts, gap_mask, bad_mask=bad_mask), gap_mask)

    return fill


def _network(model: Model, device: str) -> Filler:
    def fill(counts: np.ndarray, gap_mask: BoolArray, *, bad_mask: BoolArray) -> Guess:
        return _guess(inpaint(counts, gap_mask, model, device, bad_mask=bad_mask))

    return fill


def _refined(model: Model, device: str) -> Filler:
    def fill(counts: np.ndarray, gap_mask: BoolArray, *, bad_mask: BoolArray) -> Guess:
        return _guess(fill_and_refine(counts, gap_mask, bad_mask, model, device).fill)

    return fill


def _guess(fill: Fill) -> Guess:
    return Guess(fill.counts, fill.filled, fill.interval if fill.sigma is not None else None)
