"""The main job from end to end on a simulated scan: simulate, fill, phase, compare.

Leaves a folder with the scan and the filled scan (CXI), one picture and a short table.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from bcdi_inpaint.arrays import BoolArray, Complex128Array, Float32Array, Float64Array
from bcdi_inpaint.classical.methods import METHODS
from bcdi_inpaint.errors import InputError, MissingEngineError
from bcdi_inpaint.evaluation.crystals.object_error import compare
from bcdi_inpaint.evaluation.scores import ceiling_share, score
from bcdi_inpaint.files import read_fill, read_scan, write_scan
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.gaps.detectors import DETECTORS, place_gaps
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.jobs.provenance import fill_in_file
from bcdi_inpaint.phasing.handover import HandOver, hand_over
from bcdi_inpaint.phasing.peak_box import crop_around_peak
from bcdi_inpaint.phasing.pynx_retrieval import retrieve_best
from bcdi_inpaint.plots import demo_panel
from bcdi_inpaint.pynx_engine import opencl_works, pynx_version
from bcdi_inpaint.scan.scan import Metadata
from bcdi_inpaint.tables import format_table
from simulation.diffraction import bragg_amplitude
from simulation.q_grid import QGrid, oversampled_steps
from simulation.relaxation import element, relax
from simulation.shapes import fcc_atoms, wulff

SHAPE = (128, 128, 128)
DETECTOR, ROI = DETECTORS["maxipix"], (194, 194)  # where the cropped array begins on the detector
PEAK = np.array([64.0, 73.0, 54.0])  # beside the gap cross at rows and columns 61:67
OVERSAMPLING = np.array([4.0, 3.6, 3.6])
N_ATOMS = 22_000
FLUX = 1e6
PYNX_HALF = {True: 32, False: 16}
"""Half the side of the box that PyNX sums, on OpenCL and on the plain CPU: some 20 s each."""
PHASED = (96, 96, 96)
STARTS = 3
HANDED_OVER = {"masked": "mask", "filled": "hard", "prior": "prior"}
"""Ways to phase the filled scan, by what the table calls them."""
AGREEMENT = 1e-5
"""Largest difference between PyNX and the NUFFT, relative to the peak: PyNX is single precision."""


@dataclass(frozen=True)
class Simulated:
    """A scan of which everything is known; all arrays (n_rock, n_y, n_x).

    `amplitude` is the complex scattered amplitude, `expectation` the expected photons, `counts`
    the measured ones, also in the gap; `gap` is True where the detector sees nothing.
    """

    amplitude: Complex128Array
    expectation: Float32Array
    counts: Float32Array
    gap: BoolArray


@contextmanager
def _stage(name: str) -> Iterator[None]:
    """Say what is being done and, when it is, how long it took."""
    started = time.monotonic()
    print(f"- {name} ...", flush=True)
    yield
    print(f"  {time.monotonic() - started:.0f} s", flush=True)


def simulate(seed: int) -> Simulated:
    """A relaxed gold particle's 111 peak on a MAXIPIX, its cross beside the peak."""
    rng = np.random.default_rng(seed)
    gold = element("Au")
    lattice_nm = fcc_atoms(wulff(rng), gold.lattice_constant_nm, N_ATOMS, rng)
    with _stage(f"LAMMPS relaxes {len(lattice_nm)} gold atoms"):
        relaxed = relax(lattice_nm, gold)
        moved_pm = 1000 * np.linalg.norm(relaxed.displacement_nm, axis=1)
        print(f"  displacements: {moved_pm.mean():.0f} pm mean, {moved_pm.max():.0f} pm at most")
    positions_nm = relaxed.positions_nm - relaxed.positions_nm.mean(axis=0)
    steps = oversampled_steps(positions_nm, Rotation.random(rng=rng).as_matrix(), OVERSAMPLING)
    reflection = np.array([1.0, 1.0, 1.0]) / gold.lattice_constant_nm
    grid = QGrid(SHAPE, reflection, steps, PEAK)
    amplitude = _amplitude(positions_nm, grid)
    intensity = np.abs(amplitude) ** 2
    expectation = (intensity * (FLUX / intensity.max())).astype(np.float32)
    gap = gap_mask(place_gaps(DETECTOR, SHAPE[1:], ROI), SHAPE)
    counts = rng.poisson(expectation).astype(np.float32)
    return Simulated(amplitude, expectation, counts, gap)


def _amplitude(positions_nm: Float64Array, grid: QGrid) -> Complex128Array:
    """PyNX's sum in a box around the peak, as large as its engine allows; the rest by NUFFT.

    Where both were computed they are compared: InputError if they differ.
    """
    with _stage("the Bragg peak by NUFFT"):
        amplitude = bragg_amplitude(positions_nm, grid)
    if pynx_version() is None:
        print("  PyNX is not there to check it (`make setup` gets it)")
        return amplitude
    fast = opencl_works()
    half = PYNX_HALF[fast]
    rock, y, x = (slice(int(c) - half, int(c) + half) for c in PEAK)
    box = (rock, y, x)
    with _stage(f"{2 * half}^3 voxels of it by PyNX on {'OpenCL' if fast else 'the CPU'}"):
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


