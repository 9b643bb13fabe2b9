"""A constant background under the diffraction: how many counts, as the scan's fringes say.

A background has no fringes. Where a crystal diffracts `s` counts in the mean, its fringes make the
expected counts vary by a variance in proportion to `s**2`, whatever blurs them; a background adds
to the mean and nothing to that variance. So in the faint parts of a scan

    variance of the expected counts = contrast * (mean - background)**2,

and the background is the mean at which fringes vanish. Photon noise is left out by the second
factorial moment, <n (n - 1)>, which is that of the expected counts (L. Mandel, Proc. Phys. Soc.
74, 233 (1959)). What decides how bright a part is must not be what is averaged, or the faintest
would be those of the least noise: one half of every part's voxels decides, the other is averaged.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float64Array, FloatArray
from bcdi_inpaint.errors import InputError


@dataclass(frozen=True)
class BackgroundSettings:
    """How a background is looked for, and when it is believed.

    Chosen on simulated crystals, by `python -m benchmarks.background_levels`.

    Attributes
    ----------
    block : voxels a side of the parts that a scan is divided into.
    measured : share of a part's voxels that are measured at least.
    faint : share of the parts that are looked at, the faintest ones.
    classes : of parts of like brightness.
    fewest : parts in a class.
    groups : of parts; each is left out once, which tells the standard error.
    contrast, contrast_width : of fringes, and how far its logarithm is from that as a rule. It
        tells where all fringes that are looked at drown in the background.
    scatter : relative scatter of a class's variance that has nothing to do with photons.
    below_noise : standard errors by which the counts may vary less than photons do.
    least : counts that are worth heeding.
    deviations : standard errors that a background is above zero at least, to be believed.
    least_share : of the mean counts of the faintest class that it is at least: a blur takes more
        of the contrast where fringes are faint, which looks like up to half of them.
    """

    block: int = 6
    measured: float = 0.8
    faint: float = 0.5
    classes: int = 8
    fewest: int = 8
    groups: int = 8
    contrast: float = 0.5
    contrast_width: float = 0.7
    scatter: float = 0.2
    below_noise: float = 5.0
    least: float = 0.05
    deviations: float = 3.0
    least_share: float = 0.6


@dataclass(frozen=True)
class Background:
    """A constant background.

    Attributes
    ----------
    level : counts in every voxel; 0 where the scan shows none.
    error : its standard error; nan where it was not estimated.
    estimate : counts as they were estimated, whether or not they are believed.
    """

    level: float = 0.0
    error: float = float("nan")
    estimate: float = float("nan")

    @property
    def is_given(self) -> bool:
        """Whether the level was not estimated, but is what the user says."""
        return self.level > 0 and math.isnan(self.estimate)

    def __str__(self) -> str:
        if not self.level:
            return "no background is shown"
        error = "" if np.isnan(self.error) else f" +- {self.error:.1g}"
        return f"background {self.level:.3g}{error} counts a voxel"


NO_BACKGROUND = Background()
"""None that was looked for."""
NONE_WORDS = ("none", "off", "no", "false", "0")
"""What users call none at all."""
_LEAST_VARIANCE = 1e-9
"""Of the expected counts, where nothing was counted."""


def find_background(
    counts: FloatArray, known: BoolArray, settings: BackgroundSettings = BackgroundSettings()
) -> Background:
    """Find the constant background of a scan, where it shows one.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) photons; what stands where nothing is known does not matter.
    known : the same shape, bool, True = measured.
    settings : how it is looked for.

    Returns
    -------
    The background; its level is 0 where none is shown.

    Raises
    ------
    InputError
        Too little is measured to tell, or the counts are no photons.

    Examples
    --------
    >>> fringes = 4 * np.prod(np.sin(np.indices((54, 54, 54)) * 0.7) ** 2 / 0.5, axis=0)
    >>> drawn = np.random.default_rng(0).poisson(fringes * np.linspace(0.01, 2, 54) + 1.5)
    >>> round(find_background(drawn, drawn >= 0).level, 1)
    1.5
    """
    moments = part_moments(counts, known, settings)
    _check_noise(moments, settings)
    estimate, faintest = _estimate(moments, settings)
    group = np.arange(moments.shape[1]) % settings.groups
    others = [_estimate(moments[:, group != g], settings)[0] for g in range(settings.groups)]
    spread = np.sum((np.array(others) - np.mean(others)) ** 2)
    error = float(np.sqrt(spread * (settings.groups - 1) / settings.groups))  # the jackknife's
    least = max(settings.least, settings.deviations * error, settings.least_share * faintest)
    return Background(estimate if estimate > least else 0.0, error, estimate)


def part_moments(
    counts: FloatArray, known: BoolArray, settings: BackgroundSettings
) -> Float64Array:
    """What the known voxels of each part hold, of the one half of them and of the other.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) photons.
    known : the same shape, bool, True = measured.
    settings : of the parts.

    Returns
    -------
    (2, n_parts, 3): their number, the sum of their photons n, and that of n (n - 1).

    Raises
    ------
    InputError
        Too little is measured to tell.
    """
    side = settings.block
    photons, valid = _parts(counts, side), _parts(known, side)
    enough = valid.mean(axis=1) >= settings.measured
    fewest = settings.fewest * settings.classes / settings.faint
    if enough.sum() < fewest:
        raise InputError(
            f"a background cannot be told: {int(enough.sum())} parts of {side} voxels a side are "
            f"measured, expected {fewest:.0f} at least"
        )
    valid = valid[enough]
    photons = np.where(valid, photons[enough], 0).astype(np.float64)
    white = _checkerboard(side)
    sums = [
        (values[:, white].sum(axis=1), values[:, ~white].sum(axis=1))
        for values in (valid, photons, photons * (photons - 1.0))
    ]
    return np.stack([np.stack(halves) for halves in sums], axis=-1).astype(np.float64)


def _parts(values: np.ndarray, side: int) -> np.ndarray:
    """(n, side**3): the cubes that an array is divided into; what is left over at its ends is not
    among them.
    """
    counts = [n // side for n in values.shape]
    cut = values[tuple(slice(0, n * side) for n in counts)]
    split = cut.reshape([size for n in counts for size in (n, side)])
    return split.transpose(0, 2, 4, 1, 3, 5).reshape(-1, side**3)


def _checkerboard(side: int) -> BoolArray:
    white: BoolArray = np.indices((side,) * 3).sum(axis=0).ravel() % 2 == 0
    return white


def _check_noise(moments: Float64Array, settings: BackgroundSettings) -> None:
    """Refuse counts of less noise than photons have: no fringes would be seen in them."""
    _, variance, doubt = np.array(list(_classes(moments, settings))).T
    together = np.sum(variance / doubt) / np.sqrt(np.sum(1 / doubt))
    if together < -settings.below_noise:
        raise InputError(
            "a background cannot be told: the counts vary less than photons do, expected photons"
        )


def _estimate(moments: Float64Array, settings: BackgroundSettings) -> tuple[float, float]:
    """The background under which classes of parts agree best, and the faintest class's mean.

    The least squares over background and contrast, on a grid.
    """
    mean, variance, doubt = np.array(list(_classes(moments, settings))).T
    tried = np.linspace(0, mean.min(), 100)
    usual, width = math.log(settings.contrast), settings.contrast_width
    logs = np.linspace(usual - 3 * width, usual + 3 * width, 60)
    squares = (mean - tried[:, None, None]) ** 2  # (background, contrast, class)
    off = variance - np.exp(logs)[:, None] * squares
    misfit = (off**2 / doubt).sum(axis=2) + ((logs - usual) / width) ** 2
    best = np.unravel_index(np.argmin(misfit), misfit.shape)
    return float(tried[best[0]]), float(mean.min())


def _classes(
    moments: Float64Array, settings: BackgroundSettings
) -> Iterator[tuple[float, float, float]]:
    """Mean and variance of the expected counts of each class, and how doubtful the latter is."""
    for chooser, averaged in (moments, moments[::-1]):
        brightness = chooser[:, 1] / np.maximum(chooser[:, 0], 1)
        faint = np.argsort(brightness, kind="stable")[: int(settings.faint * len(brightness))]
        for parts in np.array_split(faint, settings.classes):
            number, photons, pairs = averaged[parts].sum(axis=0)
            mean = photons / number
            variance = pairs / number - mean**2
            spread = max(variance, 0.0)
            # Photon noise of a second factorial moment, and what fringes add to it:
            noise = (mean**2 + 2 * spread * mean + spread**2 + _LEAST_VARIANCE) / number
            yield mean, variance, noise + (settings.scatter * spread) ** 2


def read_background(text: str) -> float | None:
    """A background as users write it: photons in every voxel; None for ``auto``, what a scan shows.

    Examples
    --------
    >>> read_background("0.3"), read_background("none"), read_background("auto")
    (0.3, 0.0, None)
    """
    if text.lower() == "auto":
        return None
    try:
        level = 0.0 if text.lower() in NONE_WORDS else float(text)
    except ValueError:
        level = -1.0
    if not 0 <= level < np.inf:
        raise InputError(
            f"background is {text!r}, expected photons in every voxel, auto or none: for example "
            "--background 0.3"
        )
    return level
