"""What the last step of a fill sees of the voxels of a region; see `network.symmetry_step`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.arrays import BoolArray, Float32Array, IntArray
from bcdi_inpaint.network.channels import Features
from bcdi_inpaint.network.symmetry_step import SymmetryStep
from bcdi_inpaint.network.units import logs_from_network

AROUND = 3.0
"""Voxels of the Gaussian within which mates are compared with what was measured."""
FAR = 3.0
"""Logarithms beyond which a mate is off all the same."""
LEAST_SCALE = 0.02
"""Of an error, in logarithms: smaller ones are as good."""
ENOUGH = 0.5
"""Weight of compared voxels around one from which on what they say is taken in full."""


@dataclass(frozen=True)
class MateErrors:
    """How far mates are from what was measured around each voxel; float32 of the region's shape.

    Attributes
    ----------
    mean, rms : of measured less mate, in logarithms, where both are known.
    weight : share of such voxels around.
    """

    mean: Float32Array
    rms: Float32Array
    weight: Float32Array


def find_mate_errors(features: Features) -> MateErrors:
    """Compare the measured voxels of a region with their mates."""
    both = ~features.unknown & features.mate_known
    error = logs_from_network(np.where(both, features.guess - features.mate, 0))
    weight = _around(both.astype(np.float32))
    floor = np.float32(1e-4)
    mean = _around(error) / (weight + floor)
    rms = np.sqrt(_around(error**2) / (weight + floor))
    return MateErrors(mean, rms, weight)


def _around(values: Float32Array) -> Float32Array:
    return np.asarray(gaussian_filter(values, AROUND), dtype=np.float32)


class LastStep:
    """The last step in one region.

    Parameters
    ----------
    step : the small network.
    features : what the network of patches saw of the region.
    symmetry : of the scan; nan where it shows none.
    within : bool, of the region's shape: where the step is taken; by default everywhere.
    """

    def __init__(
        self,
        step: SymmetryStep,
        features: Features,
        symmetry: float,
        within: BoolArray | None = None,
    ) -> None:
        self._step, self._features, self._within = step, features, within
        self._symmetry = 0.0 if math.isnan(symmetry) else symmetry
        self._errors = find_mate_errors(features)

    def inputs(
        self, voxels: BoolArray, widths: IntArray, logs: Float32Array, scales: Float32Array
    ) -> Float32Array:
        """What the step sees of voxels of the region.

        Parameters
        ----------
        voxels : bool, of the region's shape.
        widths : (n,) of the gaps in the True ones.
        logs : (n,) expected log(1 + counts) by the network of patches.
        scales : (n,) of their error, in logarithms.

        Returns
        -------
        (n, n_inputs) float32, in the order of `network.symmetry_step.INPUTS`.
        """
        own, errors = self._features, self._errors
        guess = np.maximum(logs_from_network(own.guess[voxels]), 0)
        known = own.mate_known[voxels]
        mate = np.where(known, logs_from_network(own.mate[voxels]), logs)
        weight = np.minimum(errors.weight[voxels] / ENOUGH, 1)
        columns = (
            logs,
            logs - guess,
            mate - logs,
            known,
            logs_from_network(own.guess_sigma[voxels]),
            np.log(np.maximum(scales, LEAST_SCALE)),
            np.log(np.maximum(widths, 1)),
            np.full(logs.shape, self._symmetry),
            np.clip(errors.mean[voxels], -FAR, FAR) * weight,
            np.minimum(errors.rms[voxels], FAR) * weight,
            weight,
        )
        return np.stack(columns, axis=1).astype(np.float32)

    def take(
        self, voxels: BoolArray, widths: IntArray, logs: Float32Array, scales: Float32Array
    ) -> tuple[Float32Array, Float32Array]:
        """Expected log(1 + counts) and the scale of their error after the step, (n,) each.

        Parameters
        ----------
        voxels, widths, logs, scales : see `inputs`; voxels where it is not taken stay.
        """
        taken = np.ones(logs.shape, bool) if self._within is None else self._within[voxels]
        inputs = torch.from_numpy(self.inputs(voxels, widths, logs, scales)[taken])
        own_logs, own_scales = self._step.apply_to(inputs)
        logs, scales = logs.copy(), scales.copy()
        logs[taken], scales[taken] = own_logs.numpy(), np.exp(own_scales.numpy())
        return logs, scales
