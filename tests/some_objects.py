"""Objects that a refinement found, as tests have them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bcdi_inpaint.arrays import Float32Array
from bcdi_inpaint.scan.boxes import Box, sides
from bcdi_inpaint.scan.found_object import FoundObject


def diffracted(found: FoundObject) -> Float32Array:
    """The intensity that an object diffracts into its box."""
    amplitudes = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(found.obj), norm="ortho"))
    intensity: Float32Array = (np.abs(amplitudes) ** 2).astype(np.float32)
    return intensity


def object_of(obj: np.ndarray, box: Box, support: np.ndarray | None = None) -> FoundObject:
    """An object in a box; without a support it may be everywhere."""
    everywhere = np.ones(obj.shape, dtype=bool)
    own = everywhere if support is None else support
    return FoundObject((obj * own).astype(np.complex64), own, box, 0.5)


def some_object(box: Box, seed: int = 0) -> FoundObject:
    """Noise in a box, without a support."""
    rng, shape = np.random.default_rng(seed), sides(box)
    return object_of(rng.normal(size=shape) + 1j * rng.normal(size=shape), box)


def some_objects(box: Box, misfits: Sequence[float]) -> tuple[FoundObject, ...]:
    """Objects in the middle of a box, each with its misfit."""
    support = np.zeros(sides(box), dtype=bool)
    support[tuple(slice(n // 4, 3 * n // 4) for n in support.shape)] = True
    return tuple(
        FoundObject((some_object(box, n).obj * support).astype(np.complex64), support, box, misfit)
        for n, misfit in enumerate(misfits)
    )
