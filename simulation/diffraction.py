"""Bragg peaks of atoms: the kinematic sum on the grid that a rocking scan measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import finufft
import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.engines import OPENCL, import_pynx, opencl_works, quiet
from bcdi_inpaint.errors import InputError

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True)
class QGrid:
    """The scattering vectors of a scan's voxels, around one reflection.

    Voxel n (an index triple) sees ``q = reflection + steps @ (n - centre)``, in 1/nm without 2 pi.
    The steps need not be orthogonal: a rocking scan's frames are sheared.

    Attributes
    ----------
    shape : (n_rock, n_y, n_x).
    reflection_inv_nm : (3,) the reciprocal-lattice vector, in the crystal's axes.
    steps_inv_nm : (3, 3), column a is the step along array axis a.
    centre : (3,) voxel of the Bragg peak, may be fractional.
    """

    shape: tuple[int, int, int]
    reflection_inv_nm: FloatArray
    steps_inv_nm: FloatArray
    centre: FloatArray

    def scattering_vectors(self, box: tuple[slice, slice, slice]) -> FloatArray:
        """(..., 3) scattering vectors of the voxels in `box`, in 1/nm."""
        indices = np.stack(
            np.meshgrid(
                *[np.arange(n)[s] for n, s in zip(self.shape, box, strict=True)], indexing="ij"
            ),
            axis=-1,
        )  # (box, 3)
        return self.reflection_inv_nm + (indices - self.centre) @ self.steps_inv_nm.T


def oversampled_steps(
    positions_nm: FloatArray, rotation: FloatArray, oversampling: FloatArray, shear: float = 0.0
) -> FloatArray:
    """Grid steps (3, 3) in 1/nm that sample a particle with the given ratio on each array axis.

    An oversampling ratio of s along an axis means that the particle fills 1/s of the period of the
    Fourier transform along it: fringes are s voxels apart. `rotation` (3, 3) turns the array's axes
    against the crystal's; `shear` tilts the rocking step towards the detector's rows.
    """
    directions = rotation.copy()  # columns are the array axes
    directions[:, 0] += shear * directions[:, 1]
    directions[:, 0] /= np.linalg.norm(directions[:, 0])
    extent_nm = np.ptp(positions_nm @ directions, axis=0)
    return directions / (extent_nm * oversampling)


def _nufft(
    positions_nm: FloatArray, weights: ComplexArray, grid: QGrid, box: tuple[slice, slice, slice]
) -> ComplexArray:
    """Type-1 non-uniform FFT (Barnett, Magland & af Klinteberg, SIAM J. Sci. Comput. 41, 2019)."""
    middle = np.array(grid.shape) // 2  # the transform's index 0 lies here
    # exp(2i pi (G + A (n - c)) r) = exp(2i pi (G + A (m - c)) r) * exp(2i pi A (n - m) r)
    offset = grid.reflection_inv_nm + grid.steps_inv_nm @ (middle - grid.centre)
    carried = weights * np.exp(2j * np.pi * (positions_nm @ offset))
    turns = positions_nm @ grid.steps_inv_nm  # (n_atoms, 3)
    angles = 2 * np.pi * (turns - np.round(turns))  # finufft wants [-pi, pi)
    x, y, z = np.ascontiguousarray(angles.T)
    return finufft.nufft3d1(x, y, z, carried, grid.shape, isign=1, eps=1e-7)[box]


def _pynx(
    positions_nm: FloatArray, weights: ComplexArray, grid: QGrid, box: tuple[slice, slice, slice]
) -> ComplexArray:
    """Direct sum by PyNX's scattering module, on OpenCL where it works, else on the CPU.

    PyNX sums real occupancies: a complex weight takes two passes.
    """
    fhkl = import_pynx("scattering.fhkl")
    language = OPENCL if opencl_works() else {"language": "cpu"}
    # PyNX sums exp(-2i pi h.x); ours has the other sign.
    h, k, l = np.moveaxis(-grid.scattering_vectors(box), -1, 0).astype(np.float32)  # noqa: E741
    x, y, z = positions_nm.T.astype(np.float32)

    def summed(occupancy: FloatArray) -> ComplexArray:
        with quiet():
            amplitude, _seconds = fhkl.Fhkl_thread(
                h, k, l, x, y, z, occupancy.astype(np.float32), verbose=False, **language
            )
        return np.asarray(amplitude).reshape(h.shape)

    amplitude = summed(weights.real)
    return amplitude + 1j * summed(weights.imag) if np.any(weights.imag) else amplitude


ENGINES: dict[str, Callable[..., ComplexArray]] = {"nufft": _nufft, "pynx": _pynx}


def bragg_amplitude(
    positions_nm: FloatArray,
    grid: QGrid,
    *,
    weights: ComplexArray | None = None,
    engine: str = "nufft",
    box: tuple[slice, slice, slice] = (slice(None), slice(None), slice(None)),
) -> ComplexArray:
    """Scattered amplitude ``sum_j w_j exp(2i pi q.r_j)`` on the voxels of `grid` in `box`.

    Parameters
    ----------
    positions_nm : (n_atoms, 3).
    weights : (n_atoms,) complex, 1 where not given: a phase for each atom adds a displacement.
    engine : ``nufft`` (finufft, 1e-7 relative) or ``pynx`` (direct sum, single precision).
    box : the part of the grid to compute; the NUFFT computes all of it and cuts.

    Raises InputError for an unknown engine, MissingEngineError without PyNX.
    """
    if engine not in ENGINES:
        raise InputError(f"engine is {engine!r}, expected one of {', '.join(ENGINES)}")
    if weights is None:
        weights = np.ones(len(positions_nm), dtype=complex)
    return ENGINES[engine](positions_nm, weights, grid, box)
