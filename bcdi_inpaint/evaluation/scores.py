"""How good a fill is, in voxels whose true counts are known.

Each score is ``f(counts_true, fill, gap_mask)``: arrays of one shape, (n_rock, n_y, n_x) as a
rule, and `gap_mask` (bool) says which voxels are scored. Leave bad voxels out of it. A score that
the data do not define (no voxel, constant or empty truth) is nan.

Measured counts are noisy, so even the noise-free expectation does not score 1. Its score is the
noise ceiling, which no fill beats on average.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.evaluation.scored_voxels import scored_values
from bcdi_inpaint.evaluation.similarity import ssim_gap
from bcdi_inpaint.photons import photon_deviance


@dataclass(frozen=True)
class Scores:
    """The scores of one fill over `n_voxels` voxels.

    Attributes
    ----------
    pearson_log : Pearson correlation of log(1 + counts), 1 is best.
    mae_log : mean absolute error of log(1 + counts), 0 is best.
    accuracy : 1 - sum |true - fill| / sum true, 1 is best.
    ssim : structural similarity of the log images in the gap, 1 is best.
    poisson_deviance : mean Poisson deviance of the true counts given the fill, about 1 at best
        in bright voxels and less in dim ones.
    n_voxels : number of voxels scored.
    ceiling : the same scores of the noise-free expectation, where it is known.
    """

    pearson_log: float
    mae_log: float
    accuracy: float
    ssim: float
    poisson_deviance: float
    n_voxels: int
    ceiling: Scores | None = None


def score(
    counts_true: np.ndarray,
    fill: np.ndarray,
    gap_mask: np.ndarray,
    expectation: np.ndarray | None = None,
) -> Scores:
    """Score a fill by every score.

    Parameters
    ----------
    counts_true : (n_rock, n_y, n_x) counts, known in the gap.
    fill : (n_rock, n_y, n_x) expected counts; only the gap is looked at.
    gap_mask : (n_rock, n_y, n_x) bool, True = scored.
    expectation : (n_rock, n_y, n_x) noise-free expected counts, for the noise ceiling.

    Returns
    -------
    All scores of the fill, and those of the expectation as its `ceiling`.

    Raises
    ------
    InputError
        Arrays of different shapes, or negative or non-finite values in the gap.

    Examples
    --------
    >>> counts = np.array([[[90.0, 40.0, 10.0, 3.0]]])
    >>> found = score(counts, np.full_like(counts, 35.75), counts < 50)
    >>> found.n_voxels
    3
    >>> round(found.mae_log, 3)
    1.178
    """
    ceiling = None if expectation is None else score(counts_true, expectation, gap_mask)
    return Scores(
        pearson_log=pearson_log(counts_true, fill, gap_mask),
        mae_log=mae_log(counts_true, fill, gap_mask),
        accuracy=accuracy(counts_true, fill, gap_mask),
        ssim=ssim_gap(counts_true, fill, gap_mask),
        poisson_deviance=poisson_deviance(counts_true, fill, gap_mask),
        n_voxels=int(np.count_nonzero(gap_mask)),
        ceiling=ceiling,
    )


def pearson_log(counts_true: np.ndarray, fill: np.ndarray, gap_mask: np.ndarray) -> float:
    """Pearson correlation of log(1 + counts).

    Parameters
    ----------
    counts_true : (n_rock, n_y, n_x) counts, known in the gap.
    fill : (n_rock, n_y, n_x) expected counts; only the gap is looked at.
    gap_mask : (n_rock, n_y, n_x) bool, True = scored.

    Returns
    -------
    From -1 to 1, the best; nan where either side is constant.

    Raises
    ------
    InputError
        Arrays of different shapes, or negative or non-finite values in the gap.

    Examples
    --------
    >>> counts, gap = np.array([1.0, 3.0, 8.0]), np.array([True, True, True])
    >>> round(pearson_log(counts, 2 * counts + 1, gap), 6)  # 1 + 2 n + 1 = 2 (1 + n)
    1.0
    """
    truth, guess = scored_values(counts_true, fill, gap_mask)
    if truth.size == 0 or np.ptp(truth) == 0 or np.ptp(guess) == 0:
        return math.nan
    return float(np.corrcoef(np.log1p(truth), np.log1p(guess))[0, 1])


def mae_log(counts_true: np.ndarray, fill: np.ndarray, gap_mask: np.ndarray) -> float:
    """Mean absolute error of log(1 + counts).

    Parameters
    ----------
    counts_true : (n_rock, n_y, n_x) counts, known in the gap.
    fill : (n_rock, n_y, n_x) expected counts; only the gap is looked at.
    gap_mask : (n_rock, n_y, n_x) bool, True = scored.

    Returns
    -------
    0 is best; nan without voxels.

    Raises
    ------
    InputError
        Arrays of different shapes, or negative or non-finite values in the gap.

    Examples
    --------
    >>> counts, gap = np.array([1.0, 3.0, 8.0]), np.array([True, True, True])
    >>> round(mae_log(counts, 2 * counts + 1, gap), 3)  # log 2
    0.693
    """
    truth, guess = scored_values(counts_true, fill, gap_mask)
    if truth.size == 0:
        return math.nan
    return float(np.abs(np.log1p(truth) - np.log1p(guess)).mean())


def accuracy(counts_true: np.ndarray, fill: np.ndarray, gap_mask: np.ndarray) -> float:
    """1 - sum |true - fill| / sum true (Masto et al., J. Appl. Cryst. 57, 966 (2024)).

    Parameters
    ----------
    counts_true : (n_rock, n_y, n_x) counts, known in the gap.
    fill : (n_rock, n_y, n_x) expected counts; only the gap is looked at.
    gap_mask : (n_rock, n_y, n_x) bool, True = scored.

    Returns
    -------
    1 is best; nan where there is no true count.

    Raises
    ------
    InputError
        Arrays of different shapes, or negative or non-finite values in the gap.

    Examples
    --------
    >>> counts, gap = np.array([1.0, 3.0, 8.0]), np.array([True, True, True])
    >>> accuracy(counts, np.array([1.0, 6.0, 8.0]), gap)
    0.75
    """
    truth, guess = scored_values(counts_true, fill, gap_mask)
    if truth.sum() == 0:
        return math.nan
    return float(1 - np.abs(truth - guess).sum() / truth.sum())


def poisson_deviance(counts_true: np.ndarray, fill: np.ndarray, gap_mask: np.ndarray) -> float:
    """Mean Poisson deviance 2 (n log(n / mu) - n + mu) of counts n given the fill mu.

    mu is at least `photons.LEAST_COUNTS` counts.

    Parameters
    ----------
    counts_true : (n_rock, n_y, n_x) counts, known in the gap.
    fill : (n_rock, n_y, n_x) expected counts; only the gap is looked at.
    gap_mask : (n_rock, n_y, n_x) bool, True = scored.

    Returns
    -------
    About 1 at best in bright voxels and less in dim ones; nan without voxels.

    Raises
    ------
    InputError
        Arrays of different shapes, or negative or non-finite values in the gap.

    Examples
    --------
    >>> counts, gap = np.array([1.0, 3.0, 8.0]), np.array([True, True, True])
    >>> poisson_deviance(counts, counts, gap)
    0.0
    >>> round(poisson_deviance(counts, np.array([1.0, 4.0, 8.0]), gap), 3)
    0.091
    """
    truth, guess = scored_values(counts_true, fill, gap_mask)
    if truth.size == 0:
        return math.nan
    return float(photon_deviance(truth, guess).mean())


def ceiling_share(score: float, linear: float, ceiling: float) -> float:
    """Share of the way from linear interpolation to the noise ceiling.

    ``(score - linear) / (ceiling - linear)``, for scores where more is better and where less is
    better alike.

    Parameters
    ----------
    score : of the fill.
    linear : of linear interpolation in the same gap.
    ceiling : of the noise-free expectation.

    Returns
    -------
    0 is linear interpolation, 1 the noise ceiling; nan where the two coincide.

    Examples
    --------
    >>> ceiling_share(0.875, linear=0.75, ceiling=1.0)
    0.5
    """
    if ceiling == linear:
        return math.nan
    return (score - linear) / (ceiling - linear)
