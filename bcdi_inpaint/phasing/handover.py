"""Ways to hand a filled scan to phase retrieval: as measured, in part, as bounds, or not at all.

A fill is an estimate. Handed over as if it had been counted, its errors contradict the
measurement, and the phases can come out worse than with the gap masked. The ways differ in how far
they let the retrieval depart from the fill.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.errors import InputError

if TYPE_CHECKING:  # it brings torch along, and the command line wants the names alone
    from bcdi_inpaint.filling.fill import Fill


NAMES: dict[str, str] = {
    "hard": "every filled voxel counts as measured",
    "partial": "filled voxels of little uncertainty count as measured, the others stay masked",
    "soft": "filled voxels are held between the bounds of their interval",
    "staged": "filled voxels are held between the bounds of their interval at first, then free",
    "prior": "filled voxels are drawn towards the fill in every cycle, the more the surer it is",
    "mask": "the gap stays masked",
}
AUTO = "auto"
WORTHWHILE = "prior"
"""What ``auto`` is where a fill can help.

With it the crystals of `bcdi-inpaint evaluate --phasing`, phased as users do, came out best."""
CHOICES = (AUTO, *NAMES)
DEFAULT = AUTO
OURS = ("soft", "staged", "prior")
"""Those that only our own cycles know: PyNX's command line gets a masked gap."""
BOUNDED = ("soft", "staged")
LEVEL = 0.95
THRESHOLD = 0.3
RELEASE_AFTER = 0.5


@dataclass(frozen=True)
class HandOver:
    """What phase retrieval gets of a filled scan; all arrays (n_rock, n_y, n_x), centred.

    Attributes
    ----------
    name : one of `NAMES`.
    counts : float32, with the fill in the gap.
    bad_mask : bool, True = not to be taken as measured.
    filled : bool, voxels whose fill is taken as measured; none of them is bad.
    bounds : lower and upper bounds of the expected counts, 0 and infinity where there are none;
        None for ways without bounds.
    prior : estimated counts and their standard deviations in log(1 + counts), infinite where
        nothing was filled; None for ways without.
    release_after : fraction of the cycles after which the bounds are dropped; None keeps them.
    """

    name: str
    counts: Float32Array
    bad_mask: BoolArray
    filled: BoolArray
    bounds: tuple[Float32Array, Float32Array] | None = None
    prior: tuple[Float32Array, Float32Array] | None = None
    release_after: float | None = None

    def cropped(self, box: tuple[slice, slice, slice]) -> HandOver:
        """The same in a box of the array."""
        bounds = None if self.bounds is None else (self.bounds[0][box], self.bounds[1][box])
        prior = None if self.prior is None else (self.prior[0][box], self.prior[1][box])
        arrays = (self.counts[box], self.bad_mask[box], self.filled[box])
        return HandOver(self.name, *arrays, bounds, prior, self.release_after)

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of `retrieve` beside counts and bad_mask."""
        return {
            "bounds": self.bounds,
            "prior": self.prior,
            "release_after": self.release_after,
            "filled": self.filled,
        }


def hand_over(
    fill: Fill,
    gap_mask: np.ndarray,
    bad_mask: np.ndarray,
    name: str,
    *,
    level: float = LEVEL,
    threshold: float = THRESHOLD,
    release_after: float = RELEASE_AFTER,
) -> HandOver:
    """A filled scan, made ready to be phased.

    Parameters
    ----------
    fill : the scan with its gaps filled.
    gap_mask, bad_mask : (n_rock, n_y, n_x) bool, True = gap, True = invalid. What is in the gap and
        was not filled stays masked.
    name : one of `NAMES`.
    level : of ``soft`` and ``staged``: probability of the intervals, 0 to 1.
    threshold : of ``partial``: fill voxels whose `fill.sigma` is below it.
    release_after : of ``staged``: fraction of the cycles, 0 to 1.

    Raises
    ------
    InputError
        For another name, arrays that do not fit, or values out of range.
    """
    check_name(name)
    if not threshold > 0:
        raise InputError(f"threshold is {threshold}, expected a standard deviation above 0")
    for label, mask in (("gap_mask", gap_mask), ("bad_mask", bad_mask)):
        if mask.shape != fill.counts.shape:
            raise InputError(
                f"{label} has the shape {mask.shape}, expected the fill's {fill.counts.shape}"
            )
    unknown = gap_mask | bad_mask
    trusted = trusted_voxels(fill, name, threshold)
    bounds = fill_interval(fill, level) if name in BOUNDED else None
    prior = _prior(fill) if name == "prior" else None
    release = release_after if name == "staged" else None
    return HandOver(name, fill.counts, unknown & ~trusted, trusted, bounds, prior, release)


def trusted_voxels(fill: Fill, name: str, threshold: float = THRESHOLD) -> BoolArray:
    """The filled voxels that phase retrieval is to take as measured.

    Parameters
    ----------
    fill : the filled scan, (n_rock, n_y, n_x), or a part of it.
    name : one of `NAMES`.
    threshold : for ``partial``, the largest `fill.sigma` of such a voxel.

    Returns
    -------
    (n_rock, n_y, n_x) bool.
    """
    if name == "hard":
        return fill.filled
    if name == "partial":
        return fill.filled & (fill.sigma < threshold)
    return np.zeros_like(fill.filled)


def check_name(name: str, among: Collection[str] = NAMES) -> None:
    """Refuse what is none of the names; call it before any work begins."""
    if name not in among:
        raise InputError(f"handover is {name!r}, expected one of {', '.join(among)}")


def resolve_handover(name: str, verdict: str | None, *, refined: bool = False) -> str:
    """The hand-over, one of `NAMES`, that one of `CHOICES` stands for; `refined`: of such a fill.

    ``auto`` leaves a gap masked where `advice.verdict_of` does not promise that a fill helps: it is
    dark, or so narrow that phase retrieval finds by itself most of what is missing. A refined fill
    is good enough for narrow ones as well.
    """
    if name != AUTO:
        return name
    return WORTHWHILE if verdict == "fill" or (refined and verdict == "compare") else "mask"


def _prior(fill: Fill) -> tuple[Float32Array, Float32Array]:
    """The filled counts and their uncertainty, infinite where nothing was filled."""
    return fill.counts, np.where(fill.filled, fill.sigma, np.float32(np.inf))


def fill_interval(fill: Fill, level: float = LEVEL) -> tuple[Float32Array, Float32Array]:
    """The fill's interval, (n_rock, n_y, n_x) each; 0 and infinity where nothing was filled."""
    lower, upper = fill.interval(level)
    free = ~fill.filled
    lower[free], upper[free] = 0, np.inf
    return lower, upper
