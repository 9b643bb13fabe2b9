"""Voxels that are set aside to judge a retrieval by: the free log-likelihood is of these.

They lie in islands. Those of a refinement are known by their places in the scan: no start of it has
seen them, so they judge its objects nearly as they judge a random start. They have decided on the
form of its beam, and on whether it has found the crystal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.fft

from bcdi_inpaint.arrays import BoolArray, Complex64Array, IntArray, rms
from bcdi_inpaint.phasing.pynx_psf import as_seen
from bcdi_inpaint.scan.boxes import Box, sides
from bcdi_inpaint.scan.found_object import FoundObject

FREE_ISLAND_RADIUS = 3
"""Voxels of the islands of free voxels: neighbours know of each other, so single voxels would not
be free. PyNX's default."""
FREE_FRACTION = 0.05
"""Of the voxels, set aside for the free log-likelihood; what PyNX's runner takes."""
MASKED_BELOW = -1e19
"""Counts of a PyNX `CDI` up to which a voxel is masked."""

Islands = tuple[IntArray, ...]
"""For each axis (n_islands,) int: the centres of islands of free voxels."""


def set_free_voxels(cdi: Any, filled: BoolArray | None, islands: Islands | None) -> None:
    """Set voxels of a PyNX `CDI` aside, none of which is filled.

    Parameters
    ----------
    cdi : the `CDI`.
    filled : (n_rock, n_y, n_x) bool, voxels whose counts are estimates, centred; None for none.
    islands : what `draw_islands` gives.
    """
    if islands is None:
        return
    cdi.init_free_pixels(island_radius=FREE_ISLAND_RADIUS, coords=islands[::-1])  # x first
    if filled is not None and np.any(filled):
        cdi.set_free_pixel_mask(cdi.get_free_pixel_mask() & ~np.fft.ifftshift(filled))


def set_free_mask(cdi: Any, free: BoolArray, filled: BoolArray | None = None) -> bool:
    """Set these voxels of a `CDI` of PyNX's runner aside, less what was not measured.

    Where none of them was, nothing is set.

    Parameters
    ----------
    cdi : the `CDI`.
    free : (n_rock, n_y, n_x) bool, centred.
    filled : (n_rock, n_y, n_x) bool, voxels whose counts are estimates, centred; None for none.

    Returns
    -------
    Whether any voxel was set aside.
    """
    own = measured_of(cdi, free, filled)
    if own.any():
        cdi.set_free_pixel_mask(own)
    return bool(own.any())


def measured_of(cdi: Any, free: BoolArray, filled: BoolArray | None = None) -> BoolArray:
    """Those of some voxels that a `CDI` of PyNX's runner has as measured.

    Parameters
    ----------
    cdi, free, filled : see `set_free_mask`.

    Returns
    -------
    (n_rock, n_y, n_x) bool, in the order of the `CDI`.
    """
    own = free if filled is None else free & ~filled
    return np.asarray(np.fft.fftshift(own) & (cdi.iobs > MASKED_BELOW))


def free_log_error(cdi: Any, obj: Complex64Array) -> float:
    """RMS error of log(1 + counts) of the free voxels of a PyNX `CDI`.

    The log-likelihood of voxels is ruled by the brightest, which a crystal and another one may have
    alike; here the faint ones, of which there are many, have their say.

    Parameters
    ----------
    cdi : the `CDI`, with its point spread function.
    obj : (n_rock, n_y, n_x) complex64, centred.

    Returns
    -------
    nan where no voxel is free.
    """
    free = cdi.get_free_pixel_mask()
    if not free.any():
        return float("nan")
    diffracted = np.abs(scipy.fft.fftn(scipy.fft.ifftshift(obj), norm="ortho")) ** 2
    calculated = as_seen(diffracted, cdi._psf_f)[free]
    counts = -cdi.iobs[free] - 1  # how PyNX sets them aside
    return rms(np.log1p(np.maximum(calculated, 0)) - np.log1p(counts))


def draw_islands(
    shape: tuple[int, ...], fraction: float, rng: np.random.Generator
) -> Islands | None:
    """Centres, relative to the array's centre, of spheres of free voxels; None if there are none.

    They keep clear of the border and of the innermost twentieth of each axis, where the peak's
    few voxels hold most of the counts. On short axes there is no room for any.

    Parameters
    ----------
    shape : (n_rock, n_y, n_x).
    fraction : of the voxels that the islands have.
    rng : source of the centres.

    Returns
    -------
    For each axis (n_islands,) int.
    """
    n_islands = int(np.prod(shape) * fraction / (4 / 3 * np.pi * FREE_ISLAND_RADIUS**3))
    if n_islands == 0 or min(shape) < 4 * FREE_ISLAND_RADIUS:
        return None
    room = [(n // 2 - FREE_ISLAND_RADIUS) for n in shape]
    centres = [rng.integers(-half, half, n_islands) for half in room]
    squares = [
        (c / (0.05 * n + FREE_ISLAND_RADIUS)) ** 2 for c, n in zip(centres, shape, strict=True)
    ]
    outside = sum(squares) > 1
    return tuple(c[outside] for c in centres) if np.any(outside) else None


def place_islands(islands: Islands, box: Box) -> IntArray:
    """Where islands lie that were drawn for a box: (n_islands, 3) int, in voxels of its scan."""
    middles = [part.start + (part.stop - part.start) // 2 for part in box]
    return np.stack([own + middle for own, middle in zip(islands, middles, strict=True)], axis=1)


def islands_in(centres: IntArray, box: Box) -> BoolArray | None:
    """The islands that lie wholly in a box, True there; None if none does.

    Parameters
    ----------
    centres : (n_islands, 3) int, in voxels of the scan.
    box : of the scan; the mask has its sides.

    Examples
    --------
    >>> int(islands_in(np.array([[10, 10, 10], [1, 9, 9]]), (slice(5, 20),) * 3).sum())
    123
    """
    own = centres - [part.start for part in box]
    last = np.array(sides(box)) - FREE_ISLAND_RADIUS
    whole = own[np.all((own >= FREE_ISLAND_RADIUS) & (own < last), axis=1)]
    if not len(whole):
        return None
    mask = np.zeros(sides(box), dtype=bool)
    mask[tuple(np.moveaxis(whole[:, None] + _offsets(), -1, 0))] = True
    return mask


def unseen_in(objects: Sequence[FoundObject], box: Box) -> BoolArray | None:
    """The islands of a box that objects of one refinement have not seen; None without any."""
    return islands_in(objects[0].unseen, box) if objects else None


def _offsets() -> IntArray:
    """(n_voxels, 3) int, the voxels of an island from its centre, as PyNX has them."""
    along = np.arange(-FREE_ISLAND_RADIUS, FREE_ISLAND_RADIUS + 1)
    places = np.stack(np.meshgrid(along, along, along), axis=-1).reshape(-1, 3)
    return places[np.square(places).sum(axis=1) <= FREE_ISLAND_RADIUS**2]
