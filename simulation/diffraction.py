"""Bragg peaks of atoms: the kinematic sum on the grid that a rocking scan measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import finufft
import numpy as np
import torch

from bcdi_inpaint.arrays import Complex128Array, Float64Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.pynx_engine import OPENCL, import_pynx, opencl_works, quiet

ACCURACY = 1e-8
"""Relative, asked of the NUFFT."""
PYNX_ATOMS = 1000
"""That PyNX sums at once: it adds up in single precision, which more of them would wear out."""


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
    reflection_inv_nm: Float64Array
    steps_inv_nm: Float64Array
    centre: Float64Array

    def scattering_vectors(self, box: tuple[slice, slice, slice]) -> Float64Array:
        """(..., 3) scattering vectors of the voxels in `box`, in 1/nm."""
        indices = np.stack(
            np.meshgrid(
                *[np.arange(n)[s] for n, s in zip(self.shape, box, strict=True)], indexing="ij"
            ),
            axis=-1,
        )  # (box, 3)
        return self.reflection_inv_nm + (indices - self.centre) @ self.steps_inv_nm.T


def oversampled_steps(
    positions_nm: Float64Array, directions: Float64Array, oversampling: Float64Array
) -> Float64Array:
    """Grid steps (3, 3) in 1/nm that sample a particle with the given ratio on each array axis.

    `directions` (3, 3) holds the array axes as unit columns, in the crystal's axes; they need not
    be orthogonal. An oversampling ratio of s along an axis means that the particle fills 1/s of the
    period of the Fourier transform along it: fringes are s voxels apart.
    """
    extent_nm = np.ptp(positions_nm @ directions, axis=0)
    return directions / (extent_nm * oversampling)


def rocking_directions(
    reflection_inv_nm: Float64Array, wavelength_nm: float, rng: np.random.Generator
) -> Float64Array:
    """Unit steps (3, 3), as columns, of a rocking scan through a reflection.

    Turning the crystal about an axis w moves the reflection G by w x G, at right angles to it; the
    detector's axes are at right angles to the diffracted beam. So the frames are sheared by the
    Bragg angle. The azimuth about G, the rocking axis (within 30 degrees of the normal of the
    scattering plane, or of the plane itself) and a small roll of the detector are drawn. Raises
    InputError where the wavelength is too long for the reflection (Bragg's law).
    """
    length = float(np.linalg.norm(reflection_inv_nm))
    sine = wavelength_nm * length / 2
    if not 0 < sine < 1:
        raise InputError(
            f"wavelength is {wavelength_nm:g} nm, expected less than {2 / length:.3g} nm to reach "
            "the reflection: take a shorter one or a lower reflection"
        )
    along = reflection_inv_nm / length
    normal = np.cross(along, rng.standard_normal(3))
    normal /= np.linalg.norm(normal)  # of the scattering plane
    forward = np.cross(normal, along)
    beam = sine * along + np.sqrt(1 - sine**2) * forward  # diffracted, unit
    tilt = np.radians(rng.uniform(-30, 30))
    rocking = np.cos(tilt) * forward + np.sin(tilt) * normal
    roll = np.radians(rng.normal(0, 3)) + np.pi / 2 * rng.integers(4)
    upward = np.cross(beam, normal)
    rows = np.cos(roll) * upward + np.sin(roll) * normal
    return np.stack([rocking, rows, np.cross(beam, rows)], axis=1)


def rocking_steps(
    positions_nm: Float64Array,
    reflection_inv_nm: Float64Array,
    oversampling: Float64Array,
    wavelength_nm: float,
    rng: np.random.Generator,
) -> Float64Array:
    """Grid steps (3, 3) in 1/nm of a rocking scan; see its two parts for the parameters."""
    directions = rocking_directions(reflection_inv_nm, wavelength_nm, rng)
    return oversampled_steps(positions_nm, directions, oversampling)


Box = tuple[slice, slice, slice]
WHOLE: Box = (slice(None), slice(None), slice(None))


def _about(
    positions_nm: Float64Array, weights: Complex128Array, grid: QGrid, middle: Float64Array
) -> tuple[Complex128Array, Float64Array]:
    """Weights with the phase of voxel `middle`, and turns (n_atoms, 3) per voxel away from it.

    exp(2i pi (G + A (n - c)) r) = exp(2i pi (G + A (m - c)) r) * exp(2i pi A (n - m) r): what is
    left to the engine are small angles, so that single precision does not lose digits.
    """
    offset = grid.reflection_inv_nm + grid.steps_inv_nm @ (middle - grid.centre)
    carried = weights * np.exp(2j * np.pi * (positions_nm @ offset))
    return carried, positions_nm @ grid.steps_inv_nm


def _nufft(
    positions_nm: Float64Array, weights: Complex128Array, grid: QGrid, box: Box, device: str
) -> Complex128Array:
    """Type-1 non-uniform FFT (Barnett, Magland & af Klinteberg, SIAM J. Sci. Comput. 41, 2019)."""
    if device == "cuda":
        return _on_gpu(positions_nm, weights, grid, box)
    middle = np.array(grid.shape) // 2  # the transform's index 0 lies here
    carried, turns = _about(positions_nm, weights, grid, middle)
    angles = 2 * np.pi * (turns - np.round(turns))  # finufft wants [-pi, pi)
    x, y, z = np.ascontiguousarray(angles.T)
    return finufft.nufft3d1(x, y, z, carried, grid.shape, isign=1, eps=ACCURACY)[box]


def _on_gpu(
    positions_nm: Float64Array, weights: Complex128Array, grid: QGrid, box: Box
) -> Complex128Array:
    """The same transform by cufinufft; where that is not installed, by direct summation."""
    try:
        import cufinufft
    except ImportError:
        return direct_sum(positions_nm, weights, grid, box, "cuda")
    middle = np.array(grid.shape) // 2
    carried, turns = _about(positions_nm, weights, grid, middle)
    angles = 2 * np.pi * (turns - np.round(turns))
    x, y, z, strengths = (
        torch.from_numpy(np.ascontiguousarray(values)).to("cuda") for values in (*angles.T, carried)
    )
    modes = cufinufft.nufft3d1(x, y, z, strengths, grid.shape, isign=1, eps=ACCURACY)
    return modes.cpu().numpy()[box]


def direct_sum(
    positions_nm: Float64Array, weights: Complex128Array, grid: QGrid, box: Box, device: str
) -> Complex128Array:
    """The sum itself, as matrix products on a torch `device`: what has no NUFFT has those.

    The phase of a voxel is a sum over its three indices, so its exponential is a product: for each
    frame one product of (rows, atoms) and (atoms, columns).
    """
    indices = [np.arange(n)[part] for n, part in zip(grid.shape, box, strict=True)]
    middle = np.array([index[len(index) // 2] for index in indices])
    carried, turns = _about(positions_nm, weights, grid, middle)
    frames, rows, columns = (
        torch.from_numpy(np.exp(2j * np.pi * np.outer(index - m, along)).astype(np.complex64))
        for index, m, along in zip(indices, middle, turns.T, strict=True)
    )  # (n_indices, n_atoms) each
    frames = (frames * torch.from_numpy(carried.astype(np.complex64))).to(device)
    rows, columns = rows.to(device), columns.to(device).T.contiguous()
    images = [((rows * frame) @ columns).cpu() for frame in frames]
    return torch.stack(images).numpy().astype(np.complex128)


def _pynx(
    positions_nm: Float64Array, weights: Complex128Array, grid: QGrid, box: Box, device: str
) -> Complex128Array:
    """Direct sum by PyNX's scattering module, on OpenCL where it works, else on the CPU.

    On a CUDA device where one was asked for. PyNX sums real occupancies, in single precision: the
    phases that need more are carried by the weights, which takes two passes.
    """
    fhkl = import_pynx("scattering.fhkl")
    local = OPENCL if opencl_works() else {"language": "cpu"}
    language = {"language": "cuda"} if device == "cuda" else local
    indices = [np.arange(n)[part] for n, part in zip(grid.shape, box, strict=True)]
    middle = np.array([index[len(index) // 2] for index in indices])
    carried, turns = _about(positions_nm, weights, grid, middle)
    steps = np.meshgrid(*[i - m for i, m in zip(indices, middle, strict=True)], indexing="ij")
    # PyNX sums exp(-2i pi h.x); ours has the other sign.
    h, k, l = (-step.astype(np.float32) for step in steps)  # noqa: E741
    x, y, z = np.ascontiguousarray(turns.T, dtype=np.float32)

    def summed(occupancy: Float64Array) -> Complex128Array:
        total = np.zeros(h.shape, dtype=complex)
        for first in range(0, len(x), PYNX_ATOMS):
            part = slice(first, first + PYNX_ATOMS)
            weight = occupancy[part].astype(np.float32)
            with quiet():
                amplitude, _seconds = fhkl.Fhkl_thread(
                    h, k, l, x[part], y[part], z[part], weight, verbose=False, **language
                )
            total += np.asarray(amplitude).reshape(h.shape)
        return total

    return summed(carried.real) + 1j * summed(carried.imag)


ENGINES: dict[str, Callable[..., Complex128Array]] = {"nufft": _nufft, "pynx": _pynx}


def bragg_amplitude(
    positions_nm: Float64Array,
    grid: QGrid,
    *,
    weights: Complex128Array | None = None,
    engine: str = "auto",
    device: str = "auto",
    box: Box = WHOLE,
) -> Complex128Array:
    """Scattered amplitude ``sum_j w_j exp(2i pi q.r_j)`` on the voxels of `grid` in `box`.

    Parameters
    ----------
    positions_nm : (n_atoms, 3).
    weights : (n_atoms,) complex, 1 where not given: a phase for each atom adds a displacement.
    engine : ``nufft`` (finufft; on a GPU cufinufft or direct summation), ``pynx`` (direct sum,
        single precision), or ``auto``: the faster one, which is ``nufft``.
    device : ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.
    box : the part of the grid to compute; the NUFFT computes all of it and cuts.

    Raises InputError for an unknown engine or device, MissingEngineError without PyNX.
    """
    name = "nufft" if engine == "auto" else engine
    if name not in ENGINES:
        raise InputError(f"engine is {engine!r}, expected auto, {' or '.join(ENGINES)}")
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device is {device!r}, expected auto, cpu or cuda")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if weights is None:
        weights = np.ones(len(positions_nm), dtype=complex)
    return ENGINES[name](positions_nm, weights, grid, box, device)
