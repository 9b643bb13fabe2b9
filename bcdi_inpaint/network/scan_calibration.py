"""A calibration that a scan makes for itself, from counts that were measured and hidden.

Intervals that were calibrated on simulation hold on crystals like the simulated ones. How sharp the
fringes are, how much the crystal is strained and what the background is differ from scan to scan,
and so does how far a fill is from the truth. So the scan's own voxels are hidden and filled, and
what is predicted of their counts is compared with what was measured.

Measured counts are Poisson's about an expectation that nobody knows: in dark voxels nearly all of
the difference to a fill is photon noise. The counts' likelihood takes that apart: a count n where m
is expected with the standard deviation s of log(1 + m) has the probability of Poisson counts whose
expectation is spread as the intervals say. Intervals are widened by a factor f, and their tails by
a power k: where one of probability p reached h(p) standard deviations, it reaches f h(p)^k. Both
are the means over their posterior on a grid, for all voxels together and from there for each class
of brightness, so that a class of few voxels stays near the rest and a scan with little to say stays
near the simulation: an empirical Bayes rule (Efron, Large-Scale Inference, 2010).

What is hidden lies elsewhere in the scan than the gap. Factors differ from one place to another
and not only from one crystal to another: the gap is given the part of what was found that is likely
to be the crystal's, beside what crystals of another simulator need on average. Both go by the
width of the gaps.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import pdtr

from bcdi_inpaint.arrays import Float64Array, FloatArray
from bcdi_inpaint.network.calibration import CENTRES, EDGES, Calibration
from bcdi_inpaint.network.width_rule import WidthRule

WIDTHS = (3.0, 6.0, 12.0, 24.0)
"""Of gaps in voxels, at which it is known what hidden voxels tell of them."""


@dataclass(frozen=True)
class ScanCalibrationSettings:
    """How a scan is calibrated.

    What goes by width is from `python -m benchmarks.interval_rules`, the rest was chosen on
    crystals of the same simulator; no committed command.

    Attributes
    ----------
    edges : expected counts that divide voxels into classes of brightness.
    centres : counts that stand for the classes; between them factors are interpolated.
    expected : log f before anything is seen: crystals are other than the simulated ones.
    spread : its standard deviation, for all classes together.
    spread_of_class : the same of a class about the whole.
    tail : standard deviation of log k, for all classes together.
    tail_of_class : the same of a class about the whole.
    of_sigma : what of the log f of hidden voxels a gap has.
    of_tail : the same of log k.
    voxels_together : voxels that err alike, as those of a speckle do: so many count as one.
    most : voxels of a class that are looked at, evenly taken from more.
    fewest : voxels below which a scan is not calibrated.
    fewest_photons : the same of photons counted in them.
    factors : smallest and largest f on the grid, and how many.
    tails : smallest and largest k on the grid, and how many.
    cells : of standard deviations, smallest, largest and how many: the grid of errors.
    """

    edges: tuple[float, ...] = EDGES
    centres: tuple[float, ...] = CENTRES
    expected: float = 0.2
    spread: float = 0.8
    spread_of_class: float = 0.4
    tail: float = 0.3
    tail_of_class: float = 0.2
    of_sigma: WidthRule = WidthRule(
        WIDTHS, part=(1.0, 0.75, 0.25, 0.25), offset=(0.13, 0.07, 0.05, -0.11)
    )
    of_tail: WidthRule = WidthRule(
        WIDTHS, part=(1.0, 0.5, 0.5, 1.0), offset=(-0.01, -0.04, -0.12, -0.01)
    )
    voxels_together: float = 3.0
    most: int = 1000
    fewest: int = 200
    fewest_photons: int = 200
    factors: tuple[float, float, int] = (0.25, 10.0, 38)
    tails: tuple[float, float, int] = (0.5, 2.0, 11)
    cells: tuple[float, float, int] = (0.05, 40.0, 40)


@dataclass(frozen=True)
class HeldOut:
    """Voxels of a scan that were hidden and filled; all arrays (n,).

    Attributes
    ----------
    counts : measured counts.
    expected : the fill.
    sigma : its standard deviation of log(1 + expected counts), as calibrated before.
    widths : of the gaps that they were hidden with, in voxels.
    """

    counts: FloatArray
    expected: FloatArray
    sigma: FloatArray
    widths: NDArray[np.number]

    def those(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> HeldOut:
        """Some of the voxels, by an index or a mask."""
        arrays = (getattr(self, part.name)[chosen] for part in fields(self))
        return HeldOut(*arrays)


@dataclass(frozen=True)
class ScanFactors:
    """By how much a scan widens its intervals, by brightness and by the width of its gaps.

    Attributes
    ----------
    counts : (n_classes,) expected counts that stand for the classes, rising.
    widths : (n_widths,) of gaps in voxels, rising.
    sigma : (n_widths, n_classes) factors on the standard deviation.
    tail : (n_classes,) powers on the half widths in standard deviations.
    voxels : (n_classes,) held-out voxels; a class without any is like the rest.
    width : mean width of the gaps that they were hidden with.
    """

    counts: tuple[float, ...]
    widths: tuple[float, ...]
    sigma: tuple[tuple[float, ...], ...]
    tail: tuple[float, ...]
    voxels: tuple[int, ...]
    width: float

    def of_width(self, width: float) -> Float64Array:
        """(n_classes,) factors on the standard deviation in a gap of that width."""
        at, known = np.log(max(width, 1)), np.log(self.widths)
        each = [np.interp(at, known, np.log(own)) for own in zip(*self.sigma, strict=True)]
        return np.exp(each)

    def __str__(self) -> str:
        own = self.of_width(self.width)
        seen = [f for f, n in zip(own, self.voxels, strict=True) if n]
        return (
            f"intervals calibrated on {sum(self.voxels)} hidden voxels of this scan: standard "
            f"deviations times {min(seen):.2g} to {max(seen):.2g}"
        )


def calibrate_on_scan(
    calibration: Calibration,
    held_out: HeldOut,
    settings: ScanCalibrationSettings = ScanCalibrationSettings(),
) -> ScanFactors | None:
    """By how much the intervals of a scan are to be widened.

    Parameters
    ----------
    calibration : by which the held-out voxels' sigma was made.
    held_out : voxels whose counts are known.
    settings : what is believed beforehand.

    Returns
    -------
    The factors; None where too few voxels or photons were held out.
    """
    enough = held_out.counts.size >= settings.fewest
    if not enough or float(held_out.counts.sum(dtype=np.float64)) < settings.fewest_photons:
        return None
    log_f, log_k = _grid(settings)
    classes = np.digitize(held_out.expected, settings.edges)
    each = np.stack(
        [
            _log_likelihood(held_out.those(classes == number), reach, settings)
            for number, reach in enumerate(_reaches(calibration, settings.centres))
        ]
    )  # (n_classes, n_factors, n_tails)
    prior = _log_normal(log_f, settings.expected, settings.spread)
    prior = prior + _log_normal(log_k, 0, settings.tail)
    common = _means(each.sum(axis=0) + prior, log_f, log_k)
    own = _log_normal(log_f, common[0], settings.spread_of_class)
    own = own + _log_normal(log_k, common[1], settings.tail_of_class)
    found = np.array([_means(one + own, log_f, log_k) for one in each])  # (n_classes, 2)
    width = float(np.exp(np.log(np.maximum(held_out.widths, 1)).mean()))
    of_sigma = [settings.of_sigma.given(found[:, 0], at) for at in settings.of_sigma.widths]
    return ScanFactors(
        settings.centres,
        settings.of_sigma.widths,
        tuple(tuple(map(float, np.exp(row))) for row in of_sigma),
        tuple(map(float, np.exp(settings.of_tail.given(found[:, 1], width)))),
        tuple(map(int, np.bincount(classes, minlength=len(settings.centres)))),
        width,
    )


def widen(calibration: Calibration, factors: ScanFactors) -> Calibration:
    """A calibration with a scan's factors on it, known at the counts and widths of both.

    Examples
    --------
    >>> factors = ScanFactors((1.0,), (6.0,), ((2.0,),), (1.0,), (500,), 6.0)
    >>> wider = widen(Calibration(), factors)
    >>> round(wider.sigma_per_scale[0][0] / Calibration().sigma_per_scale[0][0], 3)
    2.0
    """
    counts = np.union1d(calibration.counts, factors.counts)
    places, known = np.log1p(counts), np.log1p(factors.counts)
    by_tail = np.exp(np.interp(places, known, np.log(factors.tail)))
    widths = np.union1d(calibration.widths, factors.widths)
    sigma = [
        calibration.sigma(np.ones(counts.size), np.full(counts.size, width), counts)
        * np.exp(np.interp(places, known, np.log(factors.of_width(width))))
        for width in widths
    ]
    half = np.stack([calibration.half_width(level, counts) for level in calibration.levels], axis=1)
    return Calibration(
        levels=calibration.levels,
        widths=tuple(map(float, widths)),
        counts=tuple(map(float, counts)),
        sigma_per_scale=tuple(tuple(map(float, row)) for row in sigma),
        half_widths=tuple(tuple(map(float, row)) for row in half ** by_tail[:, None]),
    )


def _grid(settings: ScanCalibrationSettings) -> tuple[Float64Array, Float64Array]:
    """Log f (n_factors, 1) and log k (1, n_tails) that are tried."""
    log_f, log_k = (np.log(np.geomspace(*ends)) for ends in (settings.factors, settings.tails))
    return log_f[:, None], log_k[None]


def _log_normal(values: Float64Array, middle: float, spread: float) -> Float64Array:
    return -0.5 * ((values - middle) / spread) ** 2


def _means(log_posterior: Float64Array, log_f: Float64Array, log_k: Float64Array) -> Float64Array:
    """The means (2,) of log f and log k over a posterior on their grid."""
    weight = np.exp(log_posterior - log_posterior.max())
    weight /= weight.sum()
    return np.array([(weight * log_f).sum(), (weight * log_k).sum()])


_LEVELS = np.concatenate([[0.0], np.linspace(0, 1, 101)[1:-1], 1 - np.geomspace(8e-3, 1e-6, 16)])
"""Probabilities at which the shape of the errors is looked up."""


def _reaches(calibration: Calibration, counts: tuple[float, ...]) -> Float64Array:
    """(n_classes, n_levels) half widths of the intervals of `_LEVELS`, in standard deviations."""
    reach = [calibration.half_width(level, np.array(counts)) for level in _LEVELS[1:]]
    return np.stack([np.zeros(len(counts)), *reach], axis=1).astype(np.float64)


def _log_likelihood(
    own: HeldOut, reach: Float64Array, settings: ScanCalibrationSettings
) -> Float64Array:
    """(n_factors, n_tails) log likelihood of a class's counts, each speckle counted once."""
    log_f, log_k = _grid(settings)
    n = own.counts.size
    if not n:
        return np.zeros(np.broadcast_shapes(log_f.shape, log_k.shape))
    taken = np.linspace(0, n - 1, min(n, settings.most)).round().astype(np.int64)
    edges = np.concatenate([[0.0], np.geomspace(*settings.cells)])  # of errors, in sigmas
    of_cell = _count_probability(own.those(taken), edges)  # (n, n_cells)
    weights = _cell_weights(reach, edges, log_f, log_k)
    probability = np.tensordot(weights, of_cell, axes=(2, 1))  # (n_factors, n_tails, n)
    each: Float64Array = np.log(np.maximum(probability, 1e-12)).sum(axis=2)
    return each * (n / taken.size / settings.voxels_together)


