"""Median and quartiles of ratios, some of which may be infinite: those of what failed."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np


def quartiles(values: Iterable[float]) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile, interpolated as by `numpy.percentile`.

    That is nan where it comes upon two infinite values, or upon one beside the value that is asked
    for.

    Examples
    --------
    >>> quartiles([1, 2, 3, 4, 5])
    (2.0, 3.0, 4.0)
    >>> quartiles([0.5, 1, np.inf]), quartiles([0.5, np.inf, np.inf])
    ((0.75, 1.0, inf), (inf, inf, inf))
    """
    ordered = sorted(float(value) for value in values)
    low, middle, high = (_interpolate(ordered, part) for part in (0.25, 0.5, 0.75))
    return low, middle, high


def _interpolate(ordered: list[float], part: float) -> float:
    place = part * (len(ordered) - 1)
    below, above = ordered[math.floor(place)], ordered[math.ceil(place)]
    if math.isinf(above):
        return above
    return float(np.quantile([below, above], place - math.floor(place)))
