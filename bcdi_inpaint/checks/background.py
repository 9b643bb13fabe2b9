"""Counts from which a background was subtracted: small values below zero, around zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.checks.peek import Peek
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.scan.remarks import Remark


@dataclass(frozen=True)
class BackgroundSettings:
    """When values below zero are a subtracted background.

    Chosen on simulated scans; no committed command.

    Attributes
    ----------
    fewest : values below zero that are needed, which are not the same in all frames.
    share : of the voxels that hold a value; fewer are bad pixels.
    """

    fewest: int = 16
    share: float = 0.002


SETTINGS = BackgroundSettings()


@dataclass(frozen=True)
class Background:
    """Values below zero in some frames: their share of what is known, and the smallest.

    `is_one` where they are one whole number, as a mark of what was not measured would be.
    """

    share: float
    smallest: float
    is_one: bool = False

    def __str__(self) -> str:
        if self.is_one:
            return (
                f"{100 * self.share:.2g} % of the voxels hold {self.smallest:.10g}, which alone "
                "lies below zero and may mark what was not measured"
            )
        return (
            f"{100 * self.share:.2g} % of the voxels lie below zero, down to {self.smallest:.4g}, "
            "around zero: a background looks subtracted"
        )


def find_background(
    seen: Peek, known: BoolArray, settings: BackgroundSettings = SETTINGS
) -> Background | None:
    """Find small values below zero that a subtracted background leaves.

    Parameters
    ----------
    seen : some frames, as stored.
    known : bool of their shape: not masked, finite, no mark.
    settings : how many there are at least.

    Returns
    -------
    What is below zero; None where nothing is but values that are the same in every frame.
    """
    if seen.counts.dtype.kind == "u":
        return None
    changing = ~(seen.counts == seen.counts[0]).all(axis=0) | (len(seen.counts) == 1)
    below = known & (seen.counts < 0) & changing
    n_below = int(below.sum())
    if n_below < max(settings.fewest, settings.share * known.sum()):
        return None
    values = seen.counts[below]
    others = seen.counts[known & (seen.counts > 0)]
    if not others.size or -float(np.median(values)) > float(others.max()):
        return None
    smallest = float(values.min())
    is_one = smallest == float(values.max()) == round(smallest)
    return Background(n_below / float(known.sum()), smallest, is_one)


def refuse_background(found: Background) -> InputError:
    """The error where the user has not said what to do with values below zero."""
    if found.is_one:
        return InputError(
            f"{found}; expected counts >= 0: --mask negative masks them (--clip takes them as "
            "zero, if a background was subtracted)"
        )
    return InputError(
        f"{found}; expected counts >= 0: --clip takes them as zero and leaves them in the output "
        "as they are (--mask negative masks them)"
    )


def clip_remark(found: Background) -> Remark:
    """The remark where they are taken as zero."""
    return Remark("background", f"{found}; taken as zero, and unchanged in the output")
