"""Broken scans: what `bcdi-inpaint predict` makes of files that were damaged at random.

    python benchmarks/fuzz.py 1000 --seed 1 --jobs 2

Each mutation of a CXI, an npz or a TIFF is read in a process of its own with limits of time and
memory. Right is: one line and status 2, or an output, whole; anything else is listed with the file
that it takes to see it again, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import tifffile

REPOSITORY = Path(__file__).resolve().parents[1]
DETECTOR = "entry_1/instrument_1/detector_1"
SHAPE = (6, 40, 36)
TIME_S = 60
MEMORY_BYTES = 4 * 2**30
ODD_TYPES = ("S3", "c8", "f2", "i1", "u8", "f8", ">f4", "?", "V4")

# One process reads many files, one after another: most of the time goes into imports. What breaks
# a batch is read again alone.
_READ = """
import sys
from pathlib import Path
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.prediction import Request, predict
for name in sys.argv[2:]:
    try:
        predict(Request(name, model=sys.argv[1]))
        print("filled", name, flush=True)
    except InputError as error:
        lines = str(error).splitlines()
        print("refused" if len(lines) == 1 else "many-lines", name, flush=True)
"""


@dataclass(frozen=True)
class Verdict:
    """What became of a mutation: filled, refused, or a fault."""

    path: Path
    what: str

    @property
    def is_fault(self) -> bool:
        """Whether it is neither an output nor one line."""
        return self.what not in ("filled", "refused")


def write_good(folder: Path) -> list[Path]:
    """One intact scan of each format: level 300, a gap of 6 rows."""
    counts = np.full(SHAPE, 300, dtype=np.uint16)
    counts[:, 16:22] = 0
    mask = (counts == 0).astype(np.int8)
    paths = [folder / name for name in ("good.cxi", "good.npz", "good.tif")]
    with h5py.File(paths[0], "w") as file:
        file.create_dataset(f"{DETECTOR}/data", data=counts, chunks=(1, 40, 36), compression="gzip")
        file[f"{DETECTOR}/mask"] = mask
        file[f"{DETECTOR}/distance"] = 0.8
        file["entry_1/instrument_1/source_1/energy"] = 1.4e-15
        file["entry_1/sample_1/name"] = "gold"
        file["entry_1/data_1/data"] = h5py.SoftLink(f"/{DETECTOR}/data")
    np.savez_compressed(paths[1], data=counts, mask=mask)
    tifffile.imwrite(paths[2], counts, photometric="minisblack")
    return paths


def mutate(good: Path, path: Path, rng: np.random.Generator) -> None:
    """A damaged copy of a good file."""
    kinds: list[Callable[[Path, Path, np.random.Generator], None]] = [_flip, _truncate, _overwrite]
    if good.suffix == ".cxi":
        kinds += [_drop, _retype, _reshape, _relink, _relink]
    elif good.suffix == ".npz":
        kinds += [_other_arrays, _other_arrays]
    kinds[int(rng.integers(len(kinds)))](good, path, rng)


def _flip(good: Path, path: Path, rng: np.random.Generator) -> None:
    """Some bytes are others; half the time in the head, where they matter most."""
    content = np.frombuffer(good.read_bytes(), dtype=np.uint8).copy()
    end = len(content) if rng.random() < 0.5 else min(len(content), 2048)
    places = rng.integers(0, end, int(rng.integers(1, 20)))
    content[places] = rng.integers(0, 256, len(places))
    path.write_bytes(content.tobytes())


def _overwrite(good: Path, path: Path, rng: np.random.Generator) -> None:
    """A run of bytes is all ones or all zeros: huge numbers, lost pointers."""
    content = bytearray(good.read_bytes())
    start, length = int(rng.integers(0, len(content))), int(rng.integers(1, 64))
    run = content[start : start + length]
    content[start : start + length] = bytes([int(rng.choice([0, 255, 127]))]) * len(run)
    path.write_bytes(content)


def _truncate(good: Path, path: Path, rng: np.random.Generator) -> None:
    content = good.read_bytes()
    path.write_bytes(content[: int(rng.integers(0, len(content)))])


def _names(file: h5py.File) -> list[str]:
    names: list[str] = []
    file.visit(names.append)
    return names


def _drop(good: Path, path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(good.read_bytes())
    with h5py.File(path, "a") as file:
        del file[str(rng.choice(_names(file)))]


def _retype(good: Path, path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(good.read_bytes())
    with h5py.File(path, "a") as file:
        name = f"{DETECTOR}/{rng.choice(['data', 'mask', 'distance'])}"
        shape = file[name].shape
        del file[name]
        file.create_dataset(name, shape, str(rng.choice(ODD_TYPES)))


def _reshape(good: Path, path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(good.read_bytes())
    with h5py.File(path, "a") as file:
        name = f"{DETECTOR}/{rng.choice(['data', 'mask'])}"
        del file[name]
        n_axes = int(rng.integers(0, 5))
        shape = tuple(int(n) for n in rng.choice([0, 1, 2, 36, 40, 10**5, 2**31], n_axes))
        chunks = tuple(min(max(n, 1), 16) for n in shape)
        file.create_dataset(name, shape, "u2", chunks=chunks if shape and all(shape) else None)


def _relink(good: Path, path: Path, rng: np.random.Generator) -> None:
    """A link in a circle, to nowhere, or out of the folder; or a virtual data set."""
    path.write_bytes(good.read_bytes())
    outside = str(rng.choice(["/etc/passwd", "../good.cxi", path.name, "gone.h5", "/dev/zero"]))
    with h5py.File(path, "a") as file:
        name = f"{DETECTOR}/{rng.choice(['data', 'mask', 'distance'])}"
        del file[name]
        kind = int(rng.integers(4))
        if kind == 0:
            file[name] = h5py.SoftLink(f"/{name}")
        elif kind == 1:
            file[name] = h5py.ExternalLink(outside, f"/{name}")
        elif kind == 2:
            layout = h5py.VirtualLayout(shape=SHAPE, dtype="u2")
            layout[...] = h5py.VirtualSource(outside, name, shape=SHAPE)
            file.create_virtual_dataset(name, layout)
        else:
            file.create_dataset(name, SHAPE, "u2", external=[(outside, 0, 10**6)])


def _other_arrays(good: Path, path: Path, rng: np.random.Generator) -> None:
    """An npz whose header declares something else."""
    shape = tuple(int(n) for n in rng.choice([0, 1, 40, 10**6, 2**40], int(rng.integers(0, 5))))
    header = {"descr": str(rng.choice(["|u1", "<f8", "|O", "<c16"])), "shape": shape}
    with zipfile.ZipFile(path, "w") as archive, archive.open("data.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(stream, header | {"fortran_order": False})
        stream.write(rng.bytes(int(rng.integers(0, 4096))))


def judge(paths: list[Path], model: Path) -> list[Verdict]:
    """Verdicts of some files, read in one process; what it breaks at is read alone."""
    command = [sys.executable, "-c", _READ, str(model), *map(str, paths)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    limits = partial(resource.setrlimit, resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    timed_out = False
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, preexec_fn=limits
    ) as process:
        try:
            out, err = process.communicate(timeout=TIME_S + len(paths))
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            timed_out = True
    said = [line.split()[0] for line in out.decode().splitlines()]
    found = [Verdict(path, what) for path, what in zip(paths, said, strict=False)]
    if len(found) == len(paths):
        return found
    culprit, rest = paths[len(found)], paths[len(found) + 1 :]
    last = (err.decode(errors="replace").strip().splitlines() or ["nothing said"])[-1]
    why = f"more than {TIME_S} s" if timed_out else f"status {process.returncode}: {last}"
    return [*found, Verdict(culprit, why), *(judge(rest, model) if rest else [])]


def leftovers(folder: Path) -> list[Path]:
    """Unfinished files, and outputs that are not whole."""
    bad = list(folder.glob(".bcdi-inpaint*"))
    for path in folder.glob("*_inpainted.cxi"):
        with suppress(OSError, KeyError), h5py.File(path) as file:
            if file[f"{DETECTOR}/data"].shape == file[f"{DETECTOR}/mask"].shape:
                continue
        bad.append(path)
    return bad


def run(n: int, seed: int, jobs: int, folder: Path, model: Path, batch: int = 50) -> list[Verdict]:
    """The verdicts of n mutations of each good file in turn."""
    (folder / "scans").mkdir()
    good = write_good(folder)
    paths = []
    for number in range(n):
        source = good[number % len(good)]
        path = folder / "scans" / f"{number:06d}{source.suffix}"
        mutate(source, path, np.random.default_rng([seed, number]))
        paths.append(path)
    batches = [paths[first : first + batch] for first in range(0, n, batch)]
    with ThreadPoolExecutor(jobs) as pool:
        verdicts = [v for found in pool.map(partial(judge, model=model), batches) for v in found]
    return verdicts + [Verdict(path, "not whole") for path in leftovers(folder / "scans")]


def tiny_model(folder: Path) -> Path:
    """Weights of a small network, so that those files that can be filled cost little."""
    from bcdi_inpaint.network import GapUNet, NetworkConfig
    from bcdi_inpaint.weights import save_weights

    path = folder / "tiny.safetensors"
    save_weights(path, GapUNet(NetworkConfig(channels=(8, 8), dilations=((1, 1), (1, 2)))), {})
    return path


def main() -> None:
    """Run, report, and keep the files that show a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int, help="mutations")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-faults"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        verdicts = run(given.n, given.seed, given.jobs, folder, tiny_model(folder))
        faults = [verdict for verdict in verdicts if verdict.is_fault]
        for fault in faults:
            given.keep.mkdir(exist_ok=True)
            (given.keep / fault.path.name).write_bytes(fault.path.read_bytes())
            print(f"{given.keep / fault.path.name}: {fault.what}")
    told = Counter("fault" if verdict.is_fault else verdict.what for verdict in verdicts)
    print(", ".join(f"{count} {what}" for what, count in sorted(told.items())))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))
    main()
