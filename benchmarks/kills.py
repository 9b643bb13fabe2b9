"""Killed, full, forbidden, twice: what the commands leave where they are cut short.

    python -m benchmarks.kills --command predict --moments 50 --seed 1

Each command runs on a small real input of its own. It is killed (SIGKILL, its whole process group)
at random moments of its run, and again just before single file operations, where faults would hide.
Each time: the inputs are as they were, whatever has its final name is whole, the same command once
more completes, and nothing unfinished is left then. Likewise on a disk that runs full, in a folder
that may not be written to, and with two processes at once. Faults are listed; the status is then 1.
"""

from __future__ import annotations

import argparse
import ctypes
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.kill_jobs import JOBS, Job, never_done, whole
from benchmarks.kill_runs import (
    SCRATCH,
    Ended,
    Undisturbed,
    complete,
    differing,
    fresh,
    inputs,
    kill,
    names,
    started,
    undisturbed,
)

# --- what may happen to it -----------------------------------------------------------------------


def after_kill(job: Job, folder: Path, right: Undisturbed, before: dict[str, str]) -> list[str]:
    """The faults of what a killed process has left, and of the run after it."""
    faults = []
    if inputs(folder) != before:
        faults.append("an input has changed")
    faults += _faults_of(job, folder, right, "left by the killed process")
    for path in (folder / SCRATCH).glob("*"):
        if path.name not in ("said", "sitecustomize.py", "operations", "__pycache__"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if job.done(folder):
        return faults
    ended = complete(job, folder, again=True)
    if ended.status != 0:
        return [*faults, f"the next run: status {ended.status}, {ended.said.strip()[-300:]!r}"]
    faults += _faults_of(job, folder, right, "of the next run")
    left = {_general(name) for name in names(folder)} ^ {_general(name) for name in right.names}
    if left:
        faults.append(f"files too many or too few after the next run: {sorted(left)}")
    if inputs(folder) != before:
        faults.append("an input has changed in the next run")
    return faults


def _general(name: str) -> str:
    """A checkpoint's name without its step, which depends on where a training was resumed."""
    return "step.ckpt" if name.endswith(".ckpt") and name.startswith("step") else name


def _faults_of(job: Job, folder: Path, right: Undisturbed, whose: str) -> list[str]:
    try:
        found = job.content(folder)
    except Exception as error:  # whatever it is, it is not whole
        return [f"not whole, {whose}: {type(error).__name__} {error}"]
    if job.name == "train" and "next" not in whose:  # weights of a training that goes on
        found = {name: array for name, array in found.items() if ".safetensors" not in name}
    bad = differing(found, right.arrays)
    return [f"other values, {whose}: {bad[:3]}"] if bad else []


def killed_at(job: Job, folder: Path, right: Undisturbed, after_s: float) -> list[str]:
    """The faults after a kill some seconds into the run."""
    before = inputs(fresh(job, folder))
    with started(job, folder) as process:
        try:
            process.wait(after_s)
        except subprocess.TimeoutExpired:
            kill(process)
    return after_kill(job, folder, right, before)


def killed_before(job: Job, folder: Path, right: Undisturbed, operation: int) -> list[str]:
    """The faults after a kill just before a file operation, counted from 1."""
    before = inputs(fresh(job, folder))
    with started(job, folder, aim=operation) as process:
        process.wait()
    return after_kill(job, folder, right, before)


def on_a_full_disk(job: Job, folder: Path, right: Undisturbed, size: int) -> list[str]:
    """The faults where there is room for `size` bytes, on a disk or in each file."""
    before = inputs(fresh(job, folder))
    limit = (resource.RLIMIT_FSIZE, (size, size))
    mounted = _mounted(folder / "out", size)
    with mounted or nullcontext():
        options = {} if mounted else {"preexec_fn": partial(resource.setrlimit, *limit)}
        ended = complete(job, folder, **options)
        faults = _faults_of(job, folder, right, "on a full disk")
        if ended.status != 0:
            complaint = ended.complaint()
            status_ok = complaint is None or (
                job.name in ("batch", "simulate") and ended.status == 1
            )
            if not status_ok or "Traceback" in ended.said:
                faults.append(f"full disk: {complaint}")
            faults += [f"full disk: {name} is left" for name in names(folder) if _unfinished(name)]
    if inputs(folder) != before:
        faults.append("full disk: an input has changed")
    return faults


def _unfinished(name: str) -> bool:
    return name.endswith((".part", ".tmp", ".new"))


def _mounted(folder: Path, size: int) -> object | None:
    """A small file system of its own in a folder, or None where that is not allowed."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={max(size, 4096)}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        return None
    if done.returncode:
        return None

    @contextmanager
    def until_the_end() -> Iterator[None]:
        try:
            yield
        finally:
            subprocess.run(["umount", str(folder)], check=True)

    return until_the_end()


def _like_others() -> None:
    """For `preexec_fn`: root, to whom nothing is forbidden, becomes an owner like any other."""
    drop, override, read_search = 24, 1, 2  # of prctl.h and capability.h
    for capability in (override, read_search):
        ctypes.CDLL(None).prctl(drop, capability, 0, 0, 0)


def where_forbidden(job: Job, folder: Path, right: Undisturbed) -> list[str] | None:
    """The faults where the folder of the outputs may not be written to; None where all may."""
    before = inputs(fresh(job, folder))
    out = folder / "out"
    out.chmod(0o555)
    probe = [sys.executable, "-c", f"import os; raise SystemExit(os.access({str(out)!r}, os.W_OK))"]
    if subprocess.run(probe, preexec_fn=_like_others, check=False).returncode:
        return None
    ended = complete(job, folder, preexec_fn=_like_others)
    faults = [] if names(folder) == set() else [f"forbidden: {sorted(names(folder))} were written"]
    complaint = ended.complaint()
    if complaint and not (job.name == "batch" and ended.status == 1):
        faults.append(f"forbidden: {complaint}")
    return faults if inputs(folder) == before else [*faults, "forbidden: an input has changed"]


def two_at_once(job: Job, folder: Path, right: Undisturbed) -> list[str]:
    """The faults of two processes with the same output: one wins, whole."""
    before = inputs(fresh(job, folder))
    second = Job(
        job.name, job.write, lambda _, again: job.arguments(folder, again), whole, never_done
    )
    beside = folder / SCRATCH / "second"
    beside.mkdir(parents=True)
    with started(job, folder) as one, started(second, beside) as two:
        statuses = one.wait(), two.wait()
    said = [(place / SCRATCH / "said").read_text(errors="replace") for place in (folder, beside)]
    faults = _faults_of(job, folder, right, "of two at once (next)")
    if 0 not in statuses:
        faults.append(f"two at once: statuses {statuses}, said {said}")
    for status, text in zip(statuses, said, strict=True):
        complaint = Ended(status, text, 0).complaint()
        if status != 0 and complaint and not (job.name == "batch" and status == 1):
            faults.append(f"two at once: {complaint}")
    faults += [f"two at once: {name} is left" for name in names(folder) if _unfinished(name)]
    if inputs(folder) != before:
        faults.append("two at once: an input has changed")
    return faults


# --- all of it -----------------------------------------------------------------------------------


def run(job: Job, folder: Path, moments: int, operations: int, seed: int) -> list[str]:
    """All faults of a job, each said when it is found."""
    rng = np.random.default_rng([seed, *job.name.encode()])
    right = undisturbed(job, folder / "undisturbed")
    say(
        f"{job.name}: {right.seconds:.1f} s undisturbed, {right.operations} file operations, "
        f"{right.size} bytes"
    )
    faults: list[str] = []

    def tell(what: str, found: list[str] | None, place: Path) -> None:
        if found is None:
            say(f"{job.name}, {what}: passed over, all folders may be written to here")
            return
        for fault in found:
            say(f"{job.name}, {what}: {fault}")
        faults.extend(found)
        shutil.rmtree(place, ignore_errors=True)

    for number in range(moments):
        after_s = float(rng.uniform(0, right.seconds))
        place = folder / f"moment{number}"
        tell(f"killed after {after_s:.2f} s", killed_at(job, place, right, after_s), place)
    chosen = rng.permutation(right.operations)[:operations] + 1
    for operation in sorted(map(int, chosen)):
        place = folder / f"operation{operation}"
        found = killed_before(job, place, right, operation)
        tell(f"killed before file operation {operation}", found, place)
    if moments + operations > 10:
        for share in (0.0, 0.2, 0.5, 0.8, 0.95):
            place, size = folder / f"full{share}", int(share * right.size)
            tell(f"room for {size} bytes", on_a_full_disk(job, place, right, size), place)
        place = folder / "forbidden"
        tell("folder without permission", where_forbidden(job, place, right), place)
        place = folder / "two"
        tell("two at once", two_at_once(job, place, right), place)
    say(f"{job.name}: {moments} moments, {len(chosen)} operations, {len(faults)} faults")
    return faults


def say(line: str) -> None:
    """A line at once, also in a log."""
    print(line, flush=True)


def main() -> None:
    """Run, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--command", choices=[*JOBS, "all"], default="all")
    parser.add_argument("--moments", type=int, default=50, help="random moments of a kill")
    parser.add_argument("--operations", type=int, default=30, help="file operations of a kill")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chosen = JOBS if given.command == "all" else {given.command: JOBS[given.command]}
    faults = []
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        for job in chosen.values():
            place = Path(name) / job.name
            place.mkdir()
            faults += run(job, place, given.moments, given.operations, given.seed)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
