"""From a perfect intensity to what a detector counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Realism:
    """What a measurement does to an intensity; every range is (lowest, highest), drawn per pattern.

    Attributes
    ----------
    flux : photons expected in the brightest voxel, drawn on a logarithmic scale.
    blur_voxel : standard deviation of the partial coherence's blur, drawn for each axis.
    background : flat photons per voxel, drawn on a logarithmic scale.
    drift : relative change of the beam from frame to frame.
    """

    flux: tuple[float, float] = (1e4, 1e8)
    blur_voxel: tuple[float, float] = (0.2, 1.0)
    background: tuple[float, float] = (1e-4, 0.3)
    drift: tuple[float, float] = (0.0, 0.03)

    def expectation(self, intensity: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Expected photons (n_rock, n_y, n_x) of a perfect `intensity` of the same shape."""
        blurred = gaussian_filter(intensity, rng.uniform(*self.blur_voxel, size=intensity.ndim))
        flux = np.exp(rng.uniform(*np.log(self.flux)))
        beam = 1 + rng.uniform(*self.drift) * rng.standard_normal(len(intensity))
        photons = blurred * (flux / blurred.max()) + np.exp(rng.uniform(*np.log(self.background)))
        return (photons * np.clip(beam, 0.5, 1.5)[:, None, None]).astype(np.float32)
