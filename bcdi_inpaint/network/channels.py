"""What the network sees of a scan: the same for training and for filling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array, FloatArray
from bcdi_inpaint.classical.kriging import krige
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.network.units import LOG_UNIT
from bcdi_inpaint.peak.centre import find_centre
from bcdi_inpaint.peak.friedel import friedel_mate

GuessKind = Literal["kriged", "linear"]
CHANNEL_ORDER = ("guess", "unknown", "guess_sigma", "mate", "mate_known")
"""Of the network's input; weights trained with another order do not fit."""


@dataclass(frozen=True)
class Features:
    """The network's input for a whole scan; all arrays have its shape.

    Attributes
    ----------
    guess : float32, log(1 + counts) in network units, the kriged first guess where unknown.
    unknown : bool, gaps and bad voxels.
    guess_sigma : float32, standard deviation of the kriged guess in network units, else 0.
    mate : float32, the log counts inverted about the peak's centre in network units, 0 where they
        are not known. Without strain it equals the pattern (Friedel's law).
    mate_known : bool.
    """

    guess: Float32Array
    unknown: BoolArray
    guess_sigma: Float32Array
    mate: Float32Array
    mate_known: BoolArray

    def channels(self) -> tuple[NDArray[np.generic], ...]:
        """The arrays in `CHANNEL_ORDER`."""
        return tuple(getattr(self, name) for name in CHANNEL_ORDER)


def compute_features(
    log_counts: Float32Array,
    unknown: BoolArray,
    gaps: Sequence[Gap],
    guess: GuessKind = "kriged",
    mate: tuple[FloatArray, BoolArray] | None = None,
    centre: Float64Array | None = None,
) -> Features:
    """Compute what the network sees of a scan, or of a part of one.

    Parameters
    ----------
    log_counts : (n_rock, n_y, n_x) or (n_y, n_x), log(1 + counts); any number where unknown.
    unknown : the same shape, bool: gaps and bad voxels, which are unknown alike.
    gaps : the planes to krige, as `gaps.masks.find_planes` finds them in `unknown`: masked lines
        beside a gap belong to its plane.
    guess : how the first guess is made; a linear one says nothing of its uncertainty.
    mate : of a part, its Friedel mate and where that is known, as `friedel_mate` returns them; by
        default made from these counts.
    centre : of a part, (n_dim,) centre of the scan's peak in the part's voxels; by default found.

    Returns
    -------
    The features, in network units.
    """
    known = ~unknown
    known_logs = np.where(known, log_counts, 0).astype(np.float32, copy=False)
    if centre is None:
        centre = find_centre(known_logs, known)
    kriged = krige(known_logs, unknown, gaps if guess == "kriged" else (), centre)  # else linear
    opposite, mate_known = mate or friedel_mate(known_logs, known, centre)
    opposite = np.where(mate_known, opposite, 0).astype(np.float32, copy=False)
    for values in (kriged.log_counts, kriged.sigma, opposite):
        values /= np.float32(LOG_UNIT)  # in place: a scan may fill half of the memory
    return Features(kriged.log_counts, unknown, kriged.sigma, opposite, mate_known)
