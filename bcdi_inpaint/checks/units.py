"""The unit of a scan's counts: what one photon is stored as."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.checks.noise import photon_from_noise
from bcdi_inpaint.checks.peek import Peek
from bcdi_inpaint.checks.steps import common_step, single_photons
from bcdi_inpaint.scan.remarks import Remark, Remarks


@dataclass(frozen=True)
class UnitSettings:
    """When a unit is taken for another one than a photon.

    Chosen on simulated counts; no committed command.

    Attributes
    ----------
    same : steps of frames that differ by no more, in parts, are one step.
    nearly_one : steps that differ from frame to frame and are this near to 1 on the average are
        photons, corrected by a monitor.
    noise_of_one : the same for a photon that is found from the noise alone.
    least_adu : whole numbers that are no multiples of anything are in ADU from this photon on.
    subtracted : factor around 1 within which the noise tells nothing where a background was
        subtracted.
    small : largest value below which counts without a known unit are hardly photons.
    """

    same: float = 1e-5
    nearly_one: float = 0.02
    noise_of_one: float = 0.1
    least_adu: float = 3.0
    subtracted: float = 3.0
    small: float = 50.0


SETTINGS = UnitSettings()


@dataclass(frozen=True)
class Unit:
    """What one photon is stored as, and whether all values are multiples of it."""

    photon: float = 1.0
    is_whole: bool = False
    remarks: Remarks = ()


def given_unit(photon: float, seen: Peek, known: BoolArray) -> Unit:
    """The unit that the user gives.

    Parameters
    ----------
    photon : the stored value of one photon.
    seen : some frames.
    known : bool of their shape.
    """
    values = seen.counts[known].astype(np.float64) / photon
    off = np.abs(values - np.rint(values)) > 0.05
    return Unit(photon, bool(values.size) and float(off.mean()) < 0.01)


def find_unit(
    seen: Peek,
    known: BoolArray,
    settings: UnitSettings = SETTINGS,
    *,
    is_subtracted: bool = False,
) -> Unit:
    """Find what one photon is stored as.

    Parameters
    ----------
    seen : some frames, as stored.
    known : bool of their shape, which voxels hold a count.
    settings : when a unit is taken for another one than a photon.
    is_subtracted : whether a background was subtracted, so that mean and variance agree less.

    Returns
    -------
    The unit, with what has to be said; photons where nothing else is seen.
    """
    known = known & ~_in_empty_lines(seen.counts, known)
    frames = [counts[there] for counts, there in zip(seen.counts, known, strict=True)]
    return (
        _by_step(frames, settings)
        or _by_single_photons(frames, settings)
        or _by_noise(seen, known, settings.subtracted if is_subtracted else 1, settings)
        or _unknown(seen, known, settings)
    )


def _in_empty_lines(counts: np.ndarray, known: BoolArray) -> BoolArray:
    """Voxels of lines that hold nothing in any of the frames: gaps."""
    lit = ((counts != 0) & known).any(axis=0)
    return np.broadcast_to(~lit.any(axis=1)[:, None] | ~lit.any(axis=0), counts.shape)


def _by_step(frames: list[np.ndarray], settings: UnitSettings) -> Unit | None:
    """The common step of all frames, or the middle one of theirs."""
    found = [step for step in (common_step(values[values > 0]) for values in frames) if step]
    if not found:
        pooled = np.concatenate(frames)
        step = common_step(pooled[pooled > 0])
        found = [] if step is None else [step]
    if not found or _are_plain_integers(frames, found):
        return None
    if max(found) - min(found) <= settings.same * max(found):
        photon = _round_off(float(np.median(found)))
        if photon == 1:
            return Unit(1.0, True)
        return Unit(photon, True, (_remark(photon, f"counts are multiples of {photon:.6g}"),))
    return _of_frames(found, settings)


def _are_plain_integers(frames: list[np.ndarray], steps: list[float]) -> bool:
    """Whole numbers with the step 1 and without ones, which may still be ADU."""
    if max(steps) != 1 or frames[0].dtype.kind not in "ui":
        return False
    return sum(int((values == 1).sum()) for values in frames) < 4


def _of_frames(found: list[float], settings: UnitSettings) -> Unit:
    """Steps that differ from frame to frame, as a monitor's values do."""
    photon = float(np.median(found))
    if abs(photon - 1) <= settings.nearly_one:
        return Unit()
    how = f"counts are multiples of {min(found):.6g} to {max(found):.6g}, by frame"
    return Unit(photon, False, (_remark(photon, how),))


def _by_single_photons(frames: list[np.ndarray], settings: UnitSettings) -> Unit | None:
    found = [one for one in map(single_photons, frames) if one]
    if not found:
        return None
    photon = float(np.median(found))
    if abs(photon - 1) <= settings.nearly_one * 2.5:
        return Unit()
    return Unit(photon, False, (_remark(photon, "values gather around multiples"),))


def _by_noise(seen: Peek, known: BoolArray, doubtful: float, settings: UnitSettings) -> Unit | None:
    """The photon that the noise tells, unless it is 1 within a doubtful factor."""
    photon = photon_from_noise(seen.counts, known)
    if photon is None:
        return None
    is_integer = seen.counts.dtype.kind in "ui"
    is_one = abs(photon - 1) <= settings.noise_of_one or 1 / doubtful < photon < doubtful
    if is_one or (is_integer and photon < settings.least_adu):
        return Unit()
    how = "counts have no common step, but their variance is so many times their mean"
    return Unit(photon, False, (_remark(photon, how),))


def _unknown(seen: Peek, known: BoolArray, settings: UnitSettings) -> Unit:
    """Photons, with a warning where they hardly are."""
    values = seen.counts[known]
    largest = float(values.max()) if values.size else 0.0
    if seen.counts.dtype.kind in "ui" or not values.size:
        return Unit()
    if largest >= settings.small and bool((values == np.rint(values)).all()):
        return Unit()
    text = (
        f"no unit of the counts is found, which reach {largest:.6g}: they are taken as photons "
        "(--photon VALUE says what one photon is stored as)"
    )
    return Unit(remarks=(Remark("unit-unknown", text),))


def _remark(photon: float, how: str) -> Remark:
    text = (
        f"{how}: one photon is taken as {photon:.6g}, and the fill is in the input's unit "
        "(--photon VALUE says otherwise)"
    )
    return Remark("unit", text)


def _round_off(step: float) -> float:
    """A whole step as such: it was found by a fit."""
    near = round(step)
    return float(near) if near and abs(step - near) <= 1e-6 * near else step
