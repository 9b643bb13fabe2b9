"""Structural similarity of a fill and the truth, as of pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from skimage.metrics import structural_similarity

from bcdi_inpaint.arrays import BoolArray, Float64Array
from bcdi_inpaint.evaluation.scored_voxels import scored_values
from bcdi_inpaint.scan.boxes import bounding_box


@dataclass(frozen=True)
class SsimSettings:
    """The window within which pictures are compared, weighted as a Gaussian.

    Attributes
    ----------
    window : its side, in voxels; smaller in smaller arrays.
    sigma : of the Gaussian, in voxels.

    Both are of Wang et al., IEEE Trans. Image Process. 13, 600 (2004).
    """

    window: int = 11
    sigma: float = 1.5


def ssim_gap(
    counts_true: np.ndarray,
    fill: np.ndarray,
    gap_mask: BoolArray,
    *,
    settings: SsimSettings = SsimSettings(),
) -> float:
    """Structural similarity of the log(1 + counts) images, averaged over the gap.

    The images are the truth and the truth with the fill in its gap, scaled by the truth's maximum.

    Parameters
    ----------
    counts_true : (n_rock, n_y, n_x) counts, known in the gap.
    fill : (n_rock, n_y, n_x) expected counts; only the gap is looked at.
    gap_mask : (n_rock, n_y, n_x) bool, True = scored.
    settings : of the window.

    Returns
    -------
    1 is best; nan where the truth is 0 everywhere.

    Raises
    ------
    InputError
        Arrays of different shapes, or negative or non-finite values in the gap.

    Examples
    --------
    >>> counts = np.add.outer(np.arange(20), np.arange(20))[None]
    >>> gap = (counts > 15) & (counts < 22)
    >>> round(ssim_gap(counts, counts, gap), 6)
    1.0
    >>> ssim_gap(counts, 0 * counts, gap) < 0.2
    True
    """
    truth, guess = scored_values(counts_true, fill, gap_mask)
    box = bounding_box(gap_mask, settings.window // 2)
    peak = float(np.log1p(np.nanmax(np.clip(counts_true, 0, None)))) if truth.size else 0.0
    if box is None or not peak > 0:
        return math.nan
    # Voxels outside the gap may be bad; they are the same in both images, whatever they hold.
    outside = np.nan_to_num(np.clip(counts_true[box], 0, None))
    log_truth = (np.log1p(outside) / peak).astype(np.float32)
    log_guess = log_truth.copy()
    log_guess[gap_mask[box]] = np.log1p(guess) / peak
    return float(_similarity(log_truth, log_guess, settings)[gap_mask[box]].mean(dtype=np.float64))


def _similarity(
    log_truth: np.ndarray, log_guess: np.ndarray, settings: SsimSettings
) -> Float64Array:
    """The similarity around each voxel, of two arrays of one shape with values up to 1.

    A single frame is an image: along an axis of one voxel there is no window.
    """
    shape = log_truth.shape
    log_truth, log_guess = log_truth.squeeze(), log_guess.squeeze()
    window = min(settings.window, *(n - 1 + n % 2 for n in log_truth.shape))  # odd, fits each axis
    _, similarity = structural_similarity(
        log_truth,
        log_guess,
        win_size=window,
        gaussian_weights=True,
        sigma=settings.sigma,
        use_sample_covariance=False,
        data_range=1.0,
        full=True,
    )
    return np.asarray(similarity).reshape(shape)
