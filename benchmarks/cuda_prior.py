"""What a fill costs and does in PyNX's own cycles on a GPU: `python benchmarks/cuda_prior.py`.

The same cycles run on this machine's GPU and on its CPU, with and without a prior, an even density
and a point spread function, from the same start with the same support. Printed is how far the
objects differ after 20 cycles, and what a cycle takes with and without. `--backend opencl
--any-device` takes PoCL, which is a CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

AGREEMENT = 1e-3
"""Relative difference of two backends' objects after 20 cycles that rounding may cause."""
LARGEST_RATIO = {"prior": 1.15, "interval": 1.15, "density": 1.3}
"""What a cycle with a prior, a bound or an even density may take of a plain one."""
SIGMA = 0.2


def scan(size: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Counts, mask of a cross, support and start of an ellipsoid, with the origin at index 0."""
    rng = np.random.default_rng(seed)
    axes = np.meshgrid(*[np.fft.fftfreq(size) * size] * 3, indexing="ij", sparse=True)
    z, y, x = (axis / (size * part) for axis, part in zip(axes, (0.14, 0.16, 0.18), strict=True))
    support = z**2 + y**2 + x**2 < 1
    obj = support * np.exp(1j * 1.5 * np.sin(3 * z + 2 * x) * np.cos(2 * y))
    icalc = np.abs(np.fft.fftn(obj)) ** 2
    counts = rng.poisson(icalc * (1e6 / icalc.max())).astype(np.float32)
    mask = np.zeros(counts.shape, bool)
    width, at = max(size // 32, 3), size // 12
    mask[:, at : at + width] = mask[:, :, at : at + width] = True
    start = support * rng.uniform(0, 1, support.shape) * np.exp(2j * np.pi * rng.random(mask.shape))
    start *= np.sqrt(counts[~mask].sum() / np.sum(np.abs(start) ** 2))
    guess = icalc * (1e6 / icalc.max()) * np.exp(rng.normal(0, SIGMA, mask.shape))
    return counts, mask, support, start.astype(np.complex64), guess.astype(np.float32)


def use_device(backend: str, any_device: bool) -> str:
    """Point PyNX at a device before its operators are imported; its name."""
    os.environ["PYNX_PU"] = backend
    from bcdi_inpaint.pynx_engine import import_pynx

    unit = import_pynx("processing_unit").default_processing_unit
    if backend == "cpu":
        unit.use_cpu()
        return "CPU"
    if backend == "opencl" and any_device:
        cl = sys.modules["pyopencl"]
        device = cl.get_platforms()[0].get_devices()[0]
        unit.use_opencl(cl_device=device, test_fft=False)
        return str(device.name)
    unit.select_gpu(language=backend, verbose=False)
    device = unit.cu_device if backend == "cuda" else unit.cl_device
    return str(device.name() if backend == "cuda" else device.name)


def run(size: int, cycles: int, psfs: list[bool], repeats: int) -> dict[str, Any]:
    """Cycles with and without a prior: the objects, and seconds a cycle of the best of repeats."""
    found: dict[str, Any] = {}
    for psf in psfs:
        found |= run_one(size, cycles, psf, repeats)
    return found


def run_one(size: int, cycles: int, psf: bool, repeats: int) -> dict[str, Any]:
    """`run` with or without a point spread function, which begins half-way and is updated."""
    from bcdi_inpaint.phasing.constraints import IntervalConstraint, PriorConstraint
    from bcdi_inpaint.phasing.density import DensitySettings
    from bcdi_inpaint.phasing.pynx_density import DENSITY, HeldDensity, heed_density
    from bcdi_inpaint.phasing.pynx_projection import CARRIED, HeldAmplitudes, heed_fills
    from bcdi_inpaint.pynx_engine import import_pynx

    heed_fills()
    heed_density()
    cdi_module = import_pynx("cdi")
    counts, mask, support, start, guess = scan(size)
    shift = np.fft.fftshift
    sigma = np.where(shift(mask), SIGMA, np.inf)
    constraints = {
        "plain": None,
        "prior": PriorConstraint(shift(guess), sigma),
        "interval": IntervalConstraint(shift(guess) / 1.5, shift(guess) * 1.5),
        "density": None,
    }
    found: dict[str, Any] = {}
    scans: dict[str, Any] = {}
    for zero_mask in (0, 1):
        for name, constraint in constraints.items():
            label = f"{name}{'_psf' * psf}{'_zero_mask' * zero_mask}"
            cdi = cdi_module.CDI(
                np.where(mask, 0, counts),
                mask=mask.astype(np.int8),
                support=support,
                obj=start.copy(),
            )
            if constraint is not None:
                known = constraint.on_amplitudes(shift(mask))
                setattr(cdi, CARRIED, HeldAmplitudes(known, cycles=cycles))
            if name == "density":
                setattr(cdi, DENSITY, HeldDensity(DensitySettings(strength=0.3, margin=1), 0))
            cdi = cdi_module.RAAR(zero_mask=zero_mask) ** (cycles - cycles // 2) * cdi
            if psf:
                cdi = cdi_module.InitPSF(model="pseudo-voigt", fwhm=1.0, eta=0.05) * cdi
            last = cdi_module.ER(zero_mask=zero_mask, update_psf=5 * psf) ** (cycles // 2)
            cdi = last * cdi
            found[f"obj_{label}"] = cdi.get_obj().copy()
            if repeats and not zero_mask:
                scans[name] = cdi
    return found | timed(cdi_module, scans, repeats)


def timed(cdi_module: Any, scans: dict[str, Any], repeats: int, cycles: int = 100) -> Any:
    """Seconds that a cycle of RAAR takes, the best of several goes, which take turns."""
    unit = cdi_module.default_processing_unit
    best = {f"seconds_{name}": np.inf for name in scans}
    for _ in range(repeats):
        for name, cdi in scans.items():
            unit.synchronize()
            begin = time.perf_counter()
            scans[name] = cdi_module.RAAR() ** cycles * cdi
            unit.synchronize()
            taken = (time.perf_counter() - begin) / cycles
            best[f"seconds_{name}"] = min(best[f"seconds_{name}"], taken)
    return best


def apart(
    options: argparse.Namespace, backend: str, size: int, psfs: list[bool], repeats: int
) -> Any:
    """`run` in a process of its own, since PyNX takes its backend when it is imported."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "found.npz"
        work = {"size": size, "cycles": options.cycles, "psfs": psfs, "repeats": repeats}
        flags = ["--any-device"] if options.any_device else []
        command = [sys.executable, "-W", "ignore", __file__, "--backend", backend, *flags]
        command += ["--work", json.dumps(work), "--target", str(target)]
        subprocess.run(command, check=True, timeout=options.timeout)
        with np.load(target) as stored:
            return dict(stored)


def compare(options: argparse.Namespace) -> bool:
    """Print the tables; whether everything is as it should be."""
    good = True
    print(f"objects after {options.cycles} cycles, against PyNX's CPU backend")
    here = apart(options, "cpu", options.size, [False, True], 0)
    there = apart(options, options.backend, options.size, [False, True], 0)
    print("device:", there["device"])
    for name in (key for key in here if key.startswith("obj_")):
        norm = np.linalg.norm(here[name])
        difference = float(np.linalg.norm(here[name] - there[name]) / norm)
        base = "_".join(["obj_plain", *name.split("_")[2:]])
        effect = float(np.linalg.norm(there[name] - there[base]) / norm)
        fine = difference <= AGREEMENT
        good &= fine
        print(
            f"  {options.size}^3 {name[4:]:20s} differs by {difference:.2e} "
            f"({'ok' if fine else f'above {AGREEMENT}'}), from no fill by {effect:.2e}",
            flush=True,
        )
    for size in options.timed:
        for psf in (False, True):
            times = apart(options, options.backend, size, [psf], options.repeats)
            plain = float(times["seconds_plain"])
            for name, largest in LARGEST_RATIO.items():
                ratio = float(times[f"seconds_{name}"]) / plain
                fine = ratio <= largest
                good &= fine
                print(
                    f"  {size}^3{' with a PSF' * psf}: a cycle {1e3 * plain:.3f} ms, with {name} "
                    f"{1e3 * ratio * plain:.3f} ms, ratio {ratio:.3f}"
                    f"{'' if fine else f' above {largest}'}",
                    flush=True,
                )
    print("all as it should be" if good else "NOT as it should be")
    return good


def main() -> None:
    """Read the command line; compare, or do one part of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", default="cuda", choices=("cuda", "opencl", "cpu"))
    parser.add_argument("--any-device", action="store_true", help="OpenCL: the first device")
    parser.add_argument("--size", type=int, default=64, help="of the compared arrays")
    parser.add_argument("--timed", type=int, nargs="*", default=[64, 128, 256])
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--timeout", type=float, default=240)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--target", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        device = use_device(options.backend, options.any_device)
        np.savez(options.target, device=device, **run(**json.loads(options.work)))
        return
    sys.exit(not compare(options))


if __name__ == "__main__":
    main()
