"""How a filled scan is handed to phase retrieval: as measured, in part, as bounds, or not at all.

A fill is an estimate. Handed over as if it had been counted, its errors contradict the
measurement, and the phases can come out worse than with the gap masked. The hand-overs differ in
how far they let the retrieval depart from the fill.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.constraints import Constraint, IntervalConstraint, PriorConstraint
from bcdi_inpaint.scan.boxes import Box

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
"""Those that hold the calculated counts in an interval."""


@dataclass(frozen=True)
class HandOverSettings:
    """How far a hand-over trusts a fill.

    Attributes
    ----------
    level : of ``soft`` and ``staged``: probability of the intervals, 0 to 1. The usual 95 %.
    threshold : of ``partial``: voxels count as measured whose `fill.sigma`, the standard deviation
        of log(1 + counts), is below it. Chosen, no committed command.
    release_after : of ``staged``: fraction of the cycles after which the bounds are dropped, 0 to
        1. Chosen, no committed command.
    """

    level: float = 0.95
    threshold: float = 0.3
    release_after: float = 0.5


LEVEL, THRESHOLD = HandOverSettings.level, HandOverSettings.threshold
"""What the files that `predict` writes are made with."""


@dataclass(frozen=True)
class HandOver:
    """What phase retrieval gets of a filled scan; all arrays (n_rock, n_y, n_x), centred.

    Attributes
    ----------
    name : one of `NAMES`.
    counts : float32, with the fill in the gap.
    bad_mask : bool, True = not to be taken as measured.
    filled : bool, voxels whose fill is taken as measured; none of them is bad.
    constraint : what is known of bad voxels, an interval or a prior; None if they are free.
    release_after : fraction of the cycles after which the constraint is dropped; None keeps it.
    """

    name: str
    counts: Float32Array
    bad_mask: BoolArray
    filled: BoolArray
    constraint: Constraint | None = None
    release_after: float | None = None

    def crop(self, box: Box) -> HandOver:
        """What is handed over of a box of the array."""
        constraint = None if self.constraint is None else self.constraint.crop(box)
        arrays = (self.counts[box], self.bad_mask[box], self.filled[box])
        return HandOver(self.name, *arrays, constraint, self.release_after)


def hand_over(
    fill: Fill,
    gap_mask: BoolArray,
    bad_mask: BoolArray,
    name: str,
    *,
    settings: HandOverSettings = HandOverSettings(),
) -> HandOver:
    """A filled scan, made ready to be phased.

    Parameters
    ----------
    fill : the scan with its gaps filled.
    gap_mask, bad_mask : (n_rock, n_y, n_x) bool, True = gap, True = invalid. What is in the gap and
        was not filled stays masked.
    name : one of `NAMES`.
    settings : how far the fill is trusted.

    Returns
    -------
    What phase retrieval gets.

    Raises
    ------
    InputError
        For another name, arrays that do not fit, or values out of range.
    """
    check_name(name)
    if not settings.threshold > 0:
        raise InputError(
            f"threshold is {settings.threshold}, expected a standard deviation above 0"
        )
    for label, mask in (("gap_mask", gap_mask), ("bad_mask", bad_mask)):
        if mask.shape != fill.counts.shape:
            raise InputError(
                f"{label} has the shape {mask.shape}, expected the fill's {fill.counts.shape}"
            )
    trusted = trusted_voxels(fill, name, settings.threshold)
    unknown = (gap_mask | bad_mask) & ~trusted
    release = settings.release_after if name == "staged" else None
    constraint = _constraint(fill, name, settings.level)
    return HandOver(name, fill.counts, unknown, trusted, constraint, release)


def trusted_voxels(
    fill: Fill, name: str, threshold: float = HandOverSettings.threshold
) -> BoolArray:
    """The filled voxels that phase retrieval is to take as measured.

    Parameters
    ----------
    fill : the filled scan, (n_rock, n_y, n_x), or a part of it.
    name : one of `NAMES`.
    threshold : for ``partial``, `fill.sigma` of a trusted voxel is below it.

    Returns
    -------
    (n_rock, n_y, n_x) bool.
    """
    if name == "hard":
        return fill.filled
    if name == "partial":
        return fill.filled & (fill.sigma < threshold)
    return np.zeros_like(fill.filled)


def _constraint(fill: Fill, name: str, level: float) -> Constraint | None:
    """What the retrieval is to heed of the voxels that stay masked."""
    if name in BOUNDED:
        return IntervalConstraint(*fill_interval(fill, level))
    return prior_of(fill) if name == "prior" else None


def prior_of(fill: Fill) -> PriorConstraint:
    """A fill as the prior of what it filled; nothing is known of the rest."""
    return PriorConstraint(fill.counts, np.where(fill.filled, fill.sigma, np.float32(np.inf)))


def check_name(name: str, among: Collection[str] = NAMES) -> None:
    """Refuse what is none of the names; call it before any work begins."""
    if name not in among:
        raise InputError(f"handover is {name!r}, expected one of {', '.join(among)}")


def resolve_handover(name: str, verdict: str | None, *, refined: bool = False) -> str:
    """Resolve ``auto`` to a concrete hand-over.

    Returns `name` unchanged unless it is ``auto``; then ``prior`` if `verdict` says that a fill
    helps (or the fill was refined and the gap is not dark), else ``mask``. A gap stays masked where
    it is dark, or so narrow that phase retrieval finds by itself most of what is missing. That is
    how a file is written; where it says to compare, `phase` tries both, see `is_compared`.

    Parameters
    ----------
    name : one of `CHOICES`.
    verdict : one of `benefit.VERDICTS`, see `benefit.verdict_of`; None where nothing is known.
    refined : whether the fill was refined.

    Returns
    -------
    One of `NAMES`.

    Examples
    --------
    >>> resolve_handover("auto", "fill"), resolve_handover("auto", "compare")
    ('prior', 'mask')
    >>> resolve_handover("auto", "compare", refined=True), resolve_handover("soft", "mask")
    ('prior', 'soft')
    """
    if name != AUTO:
        return name
    return WORTHWHILE if verdict == "fill" or (refined and verdict == "compare") else "mask"


def is_compared(name: str, verdict: str | None) -> bool:
    """Whether a scan is phased both ways, with its fill and masked, and free voxels decide.

    >>> is_compared("auto", "compare"), is_compared("auto", "fill"), is_compared("prior", "compare")
    (True, False, False)
    """
    return name == AUTO and verdict == "compare"


def fill_interval(
    fill: Fill, level: float = HandOverSettings.level
) -> tuple[Float32Array, Float32Array]:
    """The fill's interval, (n_rock, n_y, n_x) each; 0 and infinity where nothing was filled."""
    lower, upper = fill.interval(level)
    free = ~fill.filled
    lower[free], upper[free] = 0, np.inf
    return lower, upper
