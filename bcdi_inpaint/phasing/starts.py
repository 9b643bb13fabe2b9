"""Several random starts: those that fail are left out, and only if all do there is an error.

A start from a convex body of even density, half-spaces around half of the autocorrelation, was
tried on four strained crystals, twice each, against one more random start: it fitted worse on two
of them, better on one, and on the fourth neither helped; no committed command.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Complex128Array
from bcdi_inpaint.errors import InputError

T = TypeVar("T")


def run_starts(
    attempt: Callable[[np.random.Generator], T],
    generators: Sequence[np.random.Generator],
    report: Callable[[int, T | InputError], None] = lambda number, outcome: None,
) -> list[T]:
    """The results of several random starts, without those of starts that fail.

    Parameters
    ----------
    attempt : one start from a generator; it raises InputError if it finds nothing.
    generators : one for each start.
    report : called with the number of a start, from 0, and what it found or why it failed.

    Raises
    ------
    InputError
        The last start's error, if every one failed.

    Examples
    --------
    >>> run_starts(lambda rng: rng.random() < 2, np.random.default_rng(0).spawn(2))
    [True, True]
    """
    results: list[T] = []
    failure = InputError("no start was asked for, expected at least 1: give a positive number")
    for number, rng in enumerate(generators):
        try:
            found = attempt(rng)
        except InputError as error:
            failure = error
            report(number, error)
        else:
            results.append(found)
            report(number, found)
    if not results:
        raise failure
    return results


def random_object(inside: BoolArray, rng: np.random.Generator) -> Complex128Array:
    """A random object inside a support; the engine scales it to the photons that were measured.

    `inside` (n_rock, n_y, n_x) bool is the support. Returns (n_rock, n_y, n_x) complex128, its
    moduli uniform from 0 to 1.
    """
    modulus = rng.uniform(0, 1, inside.shape)
    phase_rad = rng.uniform(0, 2 * np.pi, inside.shape)
    obj: Complex128Array = inside * modulus * np.exp(1j * phase_rad)
    return obj
