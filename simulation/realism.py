"""From a perfect intensity to what a detector counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator
from pydantic_core.core_schema import SerializerFunctionWrapHandler
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array

Range = tuple[float, float]

MOST_COUNTS = 2**32 - 2
"""EIGER's mark of a bad pixel is one more."""


class RealismConfig(BaseModel):
    """What a measurement does to an intensity. Ranges are (lowest, highest), drawn per pattern.

    A range of None, or a share of 0, switches an effect off. Unknown keys are errors.

    Attributes
    ----------
    flux : photons expected in the brightest voxel, drawn on a logarithmic scale.
    blur_voxel : standard deviation of the partial coherence's blur, drawn for each axis.
    coherent_share : how often the beam is coherent, without that blur.
    flat : photons per voxel of a flat background, drawn on a logarithmic scale.
    smooth_share, smooth : how often there is a broad background too, and its photons at its height,
        drawn on a logarithmic scale.
    drift : relative change of the beam from frame to frame; in 2D there is none.
    saturation_share, saturation : how often the detector saturates, and at which part of the
        brightest voxel's counts; saturated voxels are bad.
    hot_share, hot_pixels : how often there are hot pixels, and how many; hot in every frame, bad.
    alien_share, alien : how often another crystal's streak crosses some frames, and its photons,
        drawn on a logarithmic scale. The streak is part of the expectation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    flux: Range = (1e4, 1e8)
    blur_voxel: Range | None = (0.2, 1.0)
    coherent_share: float = Field(0.0, ge=0, le=1)
    flat: Range | None = (1e-4, 0.3)
    smooth_share: float = Field(0.3, ge=0, le=1)
    smooth: Range = (0.01, 3.0)
    drift: Range | None = (0.0, 0.03)
    saturation_share: float = Field(0.05, ge=0, le=1)
    saturation: Range = (0.2, 0.9)
    hot_share: float = Field(0.3, ge=0, le=1)
    hot_pixels: tuple[int, int] = (1, 30)
    alien_share: float = Field(0.05, ge=0, le=1)
    alien: Range = (1.0, 300.0)

    @model_validator(mode="after")
    def _ranges(self) -> RealismConfig:
        above_zero = ("flux", "flat", "smooth", "saturation", "hot_pixels", "alien")
        for name in (*above_zero, "blur_voxel", "drift"):
            limits = getattr(self, name)
            if limits is None:
                continue
            low, high = limits
            least = "above 0" if name in above_zero else "at least 0"
            if not low <= high < np.inf or low < 0 or (name in above_zero and low <= 0):
                raise ValueError(f"{name} is {low:g}, {high:g}, expected the lowest first, {least}")
        if self.flux[1] > MOST_COUNTS / 4:
            raise ValueError(f"flux is {self.flux}, expected at most {MOST_COUNTS / 4:.1g}")
        return self

    @model_serializer(mode="wrap")
    def _plain(self, serialize: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Without a share of coherent beams that is 0: the hash of older sets of patterns stays."""
        values: dict[str, object] = serialize(self)
        if not self.coherent_share:
            values.pop("coherent_share", None)
        return values


@dataclass(frozen=True)
class Measurement:
    """What a detector counts; all arrays have the intensity's shape.

    Attributes
    ----------
    expectation : float32, expected photons, before hot pixels and saturation.
    counts : uint32.
    bad : bool, True = hot or saturated.
    parameters : what was drawn.
    """

    expectation: Float32Array
    counts: NDArray[np.uint32]
    bad: BoolArray
    parameters: dict[str, object]


Drawn = dict[str, object]
"""What was drawn for an effect, in plain values."""


def measure(
    intensity: Float32Array, config: RealismConfig, rng: np.random.Generator
) -> Measurement:
    """Count the photons of a perfect intensity.

    Parameters
    ----------
    intensity : (n_rock, n_y, n_x) or (n_y, n_x) in any unit, at least 0 everywhere and above it
        somewhere; not changed.
    config : the effects, and the ranges of what is drawn for them.
    rng : source of everything that is drawn.

    Returns
    -------
    The expected photons, the counts, the bad voxels, and what was drawn.

    Examples
    --------
    >>> clean = RealismConfig(
    ...     flux=(100, 100), blur_voxel=None, flat=None, smooth_share=0, drift=None, alien_share=0
    ... )
    >>> peak = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]], dtype=np.float32)
    >>> measure(peak, clean, np.random.default_rng(0)).expectation.tolist()
    [[0.0, 25.0, 0.0], [25.0, 100.0, 25.0], [0.0, 25.0, 0.0]]
    """
    assert intensity.max() > 0, "nothing to scale to the flux"
    flux = _log_uniform(config.flux, rng)
    blurred, blur = _blur(intensity, config, rng)
    photons = blurred * np.float32(flux / blurred.max())
    background, drawn = _background(photons.shape, config, rng)
    photons += background
    parameters: Drawn = {"flux": flux} | blur | drawn
    if rng.random() < config.alien_share:
        streak, drawn = _alien_streak(photons.shape, config, rng)
        photons += streak
        parameters |= drawn
    if config.drift is not None and intensity.ndim == 3:
        beam, drawn = _beam(len(photons), config.drift, rng)
        photons *= beam[:, None, None]
        parameters |= drawn
    expectation = photons.astype(np.float32)
    counts = rng.poisson(expectation).astype(np.uint32)
    bad, drawn = _spoil(counts, config, rng)
    return Measurement(expectation, counts, bad, parameters | drawn)


