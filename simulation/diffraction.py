"""Bragg peaks of atoms: the kinematic sum on the grid that a rocking scan measures."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from bcdi_inpaint.arrays import Complex128Array, Float64Array
from bcdi_inpaint.errors import InputError, require
from bcdi_inpaint.pynx_engine import OPENCL, import_pynx, opencl_works, quiet
from bcdi_inpaint.scan.boxes import Box
from simulation.fields import smooth_phase
from simulation.q_grid import QGrid

ACCURACY = 1e-8
"""Relative, asked of the NUFFT."""
PYNX_ATOMS = 1000
"""That PyNX sums at once: it adds up in single precision, which more of them would wear out."""
WHOLE: Box = (slice(None), slice(None), slice(None))


def _carry_phase(
    positions_nm: Float64Array, weights: Complex128Array, grid: QGrid, middle: Float64Array
) -> tuple[Complex128Array, Float64Array]:
    """Weights with the phase at voxel `middle`, and turns (n_atoms, 3) per voxel away from it.

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
        return _nufft_on_gpu(positions_nm, weights, grid, box)
    finufft = require("finufft", "simulate", "the Bragg peaks of atoms")
    middle = np.array(grid.shape) // 2  # the transform's index 0 lies here
    carried, turns = _carry_phase(positions_nm, weights, grid, middle)
    angles = 2 * np.pi * (turns - np.round(turns))  # finufft wants [-pi, pi)
    x, y, z = np.ascontiguousarray(angles.T)
    return finufft.nufft3d1(x, y, z, carried, grid.shape, isign=1, eps=ACCURACY)[box]


def _nufft_on_gpu(
    positions_nm: Float64Array, weights: Complex128Array, grid: QGrid, box: Box
) -> Complex128Array:
    """The same transform by cufinufft; where that is not installed, by direct summation."""
    try:
        import cufinufft
        import torch
    except ImportError:
        return direct_sum(positions_nm, weights, grid, box, "cuda")
    middle = np.array(grid.shape) // 2
    carried, turns = _carry_phase(positions_nm, weights, grid, middle)
    angles = 2 * np.pi * (turns - np.round(turns))
    x, y, z, strengths = (
        torch.from_numpy(np.ascontiguousarray(values)).to("cuda") for values in (*angles.T, carried)
    )
    modes = cufinufft.nufft3d1(x, y, z, strengths, grid.shape, isign=1, eps=ACCURACY)
    return modes.cpu().numpy()[box]


def direct_sum(
    positions_nm: Float64Array, weights: Complex128Array, grid: QGrid, box: Box, device: str
) -> Complex128Array:
    """Sum over the atoms as matrix products, for a GPU without a NUFFT.

    The phase of a voxel is a sum over its three indices, so its exponential is a product: for each
    frame one product of (rows, atoms) and (atoms, columns).

    Parameters
    ----------
    positions_nm : (n_atoms, 3).
    weights : (n_atoms,) complex.
    grid : the scattering vectors.
    box : the part of the grid to compute.
    device : of torch.

    Returns
    -------
    Complex amplitude on the voxels of `box`, from single precision.
    """
    import torch

    indices = [np.arange(n)[part] for n, part in zip(grid.shape, box, strict=True)]
    middle = np.array([index[len(index) // 2] for index in indices])
    carried, turns = _carry_phase(positions_nm, weights, grid, middle)
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
    carried, turns = _carry_phase(positions_nm, weights, grid, middle)
    steps = np.meshgrid(*[i - m for i, m in zip(indices, middle, strict=True)], indexing="ij")
    # PyNX sums exp(-2i pi h.x); ours has the other sign.
    h, k, l = (-step.astype(np.float32) for step in steps)  # noqa: E741
    x, y, z = np.ascontiguousarray(turns.T, dtype=np.float32)

    def sum_atoms(occupancy: Float64Array) -> Complex128Array:
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

    return sum_atoms(carried.real) + 1j * sum_atoms(carried.imag)


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
    """Compute the scattered amplitude ``sum_j w_j exp(2i pi q.r_j)`` of atoms.

    Parameters
    ----------
    positions_nm : (n_atoms, 3).
    grid : the scattering vectors q of the voxels.
    weights : (n_atoms,) complex, 1 where not given: a phase for each atom adds a displacement.
    engine : ``nufft`` (finufft; on a GPU cufinufft or direct summation), ``pynx`` (direct sum,
        single precision), or ``auto``: the faster one, which is ``nufft``.
    device : ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.
    box : the part of the grid to compute; the NUFFT computes all of it and cuts.

    Returns
    -------
    Complex amplitude on the voxels of `box`.

    Raises
    ------
    InputError
        The engine or the device is unknown.
    MissingEngineError
        The engine is not installed.

    Examples
    --------
    >>> grid = QGrid((4, 4, 4), np.array([2.0, 0, 0]), 0.1 * np.eye(3), np.array([2, 2, 2]))
    >>> amplitude = bragg_amplitude(np.array([[0, 0, 0], [0.5, 0, 0]]), grid, device="cpu")
    >>> bool(np.isclose(amplitude[2, 2, 2], 2))  # both atoms in phase at the Bragg peak
    True
    """
    name = "nufft" if engine == "auto" else engine
    if name not in ENGINES:
        raise InputError(f"engine is {engine!r}, expected auto, {' or '.join(ENGINES)}")
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device is {device!r}, expected auto, cpu or cuda")
    if device == "auto":
        device = "cuda" if _sees_gpu() else "cpu"
    if weights is None:
        weights = np.ones(len(positions_nm), dtype=complex)
    return ENGINES[name](positions_nm, weights, grid, box, device)


def _sees_gpu() -> bool:
    """Whether there is a GPU; where none is to be seen, torch need not be loaded to say so."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        return False
    import torch

    return torch.cuda.is_available()


def strained_amplitude(
    positions_nm: Float64Array,
    grid: QGrid,
    strain_rad: float,
    rng: np.random.Generator,
    *,
    engine: str = "auto",
) -> Complex128Array:
    """Compute the scattered amplitude of a relaxed particle with a random slow strain.

    Parameters
    ----------
    positions_nm : (n_atoms, 3), about the particle's middle.
    grid : the scattering vectors of the voxels.
    strain_rad : range of the phase that the slow strain adds, in radians.
    rng : source of that phase.
    engine : as of `bragg_amplitude`.

    Returns
    -------
    (n_rock, n_y, n_x) complex128.

    Raises
    ------
    InputError
        The engine is unknown, or not installed (MissingEngineError).
    """
    size_nm = np.ptp(positions_nm, axis=0).max()
    phase_rad = smooth_phase(positions_nm * 2 / size_nm, strain_rad, rng)
    return bragg_amplitude(positions_nm, grid, weights=np.exp(1j * phase_rad), engine=engine)
