"""From the scale that the network gives to intervals that hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator
from scipy.ndimage import map_coordinates

from bcdi_inpaint.arrays import Float32Array, FloatArray
from bcdi_inpaint.errors import InputError

LEVELS = (0.5, 0.68, 0.8, 0.9, 0.95, 0.99)
"""Probabilities at which the intervals are calibrated."""
ONE_SIGMA = math.erf(1 / math.sqrt(2))
"""Probability of one standard deviation on each side, for a normal distribution: 0.683."""


EDGES = (0.03, 0.3, 3.0, 30.0, 300.0, 3000.0)
"""Expected counts between which voxels are calibrated together."""
CENTRES = (0.01, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4)
"""Counts that stand for what lies between, before the first and after the last edge."""
FEWEST = 200
"""Voxels of a width and decade below which their quantiles say little."""
ROUNDS = 8
"""Corrections of the factors at the knots, until what is interpolated between them holds too."""


def _laplace(level: float) -> float:
    """Half width, in scales, of the interval of a Laplace distribution."""
    return -math.log(1 - level)


class Calibration(BaseModel):
    """What makes the network's scales into intervals, measured on held-out simulation.

    Attributes
    ----------
    levels : (n_levels,) probabilities, rising.
    widths : (n_widths,) gap widths in voxels, rising.
    counts : (n_counts,) expected counts of a voxel, rising.
    sigma_per_scale : (n_widths, n_counts) standard deviations in one of the network's scales.
    half_widths : (n_counts, n_levels) of the interval of each probability, in standard deviations.
        Without a measurement those of a Laplace distribution.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    levels: tuple[float, ...] = LEVELS
    widths: tuple[float, ...] = (1.0,)
    counts: tuple[float, ...] = (1.0,)
    sigma_per_scale: tuple[tuple[float, ...], ...] = ((_laplace(ONE_SIGMA),),)
    half_widths: tuple[tuple[float, ...], ...] = (
        tuple(_laplace(p) / _laplace(ONE_SIGMA) for p in LEVELS),
    )

    @model_validator(mode="after")
    def _fits(self) -> Calibration:
        rising = {name: getattr(self, name) for name in ("levels", "widths", "counts")}
        rising |= {f"half_widths[{i}]": row for i, row in enumerate(self.half_widths)}
        for name, values in rising.items():
            if not values or min(values) <= 0 or any(np.diff(values) <= 0):
                raise ValueError(f"{name} is {values}, expected rising numbers above 0")
        if max(self.levels) >= 1:
            raise ValueError(f"levels is {self.levels}, expected numbers below 1")
        sizes = {"sigma_per_scale": (len(self.widths), len(self.counts))}
        sizes["half_widths"] = (len(self.counts), len(self.levels))
        for name, (n_rows, n_columns) in sizes.items():
            rows = getattr(self, name)
            if len(rows) != n_rows or any(len(row) != n_columns for row in rows):
                raise ValueError(f"{name} is {rows}, expected {n_rows} rows of {n_columns}")
            if min(min(row) for row in rows) <= 0:
                raise ValueError(f"{name} is {rows}, expected numbers above 0")
        return self

    def sigma(
        self, scales: FloatArray, widths: NDArray[np.number], counts: FloatArray
    ) -> Float32Array:
        """Standard deviations of errors.

        The factor from scale to standard deviation is interpolated between the measured widths and
        counts, on logarithms of the width and of 1 + counts; beyond them it stays.

        Parameters
        ----------
        scales : (n,) scales that the network gives, in natural logarithms.
        widths : (n,) widths of the gaps, in voxels.
        counts : (n,) expected counts.

        Returns
        -------
        (n,) float32, in natural logarithms.
        """
        at_width = _place(np.log(np.maximum(widths, 1)), np.log(self.widths))
        at_counts = _place(np.log1p(counts), np.log1p(self.counts))
        factor = map_coordinates(
            np.array(self.sigma_per_scale), [at_width, at_counts], order=1, mode="nearest"
        )
        return np.asarray(scales * factor, dtype=np.float32)

    def half_width(self, level: float, counts: FloatArray) -> Float32Array:
        """Half widths of the intervals that hold with a probability, in standard deviations.

        Between and beyond the measured levels the ratio to a Laplace distribution's half width is
        interpolated.

        Parameters
        ----------
        level : the probability, between 0 and 1.
        counts : (n,) expected counts of the voxels.

        Returns
        -------
        (n,) float32.

        Raises
        ------
        InputError
            For a level that is not between 0 and 1.

        Examples
        --------
        >>> import numpy as np
        >>> print(Calibration().half_width(0.95, np.array([1.0, 100.0])).round(2))
        [2.61 2.61]
        """
        if not 0 < level < 1:
            raise InputError(f"level is {level}, expected a probability between 0 and 1")
        ratios = np.array(self.half_widths) / [_laplace(p) for p in self.levels]
        own = [np.interp(level, self.levels, row) * _laplace(level) for row in ratios]
        return np.interp(np.log1p(counts), np.log1p(self.counts), own).astype(np.float32)