def _log_uniform(limits: Range, rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(limits))))


def _offsets(shape: tuple[int, ...], centre: Float64Array) -> list[Float32Array]:
    """Distances from `centre` along each axis, ready to broadcast."""
    axes = [np.arange(n, dtype=np.float32) - c for n, c in zip(shape, centre, strict=True)]
    return list(np.ix_(*axes))


def _blur(
    intensity: Float32Array, config: RealismConfig, rng: np.random.Generator
) -> tuple[Float32Array, Drawn]:
    """The intensity blurred by a Gaussian whose width is drawn for each axis."""
    share = config.coherent_share
    if config.blur_voxel is None or (share and rng.random() < share):
        return intensity, {}
    sigma = rng.uniform(*config.blur_voxel, size=intensity.ndim)
    return gaussian_filter(intensity, sigma), {"blur_voxel": sigma.tolist()}


def _background(
    shape: tuple[int, ...], config: RealismConfig, rng: np.random.Generator
) -> tuple[Float32Array | float, Drawn]:
    """Photons of the flat background, and of a broad one around some place of the array."""
    flat = 0.0 if config.flat is None else _log_uniform(config.flat, rng)
    if rng.random() >= config.smooth_share:
        return flat, {"flat": flat}
    height = _log_uniform(config.smooth, rng)
    sides = np.array(shape)
    exponent: Float32Array = np.zeros(shape, dtype=np.float32)
    widths = rng.uniform(0.2, 0.8, len(shape)) * sides
    centre = rng.uniform(-0.2, 1.2, len(shape)) * sides
    smooth = {"photons": height, "centre": centre.tolist(), "sigma_voxel": widths.tolist()}
    for offset, width in zip(_offsets(shape, centre), widths, strict=True):
        exponent = exponent - 0.5 * (offset / np.float32(width)) ** 2
    photons = np.asarray(height * np.exp(exponent) + flat, dtype=np.float32)
    return photons, {"flat": flat, "smooth": smooth}


def _alien_streak(
    shape: tuple[int, ...], config: RealismConfig, rng: np.random.Generator
) -> tuple[Float32Array, Drawn]:
    """A streak: straight in the detector's plane, some frames long, fading along its length."""
    sides = np.array(shape)
    centre = rng.uniform(0.1, 0.9, len(shape)) * sides
    angle_rad = rng.uniform(0, np.pi)
    length = rng.uniform(0.05, 0.5) * float(sides[-2:].max())
    width, thickness = rng.uniform(0.6, 2.0), rng.uniform(0.6, 4.0)
    photons = _log_uniform(config.alien, rng)
    drawn = {
        "photons": photons,
        "centre": centre.tolist(),
        "angle_rad": angle_rad,
        "sigma_voxel": [thickness, width, length][-len(shape) :],  # frames, across, along
    }
    offsets = _offsets(shape, centre)
    y, x = offsets[-2], offsets[-1]
    along = x * np.cos(angle_rad) + y * np.sin(angle_rad)
    across = y * np.cos(angle_rad) - x * np.sin(angle_rad)
    streak = -0.5 * ((along / length) ** 2 + (across / width) ** 2)
    if len(shape) == 3:
        streak = streak - 0.5 * (offsets[0] / thickness) ** 2
    intensity = (photons * np.exp(np.clip(streak, -60, None))).astype(np.float32)
    return intensity, {"alien": drawn}


def _beam(n_frames: int, drift: Range, rng: np.random.Generator) -> tuple[Float32Array, Drawn]:
    """(n_frames,) intensity of the beam: slow and quick changes of like size about 1."""
    relative = rng.uniform(*drift)
    slow = np.cumsum(rng.standard_normal(n_frames)) / np.sqrt(n_frames)
    beam = 1 + relative * (slow - slow.mean() + rng.standard_normal(n_frames)) / np.sqrt(2)
    beam = np.clip(beam, 0.5, 1.5).astype(np.float32)
    return beam, {"drift": {"relative": relative, "beam": beam.tolist()}}


def _spoil(
    counts: NDArray[np.uint32], config: RealismConfig, rng: np.random.Generator
) -> tuple[BoolArray, Drawn]:
    """Saturate and heat pixels of `counts` in place; True where that happened."""
    bad: BoolArray = np.zeros(counts.shape, dtype=bool)
    drawn: Drawn = {}
    if rng.random() < config.saturation_share:
        level = max(int(rng.uniform(*config.saturation) * counts.max()), 1)
        drawn["saturation"] = level
        bad |= counts > level
        np.minimum(counts, level, out=counts)
    if rng.random() < config.hot_share:
        n_hot = int(rng.integers(config.hot_pixels[0], config.hot_pixels[1] + 1))
        drawn["hot_pixels"] = n_hot
        rows, columns = (rng.integers(0, n, n_hot) for n in counts.shape[-2:])
        counts[..., rows, columns] = rng.integers(100, 1_000_000, n_hot)
        bad[..., rows, columns] = True
    return bad, drawn
