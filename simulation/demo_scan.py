"""The scan of the demonstration: a strained gold particle, its peak beside a gap of an EIGER2."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from bcdi_inpaint.arrays import (
    BoolArray,
    Complex64Array,
    Complex128Array,
    Float32Array,
    Float64Array,
)
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import write_scan
from bcdi_inpaint.gaps.detectors import DETECTORS, place_gaps
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.phasing.pynx_preset import Preset
from bcdi_inpaint.pynx_engine import opencl_works, pynx_version
from bcdi_inpaint.scan.boxes import Shape
from bcdi_inpaint.scan.scan import Metadata
from simulation.diffraction import bragg_amplitude
from simulation.particles import ParticleConfig, make_particle
from simulation.q_grid import QGrid, oversampled_steps
from simulation.relaxation import element

DETECTOR = DETECTORS["eiger2_4m"]
REFLECTION = (1, 1, -1)
"""It lies in part along the substrate, whose strain it therefore sees."""
AGREEMENT = 1e-5
"""Largest difference between PyNX and the NUFFT, relative to the peak: PyNX is single precision."""


@dataclass(frozen=True)
class DemoSettings:
    """What the demonstration simulates and phases; small enough for minutes on two cores.

    Attributes
    ----------
    shape : (n_rock, n_y, n_x) of the scan.
    roi : row and column of the detector where the scan's frames begin.
    peak : of the Bragg peak in voxels, beside the gap at columns 58:70.
    oversampling : ratio along each axis.
    n_atoms : of the particle.
    misfit : strain of the substrate against the particle, which bends its lattice.
    flux : expected photons in the brightest voxel.
    pynx_half : half the side of the box that PyNX sums, on OpenCL and on the plain CPU: some 20
        seconds each.
    phased : sides of the box that is phased.
    preset : cycles and starts of each retrieval.
    """

    shape: Shape = (128, 128, 128)
    roi: tuple[int, int] = (600, 970)
    peak: tuple[float, float, float] = (64.0, 64.0, 76.0)
    oversampling: tuple[float, float, float] = (4.0, 3.6, 3.6)
    n_atoms: int = 22_000
    misfit: float = 0.015
    flux: float = 1e6
    pynx_half: tuple[int, int] = (32, 16)
    phased: Shape = (96, 96, 96)
    preset: Preset = Preset(runs=3)


DEFAULT = DemoSettings()


@dataclass(frozen=True)
class Simulated:
    """A scan of which everything is known; all arrays (n_rock, n_y, n_x).

    `amplitude` is the complex scattered amplitude, `expectation` the expected photons, `counts`
    the measured ones, also in the gap; `gap` is True where the detector sees nothing. Column a of
    `steps_inv_nm` (3, 3) is the step along array axis a.
    """

    amplitude: Complex128Array
    expectation: Float32Array
    counts: Float32Array
    gap: BoolArray
    steps_inv_nm: Float64Array

    def voxel_nm(self, shape: Shape) -> tuple[float, float]:
        """Sides along rows and columns of the voxels of an object that is phased in such a box."""
        sides = np.linalg.norm(np.linalg.inv(self.steps_inv_nm), axis=1) / shape
        return float(sides[1]), float(sides[2])

    @property
    def object(self) -> Complex64Array:
        """The particle as the whole scan resolves it, its middle in the array's."""
        seen = np.fft.ifftshift(self.amplitude)
        return np.fft.fftshift(np.fft.ifftn(seen)).astype(np.complex64)


@contextmanager
def report_stage(name: str) -> Iterator[None]:
    """Say what is being done and, when it is, how long it took."""
    started = time.monotonic()
    print(f"- {name} ...", flush=True)
    yield
    print(f"  {time.monotonic() - started:.0f} s", flush=True)


