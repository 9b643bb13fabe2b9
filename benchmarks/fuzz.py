"""Broken scans: what `bcdi-inpaint predict` makes of files that were damaged at random.

    python -m benchmarks.fuzz 1000 --seed 1 --jobs 2

Mutations of a CXI, an npz or a TIFF are read in processes with limits of time and memory; what one
dies of is a fault. Right is: one line and nothing written, or an output, whole; the input is as it
was. Anything else is listed with the file that it takes to see it again, and the exit status is 1.
One scan in ten is no damaged file but one as people bring it; see `benchmarks.fuzz_field`.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from benchmarks.damaged_files import DETECTOR, mutate, write_good
from benchmarks.fuzz_field import fuzz_field

REPOSITORY = Path(__file__).resolve().parents[1]
TIME_S = 10
"""Of the processor, for one file; on a busy machine it may take some times that."""
WAIT_S = 120
MEMORY_BYTES = 4 * 2**30

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
        model = tiny_model(folder)
        verdicts = run(given.n, given.seed, given.jobs, folder, model)
        faults = [verdict for verdict in verdicts if verdict.is_fault]
        for fault in faults:
            given.keep.mkdir(exist_ok=True)
            (given.keep / fault.path.name).write_bytes(fault.path.read_bytes())
            print(f"{given.keep / fault.path.name}: {fault.what}")
        (folder / "field").mkdir()
        brought = fuzz_field(range(given.n // 10), given.seed, folder / "field", model)
    both = [*verdicts, *brought]
    told = Counter("fault" if verdict.is_fault else verdict.what for verdict in both)
    print(", ".join(f"{count} {what}" for what, count in sorted(told.items())))
    sys.exit(1 if told["fault"] else 0)


if __name__ == "__main__":
    main()
