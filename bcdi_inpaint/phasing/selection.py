"""Which of several reconstructions of one scan is taken.

Voxels that no run has seen tell, by the error of log(1 + counts). The log-likelihood of the same
voxels is ruled by the brightest ones, where a wrong object may be as good as the right one, and a
beam that is known to a few per cent costs more than the object does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from bcdi_inpaint.phasing.reconstruction import Reconstruction, free_first

JUDGES: dict[str, Callable[[Reconstruction], float]] = {
    "free log error": lambda one: one.free_log_error,
    "free log-likelihood": free_first,
}
"""What runs are compared by, less is better."""


def choose(found: Sequence[Reconstruction]) -> Reconstruction:
    """The best run of a scan by what `judge_of` names; of equals the first."""
    return min(found, key=JUDGES[judge_of(found)])


def best_of(ways: Mapping[str, Reconstruction]) -> str:
    """The name of the way whose object free voxels like best; in doubt the first."""
    judge = JUDGES[judge_of(ways.values())]
    return min(ways, key=lambda name: judge(ways[name]))


def judge_of(found: Collection[Reconstruction]) -> str:
    """The name of what runs are compared by, one of `JUDGES`.

    The RMS error of log(1 + counts) of free voxels, where it is known of all; else the free
    log-likelihood, and without free voxels that of all.
    """
    is_known = not np.isnan([one.free_log_error for one in found]).any()
    return "free log error" if is_known else "free log-likelihood"
