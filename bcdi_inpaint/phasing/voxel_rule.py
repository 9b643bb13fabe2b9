"""How much of a computed intensity to mix into a fill, voxel by voxel.

The mixture's logarithm is that of the fill and a sum of regressors: how far the computed intensity
is from the fill, times what tells of its worth there (the brightness, the spread over starts, the
misfit in measured voxels nearby, how far the two are apart), the same smoothed (a retrieval may be
right in the coarse and wrong in the fine), and what the retrieval misses of the measured voxels
beside. Their weights are fitted in a pseudo-gap, by ridge regression: stacking with features, see
Breiman, Mach. Learn. 24, 49 (1996).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array, FloatArray
from bcdi_inpaint.phasing.evidence import Evidence, box_around


@dataclass(frozen=True)
class VoxelSettings:
    """How voxels are told apart. All were chosen on a dozen simulated crystals.

    Attributes
    ----------
    knots : log(1 + counts) of the fill, from faint to bright; the share is linear in between.
    nearby : standard deviation in voxels of the mean of squares that is the misfit nearby.
    half : spread, and misfit, that halves what is left of their reach.
    half_apart : the same of how far the computed intensity is from the fill.
    coarse : standard deviations in voxels of the smoothing of how far the two are apart.
    beside : standard deviations in voxels over which a misfit beside the gap reaches into it.
    ridge : of the weights, as a part of the regressors' mean square.
    """

    knots: tuple[float, ...] = (0.0, 0.7, 1.4, 2.4, 3.4, 5.0)
    nearby: float = 3.0
    half: float = 0.3
    half_apart: float = 0.5
    coarse: tuple[float, ...] = (1.0, 2.5)
    beside: tuple[float, ...] = (1.0, 2.0)
    ridge: float = 1e-2

    @property
    def reach(self) -> int:
        """Voxels beside a chosen one that its regressors depend on."""
        return int(4 * max(self.nearby, *self.coarse, *self.beside) + 1)


def regressors(
    evidence: Evidence, chosen: BoolArray, settings: VoxelSettings = VoxelSettings()
) -> Float64Array:
    """What the mixture is a sum of, (n_chosen, n_regressors).

    Parameters
    ----------
    evidence : of the fill and the computed intensity.
    chosen : (n_rock, n_y, n_x) bool, the voxels that are mixed; some.
    settings : how voxels are told apart.
    """
    box = box_around(chosen, settings.reach)
    near, inside = evidence.part(box), chosen[box]
    columns = [values[inside] for values in _regressors(near, settings)]
    return np.stack(columns, axis=1).astype(np.float64)


def _regressors(evidence: Evidence, settings: VoxelSettings) -> Iterator[Float32Array]:
    """The regressors one after the other, each of the evidence's shape."""
    apart, missed, seen = evidence.apart, evidence.missed, evidence.seen
    for share in tents(evidence.log_fill, settings.knots):
        yield apart * share
    misfit: Float32Array = np.sqrt(_local_mean(np.square(missed), seen, settings.nearby).clip(0))
    yield apart * saturated(evidence.spread, settings.half)
    yield apart * saturated(misfit, settings.half)
    yield apart * saturated(np.abs(apart), settings.half_apart)
    for width in settings.coarse:
        yield _local_mean(apart, ~seen, width)
    for width in settings.beside:
        yield gaussian_filter(missed, width)


def tents(values: FloatArray, knots: tuple[float, ...]) -> list[Float32Array]:
    """Piecewise linear weights, one for each knot, that add up to 1.

    Parameters
    ----------
    values : of any shape.
    knots : rising; a value beyond the last one counts as that.

    Examples
    --------
    >>> [float(share) for share in tents(np.array(0.25), (0.0, 1.0, 2.0))]
    [0.75, 0.25, 0.0]
    """
    rows = np.eye(len(knots))
    return [np.interp(values, knots, row).astype(np.float32) for row in rows]


def saturated(values: Float32Array, half: float) -> Float32Array:
    """From 0 to 1: half where a value, which is 0 or more, is `half`.

    >>> float(saturated(np.array(0.5, dtype=np.float32), 0.5))
    0.5
    """
    share: Float32Array = values / (values + np.float32(half))
    return share


def _local_mean(values: Float32Array, known: BoolArray, width: float) -> Float32Array:
    """The Gaussian mean over known voxels alone."""
    weight = known.astype(np.float32)
    norm = gaussian_filter(weight, width)
    mean: Float32Array = gaussian_filter(values * weight, width) / np.maximum(norm, 1e-3)
    return mean


def fit_weights(columns: Float64Array, wanted: Float64Array, ridge: float) -> Float64Array:
    """Weights (n_regressors,) of the least squared error, held small by a ridge.

    Hoerl and Kennard, Technometrics 12, 55 (1970).

    Parameters
    ----------
    columns : (n_voxels, n_regressors).
    wanted : (n_voxels,) what their sum is to be.
    ridge : as a part of the regressors' mean square.

    Examples
    --------
    >>> fit_weights(np.array([[1.0], [2.0]]), np.array([0.5, 1.0]), ridge=0.0)
    array([0.5])
    """
    gram = columns.T @ columns
    scale = max(float(np.trace(gram)) / len(gram), 1e-12)
    held = gram + max(ridge, 1e-12) * scale * np.eye(len(gram))
    return np.asarray(np.linalg.solve(held, columns.T @ wanted), dtype=np.float64)
