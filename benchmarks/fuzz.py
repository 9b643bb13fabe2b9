"""Broken scans: what `bcdi-inpaint predict` makes of files that were damaged at random.

    python -m benchmarks.fuzz 1000 --seed 1 --jobs 2

Mutations of a CXI, an npz or a TIFF are read in processes with limits of time and memory; what one
dies of is a fault. Right is: one line and nothing written, or an output, whole; the input is as it
was. Anything else is listed with the file that it takes to see it again, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
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
TIME_S = 10
"""Of the processor, for one file; on a busy machine it may take some times that."""
WAIT_S = 120
MEMORY_BYTES = 4 * 2**30
BOMBS = 0.004
"""How often a file is small and its array is large: one takes as long as a hundred others."""
ODD_TYPES = ("S3", "c8", "f2", "i1", "u8", "f8", ">f4", "?", "V4")

# One process reads many files, one after another: most of the time goes into imports. What breaks
# a batch is read again alone.
_READ = """
import signal, sys
from pathlib import Path
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.jobs.predict import predict
from bcdi_inpaint.jobs.request import Request
for name in sys.argv[4:]:
    signal.setitimer(signal.ITIMER_PROF, float(sys.argv[2]))  # dies of it, wherever it is
    signal.alarm(int(sys.argv[3]))
    try:
        predict(Request(name, model=sys.argv[1]))
        print("filled", name, flush=True)
    except InputError as error:
        lines = str(error).splitlines()
        print("refused" if len(lines) == 1 else "many-lines", name, flush=True)
    except MemoryError:  # of which the command line says one line
        print("refused", name, flush=True)
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
    if rng.random() < BOMBS:
        kinds = [_bomb]
    kinds[int(rng.integers(len(kinds)))](good, path, rng)


def _bomb(good: Path, path: Path, rng: np.random.Generator) -> None:
    """A small file of a large array, all zeros or all ones."""
    shape = (int(rng.integers(1, 40)), *(int(n) for n in rng.integers(500, 4000, 2)))
    counts = np.full(shape, rng.integers(2), dtype=rng.choice(["u1", "u2"]))
    if good.suffix == ".cxi":
        path.write_bytes(good.read_bytes())
        with h5py.File(path, "a") as file:
            for name in ("data", "mask")[: int(rng.integers(1, 3))]:
                del file[f"{DETECTOR}/{name}"]
                file.create_dataset(f"{DETECTOR}/{name}", data=counts, compression="gzip")
    elif good.suffix == ".npz":
        np.savez_compressed(path, data=counts, mask=counts)
    else:
        tifffile.imwrite(path, counts, compression="zlib", photometric="minisblack")


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
    before = {path: path.read_bytes() for path in paths}
    limits_s = (str(TIME_S), str(WAIT_S))
    command = [sys.executable, "-c", _READ, str(model), *limits_s, *map(str, paths)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    limits = partial(resource.setrlimit, resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, preexec_fn=limits
    ) as process:
        out, err = process.communicate()
    said = [line.split()[0] for line in out.decode().splitlines()]
    found = [
        Verdict(path, _left(path, what, before[path]))
        for path, what in zip(paths, said, strict=False)
    ]
    if len(found) == len(paths):
        return found
    culprit, rest = paths[len(found)], paths[len(found) + 1 :]
    last = (err.decode(errors="replace").strip().splitlines() or ["nothing said"])[-1]
    hung = process.returncode in (-signal.SIGPROF, -signal.SIGALRM)
    why = f"more than {TIME_S} s" if hung else f"status {process.returncode}: {last}"
    return [*found, Verdict(culprit, why), *(judge(rest, model) if rest else [])]


def _left(path: Path, what: str, content: bytes) -> str:
    """What is to be said of a file by what is there after it was read: the same, or a fault."""
    output = path.with_name(f"{path.stem}_inpainted.cxi")
    if path.read_bytes() != content:
        return "the input has changed"
    if what != "filled":
        return "an output of a file that is refused" if output.exists() else what
    with suppress(OSError, KeyError), h5py.File(output) as file:
        if file[f"{DETECTOR}/data"].shape == file[f"{DETECTOR}/mask"].shape:
            return what
    return "an output that is not whole"


def run(n: int, seed: int, jobs: int, folder: Path, model: Path, batch: int = 250) -> list[Verdict]:
    """The verdicts of n mutations of each good file in turn."""
    good = write_good(folder)
    batches = [range(first, min(first + batch, n)) for first in range(0, n, batch)]
    judged = partial(_batch, good=good, seed=seed, folder=folder, model=model)
    with ThreadPoolExecutor(jobs) as pool:
        return [verdict for found in pool.map(judged, batches) for verdict in found]


def _batch(numbers: range, good: list[Path], seed: int, folder: Path, model: Path) -> list[Verdict]:
    """The verdicts of some mutations; their files are removed, but for those of faults."""
    place = folder / f"scans{numbers[0]}"
    place.mkdir()
    paths = []
    for number in numbers:
        source = good[number % len(good)]
        paths.append(place / f"{number:06d}{source.suffix}")
        mutate(source, paths[-1], np.random.default_rng([seed, number]))
    verdicts = judge(paths, model)
    verdicts += [Verdict(path, "unfinished") for path in place.glob(".bcdi-inpaint*")]
    faults = {verdict.path for verdict in verdicts if verdict.is_fault}
    for path in set(place.iterdir()) - faults:
        path.unlink()
    for verdict in verdicts:
        if verdict.is_fault:
            print(f"{verdict.path.name}: {verdict.what}", flush=True)
    print(f"{numbers[0]} to {numbers[-1]}: {len(faults)} faults", file=sys.stderr, flush=True)
    return verdicts


def tiny_model(folder: Path) -> Path:
    """Weights of a small network, so that those files that can be filled cost little."""
    from bcdi_inpaint.network.unet import GapUNet, NetworkConfig
    from bcdi_inpaint.network.weights import save_weights

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
    main()
