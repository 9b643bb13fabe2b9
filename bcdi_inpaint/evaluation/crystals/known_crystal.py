"""A crystal whose object is known, and what its reconstructions look like beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Complex64Array, ComplexArray, Float32Array
from bcdi_inpaint.evaluation.crystals.config import Setting


@dataclass(frozen=True)
class KnownCrystal:
    """A crystal whose object is known, and a measurement of it.

    Arrays are (n_rock, n_y, n_x), the Bragg peak and the object in the middle.

    Attributes
    ----------
    name : of its own.
    truth : complex64, the object.
    expectation : float32, expected photons.
    counts : float32, a Poisson draw of them.
    kind : of crystal and beam; retrievals are summarized by it.
    bad : bool, True = was not measured, whatever the treatment; None for no voxel.
    """

    name: str
    truth: Complex64Array
    expectation: Float32Array
    counts: Float32Array
    kind: str = ""
    bad: BoolArray | None = None

    def inside(self, part: float) -> BoolArray:
        """(n_rock, n_y, n_x) bool, where the modulus is above that part of its maximum."""
        modulus = np.abs(self.truth)
        return np.asarray(modulus > part * modulus.max())


@dataclass(frozen=True)
class CrystalView:
    """What the retrievals of one gap and setting found, for pictures.

    Attributes
    ----------
    name : crystal and gap.
    width : of the gap, in voxels.
    setting : one of `config.SETTINGS`.
    expectation, gap : (n_rock, n_y, n_x), noise-free counts, and bool.
    calculated : intensities (n_rock, n_y, n_x) by treatment.
    objects : complex objects (n_rock, n_y, n_x) by treatment and the true one, aligned on it.
    """

    name: str
    width: int
    setting: Setting
    expectation: Float32Array
    gap: BoolArray
    calculated: dict[str, Float32Array]
    objects: dict[str, ComplexArray]