def simulate(seed: int, settings: DemoSettings = DEFAULT) -> Simulated:
    """A gold particle on a substrate that strains it, its peak beside a gap of 12 pixels."""
    rng = np.random.default_rng(seed)
    with report_stage(f"LAMMPS relaxes {settings.n_atoms} gold atoms on a substrate"):
        particle = make_particle(_particle(settings), rng)
    gold, relaxed = element(particle.element), particle.relaxed
    reflection = np.array(REFLECTION) / gold.lattice_constant_nm
    moved_rad = 2 * np.pi * relaxed.displacement_nm @ reflection
    print(f"  strain turns the phase by {np.std(moved_rad):.1f} rad (standard deviation)")
    positions_nm = relaxed.positions_nm - relaxed.positions_nm.mean(axis=0)
    turn = Rotation.random(rng=rng).as_matrix()
    steps = oversampled_steps(positions_nm, turn, np.array(settings.oversampling))
    grid = QGrid(settings.shape, reflection, steps, np.array(settings.peak))
    amplitude = _amplitude(positions_nm, grid, settings)
    intensity = np.abs(amplitude) ** 2
    expectation = (intensity * (settings.flux / intensity.max())).astype(np.float32)
    gap = gap_mask(place_gaps(DETECTOR, settings.shape[1:], settings.roi), settings.shape)
    counts = rng.poisson(expectation).astype(np.float32)
    return Simulated(amplitude, expectation, counts, gap, steps)


def _particle(settings: DemoSettings) -> ParticleConfig:
    return ParticleConfig(
        shapes=("winterbottom",),
        n_atoms=(settings.n_atoms, settings.n_atoms),
        substrate_strain=(settings.misfit, settings.misfit),
        dislocation=0,
        twin=0,
        vacancies=0,
    )


def _amplitude(positions_nm: Float64Array, grid: QGrid, settings: DemoSettings) -> Complex128Array:
    """PyNX's sum in a box around the peak, as large as its engine allows; the rest by NUFFT.

    Where both were computed they are compared: InputError if they differ.
    """
    with report_stage("the Bragg peak by NUFFT"):
        amplitude = bragg_amplitude(positions_nm, grid)
    if pynx_version() is None:
        print("  PyNX is not there to check it (`make setup` gets it)")
        return amplitude
    fast = opencl_works()
    half = settings.pynx_half[0 if fast else 1]
    rock, y, x = (slice(int(c) - half, int(c) + half) for c in settings.peak)
    box = (rock, y, x)
    with report_stage(f"{2 * half}^3 voxels of it by PyNX on {'OpenCL' if fast else 'the CPU'}"):
        by_pynx = bragg_amplitude(positions_nm, grid, engine="pynx", box=box)
    difference = np.abs(by_pynx - amplitude[box]).max() / np.abs(amplitude).max()
    print(f"  largest difference between the two, relative to the peak: {difference:.1e}")
    if difference > AGREEMENT:
        raise InputError(
            f"PyNX and the NUFFT differ by {difference:.1e} of the peak, expected at most "
            f"{AGREEMENT:.0e}: check the installed PyNX with `make test`"
        )
    amplitude[box] = by_pynx
    return amplitude


def write_demo_scan(path: Path, scan: Simulated, seed: int, settings: DemoSettings) -> None:
    """Write the scan as a beamline would leave it: nothing in the gap, a mask over it.

    Parameters
    ----------
    path : the file to write; one that exists is replaced.
    scan : the scan.
    seed : of the scan, which the file records.
    settings : of the scan, which the file records.
    """
    write_scan(
        path,
        np.where(scan.gap, 0, scan.counts),
        scan.gap.astype(np.int8),
        Metadata(
            energy_ev=9000.0,
            distance_m=0.85,
            x_pixel_size_m=DETECTOR.pixel_size_m,
            y_pixel_size_m=DETECTOR.pixel_size_m,
            instrument="simulation",
            sample="gold particle",
        ),
        {"expectation": scan.expectation, "truth/object": scan.object},
        {"seed": seed, "n_atoms": settings.n_atoms, "flux": settings.flux},
        force=True,
    )
