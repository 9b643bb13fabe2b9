"""An object, its support and what is known beside, on the way of a retrieval in torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from bcdi_inpaint.arrays import BoolArray, Complex64Array, Float32Array
from bcdi_inpaint.phasing.coherence import COHERENT, Coherence, squared_modulus
from bcdi_inpaint.phasing.density import DensitySettings, Interior, find_interior
from bcdi_inpaint.scan.boxes import as_box, whole
from bcdi_inpaint.scan.found_object import FoundObject


@dataclass
class State:
    """An object (n_rock, n_y, n_x) complex64 and its support, bool, the centre at index 0.

    `coherence` is the beam's; `density` what is known of the object's inside; `background` counts
    in every voxel.
    """

    obj: Tensor
    support: Tensor
    coherence: Coherence = COHERENT
    density: DensitySettings = DensitySettings()
    background: float = 0.0

    def diffracted(self) -> Tensor:
        """(n_rock, n_y, n_x) what the object inside the support diffracts, coherently."""
        return squared_modulus(torch.fft.fftn(self.obj * self.support, norm="ortho"))

    def intensity(self) -> Float32Array:
        """(n_rock, n_y, n_x) what would be measured of the object inside the support, centred."""
        seen = self.coherence.blur(self.diffracted()) + self.background
        return np.fft.fftshift(seen.cpu().numpy())

    def interior(self) -> Interior | None:
        """The inside of the support, where the density is to be even."""
        if not self.density.strength:
            return None
        found = find_interior(self.support.cpu().numpy(), self.density)
        return None if found is None else found.convert(self._there)

    def _there(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self.obj.device)

    def centred(self) -> tuple[Complex64Array, BoolArray]:
        """The object inside its support and the support, the centre in the middle."""
        inside = (self.obj * self.support).cpu().numpy()
        return np.fft.fftshift(inside), np.fft.fftshift(self.support.cpu().numpy())

    def on_grid(self, shape: Sequence[int]) -> State:
        """The same object on the grid of a larger array with the same middle, or of a smaller one.

        What the object is outside of its support is left out, the edges of the support stay as
        coarse as they were, and nothing is diffracted beyond the middle yet.

        Parameters
        ----------
        shape : of the whole; where it is the state's own, so is what is returned.
        """
        if tuple(self.obj.shape) == tuple(shape):
            return self
        obj, support = self.centred()
        starts = [n // 2 - own // 2 for n, own in zip(shape, obj.shape, strict=True)]
        middle = as_box(slice(s, s + own) for s, own in zip(starts, obj.shape, strict=True))
        found = FoundObject(obj, support, middle, float("nan")).in_box(whole(shape))
        there = self.obj.device
        return replace(
            self, obj=to_tensor(found.obj, there), support=to_tensor(found.support, there)
        )


def to_tensor(array: np.ndarray, device: torch.device) -> Tensor:
    """An array (n_rock, n_y, n_x) as a tensor, its centre moved to index 0."""
    return torch.from_numpy(np.fft.ifftshift(array)).to(device)
