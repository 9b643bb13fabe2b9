"""Which of several reconstructions of one scan is taken.

One number does not tell. A run that stagnates has a poor free log-likelihood; of those that do not,
one with a larger support fits better because it has more to fit with, and may be the worse crystal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bcdi_inpaint.phasing.reconstruction import Reconstruction

MARGIN = 1.5
"""Times the best free log-likelihood: runs up to there are compared further. Chosen on three small
crystals with gaps of 1.5 to 4 fringes; no committed command."""

ALIKE = 1.01
"""Times a number up to which another one is no worse. Of three runs of one scan, a random one had
a support of 9916 voxels in place of 9952, and that alone would have decided: it was 0.089 rad off,
the run of best free log-likelihood 0.072; no committed command."""


def choose(found: Sequence[Reconstruction]) -> Reconstruction:
    """The best run: of those whose free log-likelihood is near the best, the one of least ranks.

    The ranks are in free log-likelihood, log-likelihood and size of the support, added up; what
    differs by a hundredth shares a rank. The free log-likelihood decides between equals. Without
    free voxels the log-likelihood stands in.
    """
    free = [free_misfit(one) for one in found]
    near = [one for one, own in zip(found, free, strict=True) if own <= MARGIN * min(free)]
    figures = [(free_misfit(one), one.llk, float(one.support.sum())) for one in near]
    ranks = np.sum([_ranks(column) for column in zip(*figures, strict=True)], axis=0)
    order = np.lexsort(([own for own, _, _ in figures], ranks))
    return near[int(order[0])]


def best_of(ways: Mapping[str, Reconstruction]) -> str:
    """The name of the way whose object free voxels like best; in doubt the first."""
    return min(ways, key=lambda name: free_misfit(ways[name]))


def free_misfit(found: Reconstruction) -> float:
    """The free log-likelihood of a run, less is better; without free voxels that of all."""
    return found.llk if np.isnan(found.llk_free) else found.llk_free


def _ranks(values: Sequence[float]) -> np.ndarray:
    """The place of each value, 0 for the least; those that are alike share theirs."""
    places, place, first = np.zeros(len(values), dtype=int), -1, -np.inf
    for number in np.argsort(values, kind="stable"):
        if not values[number] <= ALIKE * first:
            place, first = place + 1, values[number]
        places[number] = place
    return places
