"""The numbers that kriging depends on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class KrigingSettings:
    """The numbers that kriging depends on. Chosen on training patterns; no committed command.

    Attributes
    ----------
    depth : lines on each side of the gap that a voxel is predicted from.
    lateral : voxels to the sides that it is predicted from.
    widest_trend, narrowest_trend, trend_per_side : see `trend_width`, in voxels.
    over_shells : whether the first fill follows the peak's falling off with the distance from its
        centre; else it goes straight from rim to rim.
    slab : lines on each side of the gap that the correlation is measured on.
    taper : standard deviation of the Gaussian that fades the correlation, in parts of its longest
        lag.
    least_nugget, nugget_of_one : see `nugget`.
    bright : expected photons from which on a voxel tells something about correlation.
    fewest : bright voxels below which the correlation is not measured, and the first fill stays.
    least_variance : of the residual; below it there is nothing but rounding to learn from.
    headroom : logarithms by which a prediction may exceed every known voxel of the slab.
    root_from : expected photons from which on square roots are kriged more than logarithms are.
    root_slope : how fast that changes, for each unit of log counts.
    most_ratio : logarithm of the counts over their trend, above which a voxel is no number to learn
        from.
    least_root : least square root of the counts over their trend: a dark fringe, not a negative
        one.
    """

    depth: int = 7
    lateral: int = 4
    widest_trend: float = 4.0
    narrowest_trend: float = 2.0
    trend_per_side: float = 1 / 32
    over_shells: bool = True
    slab: int = 48
    taper: float = 0.5
    least_nugget: float = 0.02
    nugget_of_one: float = 20.0
    bright: float = 0.5
    fewest: int = 1000
    least_variance: float = 1e-6
    headroom: float = 0.3
    root_from: float = 20.0
    root_slope: float = 1.5
    most_ratio: float = 40.0
    least_root: float = 0.02

    def trend_width(self, shape: Sequence[int]) -> float:
        """Width, in voxels, of the trend that is subtracted from a slab before kriging.

        The trend is a Gaussian smoothing of sigma = min(4, 2 + side / 32), `side` being the
        geometric mean side of the slab: in small arrays, where the edges are near, a narrower trend
        does better.

        >>> KrigingSettings().trend_width((16, 32, 64))
        3.0
        """
        side = math.prod(shape) ** (1 / len(shape))
        return min(self.widest_trend, self.narrowest_trend + self.trend_per_side * side)

    def nugget(self, n_bright: int) -> float:
        """Part of the variance that is added to the covariance's diagonal.

        Far lags of a covariance that is measured on `n_bright` voxels have an error of the order of
        1 / sqrt(n_bright), so the nugget is max(0.02, 20 / sqrt(n_bright)).

        >>> KrigingSettings().nugget(10_000)
        0.2
        """
        return max(self.least_nugget, self.nugget_of_one / math.sqrt(n_bright))
