"""Which of several reconstructions of one scan is taken.

One number does not tell. A run that stagnates has a poor free log-likelihood; of those that do not,
one with a larger support fits better because it has more to fit with, and may be the worse crystal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.phasing.reconstruction import Reconstruction

MARGIN = 1.5
"""Times the best free log-likelihood: runs up to there are compared further. Chosen on three small
crystals with gaps of 1.5 to 4 fringes; no committed command."""

ALIKE = 1.01
"""Times a number up to which another one is no worse. Of three runs of one scan, a random one had
a support of 9916 voxels in place of 9952, and that alone would have decided: it was 0.089 rad off,
the run of best free log-likelihood 0.072; no committed command."""


@dataclass(frozen=True)
class Judged:
    """What free voxels say of a run.

    Attributes
    ----------
    free : its free log-likelihood, less is better; without free voxels that of all.
    log_error : RMS error of log(1 + counts) of the free voxels; nan where it is not known.
    begun : whether it began at an object that was found before, not at random.
    """

    free: float
    log_error: float
    begun: bool


def judged(found: Reconstruction) -> Judged:
    """What free voxels say of a run."""
    return Judged(free_misfit(found), found.free_log_error, found.begun)


def choose(found: Sequence[Reconstruction]) -> Reconstruction:
    """The best run.

    Of runs that begin at random: of those whose free log-likelihood is near the best, the one of
    least ranks in free log-likelihood, log-likelihood and size of the support, added up. What
    differs by a hundredth shares a rank, and the free log-likelihood decides between equals.

    Of runs that begin at objects that were found before, the one of least free log-likelihood. A
    random one is taken in its place only where the free log-likelihood and the free log error both
    speak for it, see `_outdoes`.

    Without free voxels the log-likelihood stands in.
    """
    begun = [one for one in found if one.begun]
    at_random = [one for one in found if not one.begun]
    if not begun:
        return _of_least_ranks(at_random)
    best = min(begun, key=free_misfit)
    if not at_random:
        return best
    other = _of_least_ranks(at_random)
    return other if _outdoes(judged(other), judged(best)) else best


def best_of(ways: Mapping[str, Judged]) -> str:
    """The name of the way whose object free voxels like best; in doubt the first.

    One that began at random is taken in place of one from an object as `choose` does.
    """
    names = sorted(ways, key=lambda name: _or_worst(ways[name].free))  # equals stay in their order
    first = ways[names[0]]
    begun = [name for name in names if ways[name].begun]
    if first.begun or not begun or _outdoes(first, ways[begun[0]]):
        return names[0]
    return begun[0]


def _outdoes(at_random: Judged, begun: Judged) -> bool:
    """Whether a run from a random start is better than one from an object, beyond doubt.

    The free log-likelihood is ruled by the brightest voxels, where a wrong object of a random start
    may be as good as the right one; the free log error weighs faint ones as much. In sixty gaps
    (docs/reports/phasing_small.md, phasing_unseen.md) one of the two alone spoke for the random run
    in seven, where it was 0.9 to 4.8 times as far off, farther in five; both spoke for it in seven
    more, where it was 0.67 to 1.64 times as far off, nearer in four; no committed command.
    """
    errors = at_random.log_error, begun.log_error
    fits = np.isnan(errors).any() or errors[0] < errors[1]
    return bool(fits and _or_worst(at_random.free) < _or_worst(begun.free))


def _of_least_ranks(found: Sequence[Reconstruction]) -> Reconstruction:
    """See `choose`."""
    free = [free_misfit(one) for one in found]
    near = [one for one, own in zip(found, free, strict=True) if own <= MARGIN * min(free)]
    figures = [(free_misfit(one), one.llk, float(one.support.sum())) for one in near]
    ranks = np.sum([_ranks(column) for column in zip(*figures, strict=True)], axis=0)
    order = np.lexsort(([own for own, _, _ in figures], ranks))
    return near[int(order[0])]


def free_misfit(found: Reconstruction) -> float:
    """The free log-likelihood of a run, less is better; without free voxels that of all.

    Infinite where neither is a number: then the run found nothing.
    """
    return _or_worst(found.llk if np.isnan(found.llk_free) else found.llk_free)


def best(found: Sequence[Reconstruction]) -> Reconstruction:
    """The one of least free log-likelihood, or log-likelihood where there are no free voxels."""
    return min(found, key=free_misfit)


def _or_worst(misfit: float) -> float:
    """A misfit that is no number is the worst: nan is neither less nor more than any."""
    return np.inf if np.isnan(misfit) else misfit


def _ranks(values: Sequence[float]) -> np.ndarray:
    """The place of each value, 0 for the least; those that are alike share theirs."""
    places, place, first = np.zeros(len(values), dtype=int), -1, -np.inf
    for number in np.argsort(values, kind="stable"):
        if not values[number] <= ALIKE * first:
            place, first = place + 1, values[number]
        places[number] = place
    return places
