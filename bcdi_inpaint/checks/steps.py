"""The step of counts: the stored value of one photon, where values are multiples of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import Float64Array


@dataclass(frozen=True)
class StepSettings:
    """When values have a common step.

    Chosen on simulated counts in many units; no committed command.

    Attributes
    ----------
    fewest_distinct : different values that are needed; a flat scan has one.
    fewest : lit voxels that are needed; all counts of fewer can be even by chance.
    tolerance : steps from a whole number that a multiple may lie.
    rounding : the same for what the number type rounds off, which bounds the multiples.
    conforming : share of the values that are multiples; the others are marks and hot pixels.
    most_values : distinct values that are looked at, the smallest.
    divisors : a difference of two values is this many steps at most.
    near_one_two : around one and two photons, how far values of a corrected detector lie, in
        photons.
    near_share : share of the values below two and a half photons that lie so near.
    poisson : least n0 n2 / n1^2 of the numbers of voxels with 0, 1 and 2 photons; Poisson's is at
        least 1/2.
    """

    fewest_distinct: int = 2
    fewest: int = 30
    tolerance: float = 0.02
    rounding: float = 0.05
    conforming: float = 0.99
    most_values: int = 3000
    divisors: int = 4
    near_one_two: float = 0.25
    near_share: float = 0.85
    poisson: float = 0.2


SETTINGS = StepSettings()


def common_step(lit: np.ndarray, settings: StepSettings = SETTINGS) -> float | None:
    """The largest step that nearly all values are multiples of.

    Parameters
    ----------
    lit : (n,) values above zero of any number type.
    settings : when values have a step.

    Returns
    -------
    The step; None where there is none, or too few values.

    Examples
    --------
    >>> counts = np.random.default_rng(0).poisson(3, 100)
    >>> round(common_step((counts[counts > 0] * 2.5e-6).astype(np.float32)), 10)
    2.5e-06
    """
    if lit.size < settings.fewest:
        return None
    eps = 0.0
    if lit.dtype.kind == "f":
        limits = np.finfo(lit.dtype)
        eps, lit = float(limits.eps), lit[lit >= limits.smallest_normal]
    distinct, numbers = np.unique(lit.astype(np.float64), return_counts=True)
    distinct, numbers = distinct[: settings.most_values], numbers[: settings.most_values]
    if numbers.sum() < settings.fewest or distinct.size < settings.fewest_distinct:
        return 1.0 if lit.dtype.kind in "ui" else None
    fits = (_fitted(distinct, numbers, guess, eps, settings) for guess in _guesses(distinct, eps))
    found = [step for step in fits if step is not None]
    if found:
        return max(found)
    return 1.0 if lit.dtype.kind in "ui" else None


def _guesses(distinct: Float64Array, eps: float) -> Iterator[float]:
    """Steps to try: the smallest value, and small differences, in whole parts."""
    differences = np.diff(distinct)
    differences = differences[differences > 16 * eps * distinct[1:]]
    some: list[float] = []
    if differences.size:
        some = np.quantile(differences, (0, 0.02, 0.1, 0.5)).tolist()
    for base in sorted({float(distinct[0]), *some}):
        for divisor in range(1, SETTINGS.divisors + 1):
            yield base / divisor


def _fitted(
    distinct: Float64Array, numbers: np.ndarray, guess: float, eps: float, settings: StepSettings
) -> float | None:
    """The step near a guess that the values are multiples of, made finer from small to large."""
    step, reach = guess, 8.0
    largest = settings.rounding / eps if eps else 1e9
    while True:
        near = distinct < reach * step
        multiples = np.rint(distinct[near] / step)
        close = (np.abs(distinct[near] / step - multiples) < 0.2) & (multiples > 0)
        if close.any():
            value, multiple, weight = distinct[near][close], multiples[close], numbers[near][close]
            step = float((weight * value * multiple).sum() / (weight * multiple**2).sum())
        if reach > min(largest, distinct[-1] / step):
            break
        reach *= 4
    within = distinct < largest * step
    multiples = distinct[within] / step
    off = np.abs(multiples - np.rint(multiples)) > settings.tolerance + 2 * eps * multiples
    off |= multiples < 0.5
    total = float(numbers[within].sum())
    if total < settings.fewest or total < 0.5 * numbers.sum():
        return None
    return step if numbers[within][off].sum() <= (1 - settings.conforming) * total else None


def single_photons(known: np.ndarray, settings: StepSettings = SETTINGS) -> float | None:
    """The value of one photon in dim data whose values are not quite multiples of it.

    So they are after a flat-field correction, and where each frame has its own monitor: values lie
    close around one and around two photons, in numbers that Poisson's law allows.

    Parameters
    ----------
    known : (n,) values of all known voxels, zeros among them.
    settings : what is close.

    Returns
    -------
    The value; None where nothing is seen of it.
    """
    lit = known[known > 0].astype(np.float64)
    if lit.size < settings.fewest:
        return None
    starts = np.quantile(lit, (0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5))
    found = {_centred(lit, float(start)) for start in starts}
    passing = [one for one in found if _are_photons(known, lit, one, settings)]
    return max(passing, default=None)


def _centred(lit: Float64Array, value: float) -> float:
    """The median of the values around one, found from a value near it."""
    for _ in range(6):
        near = lit[(lit > 0.6 * value) & (lit < 1.5 * value)]
        value = float(np.median(near)) if near.size else value
    return value


def _are_photons(known: np.ndarray, lit: Float64Array, one: float, settings: StepSettings) -> bool:
    few = lit[lit < 2.5 * one] / one
    whole = np.rint(few)
    n_near = int((np.abs(few - whole) < settings.near_one_two)[whole > 0].sum())
    n_one, n_two = int((whole == 1).sum()), int((whole == 2).sum())
    n_zero = known.size - lit.size
    if few.size < settings.fewest or n_near < settings.near_share * few.size or not n_one:
        return False
    return n_two >= 2 and n_zero * n_two >= settings.poisson * n_one**2
