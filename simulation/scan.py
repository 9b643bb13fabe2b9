"""One simulated scan with an artificial gap, and the truth behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from bcdi_inpaint.arrays import BoolArray, Complex64Array, Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.artificial import place_cross
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import gap_mask, merge_gaps
from bcdi_inpaint.scan.boxes import Box, as_shape
from bcdi_inpaint.scan.scan import Metadata, Scan
from simulation.continuum import resolve_object
from simulation.recipe import (
    Pattern,
    Recipe,
    as_recipe,
    make_particle_of,
    make_pattern,
    particle_number,
)

GapChoice = Literal["cross", "rows", "columns"] | Gap | Iterable[Gap] | None
"""A cross beside the Bragg peak or one of its arms, gaps of one's own, or no gap."""
_ARMS = {"cross": slice(0, 2), "rows": slice(0, 1), "columns": slice(1, 2)}


@dataclass(frozen=True, repr=False)
class SimulatedScan:
    """A scan as a detector with a gap records it, and what is true.

    Attributes
    ----------
    scan : the scan; its counts are 0 in the gap, its mask covers the gap, hot and saturated pixels.
    gaps : the gaps, in lines of the array.
    counts : (n_rock, n_y, n_x) uint32, also in the gap.
    pattern : the simulated pattern, and what was drawn for it.
    """

    scan: Scan
    gaps: tuple[Gap, ...]
    counts: NDArray[np.uint32]
    pattern: Pattern

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.scan.shape))
        gaps = ", ".join(map(str, self.gaps)) or "none"
        kind = self.pattern.parameters.get("kind", "crystal")
        return (
            f"SimulatedScan: {kind} crystal, {shape}, at most "
            f"{self.expectation.max():.2g} photons\ngaps: {gaps}"
        )

    @property
    def expectation(self) -> Float32Array:
        """(n_rock, n_y, n_x) expected photons, free of noise."""
        return self.pattern.expectation

    @property
    def gap_mask(self) -> BoolArray:
        """(n_rock, n_y, n_x) True in the gap."""
        if not self.gaps:
            return np.zeros(self.scan.shape, dtype=bool)
        return gap_mask(self.gaps, self.scan.shape)

    @property
    def object(self) -> Complex64Array:
        """(n_rock, n_y, n_x) the crystal, its middle in the array's.

        The squared modulus of its orthonormal Fourier transform is what the expectation would be
        without blur, background and drift. A phase ramp in it brings the peak to its place.
        """
        parameters: dict[str, Any] = self.pattern.parameters
        if self.pattern.crystal is None:
            assert self.pattern.amplitude is not None, "atoms have one"
            amplitude = scipy.fft.ifftshift(self.pattern.amplitude)
            obj = scipy.fft.fftshift(scipy.fft.ifftn(amplitude))
        else:
            offset = np.array(parameters["peak"]) - np.array(self.scan.shape) // 2
            obj = resolve_object(self.pattern.crystal, self.scan.shape, offset)
        brightest = np.abs(scipy.fft.fftn(obj, norm="ortho")).max()
        return (obj * (np.sqrt(parameters["flux"]) / brightest)).astype(np.complex64)

    def object_in(self, box: Box) -> Complex64Array:
        """The crystal as a box of the scan resolves it, for example `Reconstruction.box`.

        A reconstruction is compared with it; see `evaluation.crystals.object_error.compare`.
        """
        return object_in(self.object, box)


def object_in(obj: Complex64Array, box: Box) -> Complex64Array:
    """An object (n_rock, n_y, n_x) as a box of its diffraction pattern resolves it."""
    amplitude = scipy.fft.fftshift(scipy.fft.fftn(scipy.fft.ifftshift(obj), norm="ortho"))
    seen = scipy.fft.ifftshift(amplitude[box])
    return scipy.fft.fftshift(scipy.fft.ifftn(seen, norm="ortho")).astype(np.complex64)


def simulate_scan(
    seed: int = 0,
    gap: GapChoice = "cross",
    shape: Sequence[int] = (64, 64, 64),
    flux: float = 1e6,
    **recipe: Any,
) -> SimulatedScan:
    """Simulate a scan with a gap, of a crystal that is drawn from a seed.

    Parameters
    ----------
    seed : the same seed and options give the same scan.
    gap : ``"cross"`` for 6 rows and 6 columns beside the Bragg peak, ``"rows"`` or ``"columns"``
        for one of them, one or more `Gap` of your own, or None.
    shape : (n_rock, n_y, n_x), at least 16 voxels each.
    flux : expected photons in the brightest voxel.
    **recipe : further keys of a `Recipe`, for example ``strain_rad=(2, 2)``, ``peak_offset=0``,
        ``realism={"hot_share": 0}``; ``atomistic_share=1`` for atoms that LAMMPS relaxes.

    Returns
    -------
    The scan, its gaps, the counts that the gap hides, and the truth.

    Raises
    ------
    InputError
        An option is none of a recipe's, or a gap is not inside the array.

    Examples
    --------
    >>> simulated = simulate_scan(seed=1, shape=(16, 32, 32), flux=1e5)
    >>> simulated
    SimulatedScan: continuous crystal, 16 x 32 x 32, at most 9.9e+04 photons
    gaps: rows 23:29, cols 22:28
    >>> int(simulated.scan.counts[simulated.gap_mask].sum())
    0
    """
    given: dict[str, Any] = {
        "count": 1,
        "seed": seed,
        "shape": tuple(shape),
        "atomistic_share": 0.0,
    } | recipe
    given["realism"] = {"flux": (flux, flux)} | dict(given.get("realism", {}))
    return make_scan(as_recipe(given, "simulate_scan"), gap)


def make_scan(recipe: Recipe, gap: GapChoice = "cross") -> SimulatedScan:
    """Make the first pattern of a recipe as a scan with a gap.

    Raises InputError for a recipe of 2D patterns, and for gaps outside the array (before any work).
    """
    if len(recipe.shape) != 3:
        raise InputError(f"shape is {recipe.shape}, expected 3 axes for a scan: change the recipe")
    shape = as_shape(recipe.shape)
    given = None if isinstance(gap, str) else _as_gaps(gap)
    if isinstance(gap, str) and gap not in _ARMS:
        raise InputError(
            f"gap is {gap!r}, expected {', '.join(map(repr, _ARMS))}, None or Gap objects: "
            "for example parse_gap('rows=20:26')"
        )
    if given:
        gap_mask(given, shape)  # say what is wrong before any work
    number = particle_number(recipe, 0)
    particle = None if number is None else make_particle_of(recipe, number)
    pattern = make_pattern(recipe, 0, particle)
    gaps = place_cross(pattern.expectation)[_ARMS[str(gap)]] if given is None else given
    hidden = gap_mask(gaps, shape) if gaps else np.zeros(shape, dtype=bool)
    scan = Scan(
        np.where(hidden, 0, pattern.counts).astype(pattern.counts.dtype),
        hidden | pattern.bad,
        metadata=Metadata(
            instrument="simulation", sample=str(pattern.parameters.get("kind", "crystal"))
        ),
    )
    return SimulatedScan(scan, gaps, pattern.counts, pattern)


def _as_gaps(gap: Gap | Iterable[Gap] | None) -> tuple[Gap, ...]:
    if gap is None:
        return ()
    return merge_gaps([gap] if isinstance(gap, Gap) else gap)
