"""The best linear fill of a plane gap: kriging with the scan's own correlation.

A Bragg peak's fringes repeat: how the log counts of two voxels go together depends mostly on how
they lie to each other. That correlation is measured on the known voxels of the scan itself, and
the voxels of a gap are predicted from those beside it with the weights that make the expected
squared error least (simple kriging; Matheron, Econ. Geol. 58, 1246 (1963)). The weights are the
same all over a plane gap, so applying them is one convolution. Fringe period, direction and decay
need not be known: the correlation holds them.

What is kriged are counts over their local trend: their logarithms where there are few photons,
their square roots where there are many. Faint counts spread more evenly as logarithms; but a dark
fringe is a deep cusp to these, and only a kink to the root, the modulus of a smooth amplitude.

Inside the gap the trend is no straight line from rim to rim: it follows the peak's falling off with
the distance from its centre (`peak.falloff`), which the voxels beside the gap know as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array
from bcdi_inpaint.classical.interpolation import log_linear
from bcdi_inpaint.classical.kriging_settings import KrigingSettings
from bcdi_inpaint.classical.plane_kriging import krige_plane
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.peak.centre import find_centre
from bcdi_inpaint.peak.falloff import shell_means
from bcdi_inpaint.running.threads import in_threads


@dataclass(frozen=True)
class Kriged:
    """A first guess in every unknown voxel, and how uncertain it is.

    Attributes
    ----------
    log_counts : (*shape) float32, log(1 + expected counts) in unknown voxels, else as given.
    sigma : (*shape) float32, standard deviation of the guess in kriged planes, 0 elsewhere. One
        value for each line of the gap, estimated from the scan's bright voxels; it does not vary
        with a voxel's own counts, except where roots and logarithms are blended.
    """

    log_counts: Float32Array
    sigma: Float32Array


def krige(
    log_counts: Float32Array,
    unknown: BoolArray,
    gaps: Sequence[Gap],
    centre: Sequence[float] | Float64Array | None = None,
    *,
    settings: KrigingSettings = KrigingSettings(),
) -> Kriged:
    """Fill the unknown voxels, those of plane gaps by kriging and the others linearly.

    Where planes are kriged, what is filled linearly is how far the logarithms are from the mean of
    their shell about the centre; without planes, the logarithms themselves. Where planes cross, all
    are done twice: the second time each has the others' prediction beside it instead.

    Parameters
    ----------
    log_counts : (n_rock, n_y, n_x) or (n_y, n_x), log(1 + counts); any number in unknown voxels.
    unknown : the same shape, bool: gaps and bad voxels, which are unknown alike.
    gaps : the planes to krige, as `gaps.masks.find_planes` finds them in `unknown`; each lies in
        the unknown voxels. Masked lines beside a gap belong to its plane.
    centre : (n_dim,) of the Bragg peak in voxels, outside the array if this is a part of a scan;
        by default as `peak.centre.find_centre` finds it.
    settings : the numbers that kriging depends on.

    Returns
    -------
    The first guess and its uncertainty.

    Examples
    --------
    Fringes across a gap of four rows, where linear interpolation is off by 0.8 in the mean:

    >>> import numpy as np
    >>> row, column = np.indices((64, 64))
    >>> fringes = (5 + np.cos(0.9 * row - 0.36 * column)).astype(np.float32)
    >>> unknown = np.zeros(fringes.shape, dtype=bool)
    >>> unknown[30:34] = True
    >>> guess = krige(np.where(unknown, 0, fringes), unknown, [Gap(0, 30, 34)])
    >>> print(f"off by {np.abs(guess.log_counts - fringes)[unknown].mean():.1f}")
    off by 0.1
    >>> print(guess.sigma[30:34, 0].round(2))
    [0.13 0.14 0.14 0.13]
    """
    log_counts = log_counts.astype(np.float32, copy=False)
    is_bent = bool(gaps) and settings.over_shells
    first = (
        _over_shells(log_counts, unknown, centre) if is_bent else log_linear(log_counts, unknown)
    )
    filled, sigma = first.copy(), np.zeros_like(first)
    planes = [*in_threads(lambda gap: krige_plane(gap, first, unknown, settings), gaps)]
    crossing = any(a.axis != b.axis for a, b in combinations(gaps, 2))
    for _ in range(2 if crossing else 1):
        for plane in planes:
            if plane is not None:
                plane.fill(filled, sigma)
    return Kriged(filled, sigma)


def _over_shells(
    log_counts: Float32Array,
    unknown: BoolArray,
    centre: Sequence[float] | Float64Array | None,
) -> Float32Array:
    """Log counts whose unknown voxels are filled linearly but for the peak's falling off."""
    known = ~unknown
    if not known.any():
        return log_linear(log_counts, unknown)
    if centre is None:
        centre = find_centre(np.where(known, log_counts, 0), known)
    shells = shell_means(log_counts, known, centre)
    filled = log_linear(log_counts - shells, unknown)
    filled += shells  # in place: a region may fill much of the memory
    np.maximum(filled, 0, out=filled)
    np.copyto(filled, log_counts, where=known)  # the sums have rounded what was measured
    return filled
