"""Counts that were transformed: square roots and logarithms, of which whole numbers can be made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import Float64Array
from bcdi_inpaint.errors import InputError


@dataclass(frozen=True)
class TransformSettings:
    """When values are transformed counts.

    Chosen on simulated counts in many units; no committed command.

    Attributes
    ----------
    fewest : different values that are needed whose rounding leaves whole numbers to be seen.
    roundings : roundings of its number type that a value may lie off.
    surest : a count whose error by rounding is larger says nothing.
    conforming : share of the different values that lead to whole numbers.
    whole : largest share of them that are whole themselves, as plain counts are.
    most_values : different values that are looked at, the smallest.
    """

    fewest: int = 12
    roundings: float = 4.0
    surest: float = 0.05
    conforming: float = 0.98
    whole: float = 0.5
    most_values: int = 3000


SETTINGS = TransformSettings()

Undoing = Callable[[Float64Array], Float64Array]

KINDS: tuple[tuple[str, str, Undoing, Undoing], ...] = (
    ("square roots", "square them first", np.square, lambda v: 2 * v**2),
    (
        "logarithms (log10)",
        "take 10**value - 1 first",
        lambda v: 10.0**v - 1,
        lambda v: np.log(10) * v * 10.0**v,
    ),
    (
        "logarithms (log1p)",
        "take exp(value) - 1 first",
        np.expm1,
        lambda v: np.asarray(v * np.exp(v)),
    ),
)
"""What the values are, the fix, the way back, and its error where a value's is 1 in relation."""


def check_transformed(lit: np.ndarray, settings: TransformSettings = SETTINGS) -> None:
    """Refuse square roots and logarithms of counts.

    Parameters
    ----------
    lit : (n,) values above zero of any number type.
    settings : when values are such.

    Raises
    ------
    InputError
        Where they are; the line says how counts are made of them.

    Examples
    --------
    >>> check_transformed(np.sqrt(np.arange(1, 40)))
    Traceback (most recent call last):
    ...
    bcdi_inpaint.errors.InputError: the values are square roots of whole numbers, ...
    """
    if lit.dtype.kind != "f":
        return
    eps = max(float(np.finfo(lit.dtype).eps), 1e-12) * settings.roundings
    distinct = np.unique(lit[np.isfinite(lit)])[: settings.most_values].astype(np.float64)
    distinct = distinct[distinct < 1e6]
    for what, fix, undone, error in KINDS:
        with np.errstate(over="ignore", invalid="ignore"):
            counts, off = undone(distinct), eps * error(distinct)
        is_sure = off < settings.surest  # False for NaN too
        values, counts, off = distinct[is_sure], counts[is_sure], off[is_sure]
        if values.size < settings.fewest:
            continue
        is_count = (np.abs(counts - np.rint(counts)) <= off) & (np.rint(counts) > 0)
        is_whole = np.abs(values - np.rint(values)) <= eps * values
        if is_count.mean() >= settings.conforming and is_whole.mean() <= settings.whole:
            raise InputError(
                f"the values are {what} of whole numbers, {values[1]:.6g} of {counts[1]:.0f}, "
                f"expected counts: {fix} (--photon 1 takes them as they are)"
            )