def _write(path: Path, scan: Simulated, seed: int) -> None:
    """The scan as a beamline would leave it: nothing in the gap, a mask over it."""
    write_scan(
        path,
        np.where(scan.gap, 0, scan.counts),
        scan.gap.astype(np.int8),
        Metadata(
            energy_ev=9000.0,
            distance_m=0.85,
            x_pixel_size_m=55e-6,
            y_pixel_size_m=55e-6,
            instrument="simulation",
            sample="gold particle",
        ),
        {"expectation": scan.expectation},
        {"seed": seed, "n_atoms": N_ATOMS, "flux": FLUX},
        force=True,
    )


def _predict(scan_path: Path) -> Path:
    """`bcdi-inpaint predict --refine` on the file, as a user runs it; the path it wrote."""
    command = ["bcdi-inpaint", "predict", str(scan_path), "--refine", "--force", "-v"]
    print(f"$ {' '.join(command)}", flush=True)
    subprocess.run([sys.executable, "-m", "bcdi_inpaint", *command[1:]], check=True)
    return scan_path.with_name(f"{scan_path.stem}_inpainted.cxi")


def _fill_table(scan: Simulated, fills: dict[str, Float32Array], seconds: float) -> str:
    """How near each fill comes to the counts that were hidden."""
    scores = {
        name: score(scan.counts, fill, scan.gap)
        for name, fill in (fills | {"noise ceiling": scan.expectation}).items()
    }
    line, top = scores["linear"].pearson_log, scores["noise ceiling"].pearson_log
    rows = [
        [
            name,
            s.pearson_log,
            s.poisson_deviance,
            f"{100 * ceiling_share(s.pearson_log, line, top):.0f} %",
            f"{seconds:.1f}" if name == "ours" else "",
        ]
        for name, s in scores.items()
    ]
    columns = ["fill", "Pearson of log(1+counts)", "mean Poisson deviance", "of the way", "seconds"]
    return format_table(
        [dict(zip(columns, row, strict=True)) for row in rows], columns, style="markdown"
    )


def _phase(scan: Simulated, filled_path: Path, seed: int) -> tuple[str, dict[str, Complex128Array]]:
    """Phase the complete scan, and the filled one in some hand-overs; a table, and the objects.

    The objects are aligned with the true one, which is among them.
    """
    none = np.zeros_like(scan.gap)
    stored = read_fill(filled_path)
    assert stored is not None, "predict wrote it"
    fill = fill_in_file(str(filled_path), read_scan(filled_path).counts, stored)
    box = crop_around_peak(scan.counts, none, PHASED)
    cropped = np.fft.ifftshift(scan.amplitude[box])
    truth = np.fft.fftshift(np.fft.ifftn(cropped))  # the object as this box resolves it
    rows, objects = [], {"truth": truth}
    for label, name in {"complete": "", **HANDED_OVER}.items():
        complete = HandOver(label, scan.counts, none, none)
        handed = (hand_over(fill, scan.gap, none, name) if name else complete).crop(box)
        with _stage(f"PyNX phases: {label}, best of {STARTS} starts"):
            found = retrieve_best(
                handed.counts,
                handed.bad_mask,
                np.random.default_rng(seed),
                runs=STARTS,
                constraint=handed.constraint,
                release_after=handed.release_after,
                filled=handed.filled,
            )
        compared = compare(found.obj, truth)
        rows.append([label, compared.phase_rms_rad, compared.modulus_rms])
        objects[label] = compared.aligned
    columns = ["handed to PyNX", "phase error (rad, RMS)", "modulus error (relative, RMS)"]
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    return format_table(named, columns, style="markdown"), objects


def run(folder: Path, seed: int) -> None:
    """The whole demonstration, into `folder`; raises InputError for what a user can mend."""
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    scan = simulate(seed)
    scan_path = folder / "scan.cxi"
    _write(scan_path, scan, seed)
    filling = time.monotonic()
    filled_path = _predict(scan_path)
    filled = read_scan(filled_path).counts
    seconds = time.monotonic() - filling
    hidden = np.where(scan.gap, 0, scan.counts)
    fills = {name: METHODS[name](hidden, scan.gap) for name in ("linear", "cubic")}
    fills |= {"network alone": inpaint(hidden, scan.gap).counts, "ours": filled}
    tables = [_fill_table(scan, fills, seconds)]
    objects = None
    try:
        phased, objects = _phase(scan, filled_path, seed)
        tables.append(phased)
    except MissingEngineError as error:
        print(f"not phased: {error}")
    picture = folder / "demo.png"
    demo_panel(
        scan.counts,
        scan.gap,
        fills["linear"],
        filled,
        scan.expectation,
        reconstructions=objects,
        path=picture,
        force=True,
    )
    text = "\n\n".join(tables)
    (folder / "table.md").write_text(text + "\n")
    print(f"\n{text}\n\n{folder}: scan.cxi, scan_inpainted.cxi, {picture.name}, table.md")
    print(f"{time.monotonic() - started:.0f} s in all")


def main() -> None:
    """Command line of the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("demo"), help="folder")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    try:
        run(arguments.output, arguments.seed)
    except InputError as error:
        print(f"demo: {error}", file=sys.stderr)
        sys.exit(2)
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)


if __name__ == "__main__":
    main()