def _place(values: FloatArray, knots: FloatArray) -> FloatArray:
    """Where values lie among rising knots, as an index with a fraction."""
    return np.interp(values, knots, np.arange(len(knots)))


def calibrate(
    errors: FloatArray,
    scales: FloatArray,
    widths: NDArray[np.number],
    counts: FloatArray,
    levels: Sequence[float] = LEVELS,
) -> Calibration:
    """Calibrate the network's scales on held-out voxels.

    For each gap width and decade of counts, sigma is the 68.3 % quantile of abs(error) / scale. A
    quantile and not an RMS, so that a few outliers do not inflate it. Half widths are the quantiles
    at `levels`, averaged over widths. Decades with fewer than `FEWEST` voxels are dropped.

    Parameters
    ----------
    errors : (n,) errors of the filled voxels, in the unit of the scales.
    scales : (n,) scales that the network gives.
    widths : (n,) widths of their gaps, in voxels.
    counts : (n,) expected counts of the fill.
    levels : probabilities at which the intervals are calibrated, rising.

    Returns
    -------
    The calibration.
    """
    ratios = np.abs(errors) / scales
    decade = np.digitize(counts, EDGES)
    each = np.unique(widths)
    cells = _cells(ratios, widths, decade, [*range(len(CENTRES))])
    decades = [d for d in range(len(CENTRES)) if all(cells[w, d].size >= FEWEST for w in each)]
    if not decades:  # too little to tell decades apart
        decades = [len(CENTRES) // 2]
        cells = _cells(ratios, widths, decade, decades)
    sigma = np.array([[np.quantile(cells[w, d], ONE_SIGMA) for d in decades] for w in each])
    made = _made(levels, each, [CENTRES[d] for d in decades], sigma)
    for _ in range(ROUNDS):  # between the knots the factor is interpolated: that is made up for
        left = np.abs(errors) / made.sigma(scales, widths, counts)
        cells = _cells(left, widths, decade, decades)
        sigma *= [[np.quantile(cells[w, d], ONE_SIGMA) for d in decades] for w in each]
        made = _made(levels, each, made.counts, sigma)
    left = np.abs(errors) / made.sigma(scales, widths, counts)
    cells = _cells(left, widths, decade, decades)
    quantiles = [np.mean([np.quantile(cells[w, d], levels) for w in each], 0) for d in decades]
    return _made(levels, each, made.counts, sigma, quantiles)


def _cells(
    ratios: FloatArray, widths: NDArray[np.number], decade: NDArray[np.int64], decades: list[int]
) -> dict[tuple[Any, int], FloatArray]:
    """The ratios of each width and decade of counts; a lone decade stands for all counts."""
    if len(decades) == 1:
        return {(w, decades[0]): ratios[widths == w] for w in np.unique(widths)}
    return {
        (w, d): ratios[(widths == w) & (decade == d)] for w in np.unique(widths) for d in decades
    }


def _made(
    levels: Sequence[float],
    widths: NDArray[np.number],
    counts: Sequence[float],
    sigma: FloatArray,
    half_widths: Sequence[Sequence[float]] | None = None,
) -> Calibration:
    """A calibration of these (n_widths, n_counts) factors, half widths by default Laplace's."""
    laplace = [_laplace(p) / _laplace(ONE_SIGMA) for p in levels]
    return Calibration(
        levels=tuple(levels),
        widths=tuple(float(width) for width in widths),
        counts=tuple(counts),
        sigma_per_scale=tuple(tuple(map(float, row)) for row in sigma),
        half_widths=tuple(tuple(map(float, h)) for h in half_widths or [laplace] * len(counts)),
    )