def _cell_weights(
    reach: Float64Array, edges: Float64Array, log_f: Float64Array, log_k: Float64Array
) -> Float64Array:
    """(n_factors, n_tails, n_cells) probability that an error lies in a cell."""
    before = (edges / np.exp(log_f)[..., None]) ** np.exp(-log_k)[..., None]
    below = np.interp(before, reach, _LEVELS)
    below[..., -1] = 1
    return np.diff(below, axis=2)


def _count_probability(own: HeldOut, edges: Float64Array) -> Float64Array:
    """(n, n_cells) probability of the counts where the error lies in a cell, on either side.

    The mean of Poisson's probability over the expectations of the cell, which is the difference of
    its distribution function at the cell's ends over their distance.
    """
    # One photon over a monitor may be 0.99, which `pdtr` would take for none.
    counts = np.rint(own.counts.astype(np.float64))[:, None]
    middle, sigma = np.log1p(own.expected.astype(np.float64))[:, None], own.sigma[:, None]
    found = np.zeros((counts.size, len(edges) - 1))
    for side in (-1, 1):
        logs = np.clip(middle + side * sigma * edges, -20, 80)
        expected = np.maximum(np.expm1(logs), 1e-6 * np.exp(np.minimum(logs, 0)))
        apart = np.abs(np.diff(expected, axis=1))
        change = np.abs(np.diff(pdtr(counts, expected), axis=1))
        found += 0.5 * change / np.maximum(apart, 1e-12)
    return found
