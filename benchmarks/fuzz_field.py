"""Scans as people bring them, given to `bcdi-inpaint predict`; part of `benchmarks.fuzz`.

    python -m benchmarks.fuzz_field 300 --seed 1

Right is: one line and status 2 with nothing written, or an output in which nothing that was made
empty amid light is a measured zero. The inputs stay as they were, and nothing else is left.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from benchmarks.field_files import write_odd
from benchmarks.field_scans import OddScan, make_odd

REPOSITORY = Path(__file__).resolve().parents[1]
DETECTOR = "entry_1/instrument_1/detector_1"
OUTPUT = "filled.cxi"
TIME_S = 60
"""Of the processor, for one scan."""
MEMORY_BYTES = 6 * 2**30
BATCH = 50
"""Scans to a process."""
STATUSES = (0, 2)
"""Filled, and refused."""

# One process fills many scans, one after another: most of the time goes into imports.
_READ = """
import contextlib, io, json, os, signal, sys
from bcdi_inpaint.cli import main
for line in open(sys.argv[1]):
    folder, arguments = json.loads(line)
    os.chdir(folder)
    signal.setitimer(signal.ITIMER_PROF, float(sys.argv[2]))
    status, out, err = 0, io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as error:
            status = error.code or 0
    print(json.dumps([status, err.getvalue()]), flush=True)
"""


@dataclass(frozen=True)
class Trial:
    """A scan in a folder of its own, and what it has to become."""

    number: int
    scan: OddScan
    way: str
    folder: Path
    arguments: list[str]
    before: dict[str, str]

    def __str__(self) -> str:
        return f"{self.number:06d} {self.scan.kind} in {self.way}: {' '.join(self.arguments)}"


@dataclass(frozen=True)
class FieldVerdict:
    """What became of a scan: ``filled``, ``refused``, or a fault."""

    trial: Trial
    what: str
    said: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether it is neither an output nor one line."""
        return self.what not in ("filled", "refused")


def set_up(number: int, seed: int, place: Path, kind: str | None = None) -> Trial:
    """Write a scan of a kind, or of any.

    Parameters
    ----------
    number : of the scan.
    seed : with the number it decides all.
    place : where its folder is made.
    kind : one of `field_scans.KINDS`.
    """
    rng = np.random.default_rng([seed, number])
    scan = make_odd(rng, kind)
    folder = place / f"{number:06d}"
    folder.mkdir()
    way, arguments = write_odd(scan, folder, rng)
    return Trial(number, scan, way, folder, arguments, _digests(folder))


def run(trials: list[Trial], model: Path) -> list[FieldVerdict]:
    """Fill scans in one process; what that dies of is a fault, and the next goes on."""
    common = ["predict", "-q", "--model", str(model), "--handover", "mask", "-o", OUTPUT]
    jobs = "".join(json.dumps([str(t.folder), [*common, *t.arguments]]) + "\n" for t in trials)
    with tempfile.NamedTemporaryFile("w", suffix=".jobs") as listed:
        listed.write(jobs)
        listed.flush()
        done = subprocess.run(
            [sys.executable, "-c", _READ, listed.name, str(TIME_S)],
            capture_output=True,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)},
            preexec_fn=partial(
                resource.setrlimit, resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES)
            ),
            check=False,
        )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    found = [_judge(trial, *answer) for trial, answer in zip(trials, answers, strict=False)]
    if len(found) == len(trials):
        return found
    last = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
    why = f"more than {TIME_S} s" if done.returncode == -signal.SIGPROF else last
    rest = trials[len(found) + 1 :]
    return [
        *found,
        FieldVerdict(trials[len(found)], why, done.stderr),
        *(run(rest, model) if rest else []),
    ]


def _judge(trial: Trial, status: int, said: str) -> FieldVerdict:
    verdict = partial(FieldVerdict, trial, said=said)
    after = _digests(trial.folder)
    has_output = after.pop(OUTPUT, None) is not None
    if {name: after.get(name) for name in trial.before} != trial.before:
        return verdict("an input has changed")
    if set(after) - set(trial.before):
        return verdict(f"left behind: {', '.join(sorted(set(after) - set(trial.before)))}")
    if status not in STATUSES:
        return verdict(f"status {status}: {said.strip().splitlines()[-1:]}")
    if status != 0:
        complaints = [line for line in said.splitlines() if line.startswith("bcdi-inpaint:")]
        if has_output or len(complaints) != 1:
            return verdict(f"{len(complaints)} lines of a refusal, output: {has_output}")
        return verdict("refused")
    return verdict(_left_as_zero(trial) if has_output else "status 0 without an output")


def _left_as_zero(trial: Trial) -> str:
    """``filled``, or how many voxels are measured zeros that were made empty amid light."""
    with h5py.File(trial.folder / OUTPUT) as file:
        node = file[DETECTOR]
        counts, filled = node["data"][()], node["filled"][()] != 0
        mask = node["mask"][()] != 0 if "mask" in node else np.zeros(counts.shape, dtype=bool)
    never = trial.scan.never_zero
    if counts.shape != never.shape:
        return f"an output of {counts.shape} of a scan of {never.shape}"
    zeros = never & ~filled & ~mask
    return f"{int(zeros.sum())} voxels are measured zeros" if zeros.any() else "filled"


def _digests(folder: Path) -> dict[str, str]:
    """The hash of every file below a folder by its name there."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def fuzz_field(
    numbers: range, seed: int, place: Path, model: Path, kind: str | None = None
) -> list[FieldVerdict]:
    """Fill scans as people bring them, and print what is wrong as it comes.

    Parameters
    ----------
    numbers : of the scans.
    seed : with the number it decides all of a scan.
    place : the folder in which they are written; they stay there.
    model : weights.
    kind : one of `field_scans.KINDS`; None for any.
    """
    found: list[FieldVerdict] = []
    for first in range(numbers.start, numbers.stop, BATCH):
        batch = range(first, min(first + BATCH, numbers.stop))
        found += run([set_up(number, seed, place, kind) for number in batch], model)
        for verdict in found[-len(batch) :]:
            if verdict.is_fault:
                print(f"{verdict.trial}: {verdict.what}", flush=True)
    return found


def main() -> None:
    """Run and report, by kind."""
    from benchmarks.fuzz import tiny_model

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int, help="scans")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first scan")
    parser.add_argument("--kind", help="one of benchmarks.field_scans.KINDS; default: any")
    parser.add_argument("--keep", type=Path, help="folder in which the scans stay")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = given.keep or Path(name)
        place.mkdir(exist_ok=True)
        numbers = range(given.first, given.first + given.n)
        found = fuzz_field(numbers, given.seed, place, tiny_model(Path(name)), given.kind)
    told = Counter("fault" if verdict.is_fault else verdict.what for verdict in found)
    print(", ".join(f"{count} {what}" for what, count in sorted(told.items())))
    sys.exit(1 if told["fault"] else 0)


if __name__ == "__main__":
    main()
