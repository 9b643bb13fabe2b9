"""How fast patterns are made: PyNX's sum against ours, and the stages of a pattern.

python -m benchmarks.simulation            # some minutes
python -m benchmarks.simulation --small    # under a minute
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import Complex128Array, Float64Array
from bcdi_inpaint.files.pattern_writing import write_patterns
from bcdi_inpaint.files.patterns import StoredPattern
from bcdi_inpaint.pynx_engine import opencl_works, pynx_version
from bcdi_inpaint.tables import format_table
from simulation import diffraction
from simulation.diffraction import bragg_amplitude
from simulation.q_grid import QGrid, rocking_steps
from simulation.realism import RealismConfig, measure
from simulation.recipe import Recipe, make_pattern
from simulation.relaxation import ELEMENTS
from simulation.shapes import fcc_atoms, wulff

SEED = 31


def particle_and_grid(n_atoms: int, side: int) -> tuple[Float64Array, QGrid]:
    """Atoms of a gold Wulff particle (n, 3) in nm, and a rocking scan of its 111 peak."""
    rng = np.random.default_rng(SEED)
    lattice_nm = ELEMENTS["Au"].lattice_constant_nm
    positions_nm = fcc_atoms(wulff(rng), lattice_nm, n_atoms, rng)
    reflection = np.array([1.0, 1.0, 1.0]) / lattice_nm
    steps = rocking_steps(positions_nm, reflection, np.array([5.0, 4.0, 4.0]), 0.12, rng)
    return positions_nm, QGrid((side,) * 3, reflection, steps, np.full(3, side / 2))


def timed(call: Callable[[], object], repeats: int = 3) -> tuple[float, object]:
    """Shortest of some runs in seconds, and the last result."""
    seconds, result = [], None
    for _ in range(repeats):
        started = time.perf_counter()
        result = call()
        seconds.append(time.perf_counter() - started)
    return min(seconds), result


def engines(n_atoms: int, side: int, boxes: dict[str, int]) -> list[dict[str, object]]:
    """Atoms x voxels a second of each engine, and how far it is from ours.

    PyNX sums a box in the middle, so that it takes seconds and not hours; its time is proportional
    to the voxels.
    """
    positions_nm, grid = particle_and_grid(n_atoms, side)
    weights = np.ones(len(positions_nm), dtype=complex)
    seconds, ours = timed(lambda: bragg_amplitude(positions_nm, grid, device="cpu"))
    assert isinstance(ours, np.ndarray)
    rate = len(positions_nm) * ours.size / seconds
    rows: list[dict[str, object]] = []
    works = opencl_works
    for language, half in boxes.items():
        if language == "opencl" and not works():
            print("PyNX finds no working OpenCL: not timed")
            continue
        middle = slice(side // 2 - half, side // 2 + half)
        box = (middle, middle, middle)
        diffraction.opencl_works = lambda language=language: language == "opencl"  # type: ignore[assignment]

        def pynx(box: tuple[slice, slice, slice] = box) -> Complex128Array:
            return bragg_amplitude(
                positions_nm, grid, weights=weights, engine="pynx", device="cpu", box=box
            )

        pynx()  # its kernels are compiled
        took, theirs = timed(pynx, 1)
        assert isinstance(theirs, np.ndarray)
        there = len(positions_nm) * theirs.size / took
        rows.append(
            {
                "engine": f"PyNX, {language}",
                "voxels": theirs.size,
                "seconds": took,
                "atoms x voxels / s": f"{there:.2g}",
                "ours is faster by": round(rate / there),
                "difference / peak": f"{np.abs(theirs - ours[box]).max() / len(positions_nm):.1e}",
            }
        )
    diffraction.opencl_works = works
    own: dict[str, object] = {
        "engine": "NUFFT (default)",
        "voxels": ours.size,
        "seconds": seconds,
        "atoms x voxels / s": f"{rate:.2g}",
    }
    return [*rows, own]


def stages(n_atoms: int, side: int) -> list[dict[str, object]]:
    """Where the time of one atomistic pattern goes, the particle being relaxed."""
    positions_nm, grid = particle_and_grid(n_atoms, side)
    rng = np.random.default_rng(SEED)
    seconds = {}
    seconds["NUFFT"], amplitude = timed(lambda: bragg_amplitude(positions_nm, grid, device="cpu"))
    assert isinstance(amplitude, np.ndarray)
    intensity = (np.abs(amplitude) ** 2).astype(np.float32)
    seconds["realism and Poisson noise"], measured = timed(
        lambda: measure(intensity, RealismConfig(smooth_share=1.0), rng)
    )
    seconds["Poisson noise alone"], _ = timed(lambda: rng.poisson(intensity / intensity.max()))
    with tempfile.TemporaryDirectory() as folder:
        stored = StoredPattern(
            index=0,
            expectation=measured.expectation,  # type: ignore[attr-defined]
            counts=measured.counts,  # type: ignore[attr-defined]
            bad=measured.bad,  # type: ignore[attr-defined]
            particle=None,
            parameters={},
            reflection_inv_nm=None,
            steps_inv_nm=None,
            centre=None,
        )
        path, recipe = Path(folder) / "pattern.h5", {"count": 1, "seed": 0, "shape": (side,) * 3}
        seconds["writing, compressed"], _ = timed(lambda: write_patterns(path, recipe, [stored]))
    total = sum(took for name, took in seconds.items() if name != "Poisson noise alone")
    rows: list[dict[str, object]] = [
        {"stage": name, "seconds": took, "share": f"{100 * took / total:.0f} %"}
        for name, took in seconds.items()
    ]
    rows.append({"stage": f"a pattern of {side}^3, {len(positions_nm)} atoms", "seconds": total})
    rows.append({"stage": "patterns an hour on one core", "seconds": round(3600 / total)})
    return rows


def continuous(side: int) -> str:
    """How many continuous patterns an hour, everything included but writing."""
    recipe = Recipe(count=1, seed=SEED, shape=(side,) * 3, atomistic_share=0)
    started = time.perf_counter()
    for index in range(5):
        make_pattern(recipe, index, None)
    took = (time.perf_counter() - started) / 5
    return f"continuous patterns of {side}^3: {3600 / took:.0f} an hour on one core"


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="20 000 atoms, 64^3")
    arguments = parser.parse_args()
    n_atoms, side = (20_000, 64) if arguments.small else (100_000, 128)
    boxes = {"cpu": 8, "opencl": 16} if arguments.small else {"cpu": 6, "opencl": 16}
    if pynx_version() is None:
        print("PyNX is not installed: ours alone is timed")
        boxes = {}
    columns = [
        "engine",
        "voxels",
        "seconds",
        "atoms x voxels / s",
        "ours is faster by",
        "difference / peak",
    ]
    print(format_table(engines(n_atoms, side, boxes), columns))
    print(format_table(stages(n_atoms, side), ["stage", "seconds", "share"]))
    print(continuous(side))


if __name__ == "__main__":
    main()
