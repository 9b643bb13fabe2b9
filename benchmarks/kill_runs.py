"""One run of a command in a process group of its own, disturbed or not."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.kill_jobs import Job

REPOSITORY = Path(__file__).resolve().parents[1]
SCRATCH = "scratch"  # the folder of the process's own temporary files, beside what is looked at

# Kills the process group before the n-th operation that changes a file in a folder.
_AIM = """
import os, signal, sys, atexit
aim, folder, told = int(os.environ["KILL_AT"]), os.environ["KILL_IN"], os.environ["KILL_TOLD"]
seen, own = 0, os.getpid()
def hook(event, given):
    global seen
    if event not in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"):
        return
    if not isinstance(given[0], (str, bytes, os.PathLike)):
        return
    if event == "open" and not given[2] & (os.O_WRONLY | os.O_RDWR):
        return
    place = given[1] if event == "os.rename" else given[0]
    if not os.path.abspath(os.fsdecode(place)).startswith(folder):
        return
    seen += 1
    if seen == aim:
        os.killpg(0, signal.SIGKILL)
sys.addaudithook(hook)
@atexit.register
def tell():
    if os.getpid() == own and aim < 0:
        descriptor = os.open(told, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.write(descriptor, b"%d\\n" % seen)
        os.close(descriptor)
"""


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it said on stderr."""

    status: int
    said: str
    seconds: float

    def complaint(self) -> str | None:
        """What is wrong with it as an error of the user's: not status 2, or not one line."""
        lines = self.said.strip().splitlines()
        ours = [line for line in lines if line.startswith("bcdi-inpaint:")]
        if self.status != 2 or len(ours) != 1 or "Traceback" in self.said:
            return f"status {self.status}, said {' | '.join(lines[-3:])[:300]!r}"
        return None


@contextmanager
def started(
    job: Job, folder: Path, again: bool = False, aim: int | None = None, **options: object
) -> Iterator[subprocess.Popen[bytes]]:
    """The command at work in a process group of its own, which has ended when the context does."""
    scratch = folder / SCRATCH
    scratch.mkdir(exist_ok=True)
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(REPOSITORY),
        "TMPDIR": str(scratch),
        "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", tempfile.gettempdir()),
    }
    if aim is not None:
        (scratch / "sitecustomize.py").write_text(_AIM)
        environment |= {
            "PYTHONPATH": f"{scratch}:{REPOSITORY}",
            "KILL_AT": str(aim),
            "KILL_IN": str((folder / "out").absolute()),
            "KILL_TOLD": str(scratch / "operations"),
        }
    command = [sys.executable, "-m", "bcdi_inpaint", *job.arguments(folder, again)]
    with open(scratch / "said", "w+b") as said:
        process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=environment,
            process_group=0,  # of the same session, whose priority is meant for it too
            cwd=options.pop("cwd", REPOSITORY),
            **options,
        )
        try:
            yield process
        finally:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def complete(job: Job, folder: Path, again: bool = False, **options: object) -> Ended:
    """How the command ends that nobody disturbs."""
    begun = time.monotonic()
    with started(job, folder, again, **options) as process:
        status = process.wait()
    said = (folder / SCRATCH / "said").read_text(errors="replace")
    return Ended(status, said, time.monotonic() - begun)


def fresh(job: Job, folder: Path) -> Path:
    """A folder with the inputs of a job, and an empty one for its outputs."""
    folder.mkdir()
    job.write(folder)
    (folder / "out").mkdir()
    return folder


def inputs(folder: Path) -> dict[str, str]:
    """The hashes of the inputs."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in ("out", SCRATCH)
    }


def names(folder: Path) -> set[str]:
    """All files of the outputs."""
    out = folder / "out"
    return {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}


def differing(found: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> list[str]:
    """The outputs that say something else than an undisturbed run's, or nothing that it says."""
    bad = [name for name in found if name not in right]
    for name in sorted(set(found) & set(right)):
        mine, its = found[name], right[name]
        if mine.shape != its.shape or not np.allclose(
            mine, its, rtol=1e-4, atol=1e-6, equal_nan=True
        ):
            bad.append(name)
    return bad


@dataclass(frozen=True)
class Undisturbed:
    """What a job does where nothing happens to it."""

    arrays: dict[str, np.ndarray]
    names: set[str]
    seconds: float
    operations: int
    size: int


def undisturbed(job: Job, folder: Path) -> Undisturbed:
    """Run a job to its end, and count the file operations of its busiest process."""
    fresh(job, folder)
    ended = complete(job, folder, aim=-1)
    if ended.status != 0:
        raise SystemExit(f"{job.name} does not run: {ended.said}")
    size = sum((folder / "out" / name).stat().st_size for name in names(folder))
    operations = max(map(int, (folder / SCRATCH / "operations").read_text().split()))
    return Undisturbed(job.content(folder), names(folder), ended.seconds, operations, size)
