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
from skimage.metrics import structural_similarity

from bcdi_inpaint.arrays import Float64Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.photons import photon_deviance
from bcdi_inpaint.scan.boxes import bounding_box

SSIM_WINDOW = 11  # voxels, of a Gaussian of
SSIM_SIGMA = 1.5  # voxels (Wang et al., IEEE Trans. Image Process. 13, 600 (2004))


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
    """Score a fill in every way.

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
    truth, guess = _gap_values(counts_true, fill, gap_mask)
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
    truth, guess = _gap_values(counts_true, fill, gap_mask)
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
    truth, guess = _gap_values(counts_true, fill, gap_mask)
    if truth.sum() == 0:
        return math.nan
    return float(1 - np.abs(truth - guess).sum() / truth.sum())


def ssim_gap(counts_true: np.ndarray, fill: np.ndarray, gap_mask: np.ndarray) -> float:
    """Structural similarity of the log(1 + counts) images, averaged over the gap.

    The images are the truth and the truth with the fill in its gap, scaled by the truth's maximum.
    Gaussian window of 11 voxels, sigma 1.5.

    Parameters
    ----------
    counts_true : (n_rock, n_y, n_x) counts, known in the gap.
    fill : (n_rock, n_y, n_x) expected counts; only the gap is looked at.
    gap_mask : (n_rock, n_y, n_x) bool, True = scored.

    Returns
    -------
    1 is best; nan where the truth is 0 everywhere.

    Raises
    ------
    InputError
        Arrays of different shapes, or negative or non-finite values in the gap.
    """
    truth, guess = _gap_values(counts_true, fill, gap_mask)
    if truth.size == 0:
        return math.nan
    box = bounding_box(gap_mask, SSIM_WINDOW // 2)
    assert box is not None
    peak = float(np.log1p(np.nanmax(np.clip(counts_true, 0, None))))
    if not peak > 0:
        return math.nan
    # Voxels outside the gap may be bad; they are the same in both images, whatever they hold.
    outside = np.nan_to_num(np.clip(counts_true[box], 0, None))
    log_truth = (np.log1p(outside) / peak).astype(np.float32)
    log_guess = log_truth.copy()
    log_guess[gap_mask[box]] = np.log1p(guess) / peak
    window = min(SSIM_WINDOW, *(n - 1 + n % 2 for n in log_truth.shape))  # odd, fits every axis
    _, similarity = structural_similarity(
        log_truth,
        log_guess,
        win_size=window,
        gaussian_weights=True,
        sigma=SSIM_SIGMA,
        use_sample_covariance=False,
        data_range=1.0,
        full=True,
    )
    return float(similarity[gap_mask[box]].mean(dtype=np.float64))


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
    truth, guess = _gap_values(counts_true, fill, gap_mask)
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


def _gap_values(
    counts_true: np.ndarray, fill: np.ndarray, gap_mask: np.ndarray
) -> tuple[Float64Array, Float64Array]:
    """True counts and fill in the gap, (n_voxels,) float64 each, checked."""
    if not counts_true.shape == fill.shape == gap_mask.shape or gap_mask.dtype != np.bool_:
        raise InputError(
            f"counts {counts_true.shape}, fill {fill.shape} and {gap_mask.dtype} mask "
            f"{gap_mask.shape} do not fit, expected one shape and a bool mask: crop them alike"
        )
    truth = counts_true[gap_mask].astype(np.float64)
    guess = fill[gap_mask].astype(np.float64)
    for name, values in (("true counts", truth), ("fill", guess)):
        n_wrong = int(values.size - (np.isfinite(values) & (values >= 0)).sum())
        if n_wrong:
            raise InputError(
                f"{name} hold {n_wrong} negative or non-finite values in the scored voxels, "
                "expected counts >= 0: take those voxels out of the mask"
            )
    return truth, guess
