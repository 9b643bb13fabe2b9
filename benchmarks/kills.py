"""Killed, full, forbidden, twice: what the commands leave where they are cut short.

    python benchmarks/kills.py --command predict --moments 50 --seed 1

Each command runs on a small real input of its own. It is killed (SIGKILL, its whole process group)
at random moments of its run, and again just before single file operations, where faults would hide.
Each time: the inputs are as they were, whatever has its final name is whole, the same command once
more completes, and nothing unfinished is left then. Likewise on a disk that runs full, in a folder
that may not be written to, and with two processes at once. Faults are listed; the status is then 1.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

SHAPE = (8, 48, 44)
GAP = slice(20, 26)
SCRATCH = "scratch"  # the folder of the process's own temporary files, beside what is looked at
VARYING = ("date", "command", "job_sha256", "input_sha256")

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

RECIPE = """{count: %d, seed: %d, shape: [32, 40, 40], atomistic_share: 0,
  oversampling: [2.0, 2.5], realism: {flux: [1.0e5, 1.0e6]}}"""
PLAN = f"""
name: small
patterns: {RECIPE % (3, 0)}
held_out: {RECIPE % (2, 1)}
patches: {{size: 16, widths: [[2, 6]], shares: [1.0]}}
network: {{channels: [8, 8], dilations: [[1, 1], [1, 2]]}}
training: {{steps: 12, steps_per_epoch: 3, batch_size: 2, validation_patches: 2, slabs: 3,
  validation_slabs: 2, calibration_patterns: 1, warmup_steps: 1}}
"""


@dataclass(frozen=True)
class Job:
    """A command, its inputs, and what is right of its outputs.

    Attributes
    ----------
    write : makes the inputs in a folder.
    arguments : of the command in that folder; told whether an earlier run has left something.
    content : what an output says that has its final name, by name; raises where it is not whole.
    done : the outputs after which the same command has nothing left to do, and says so.
    """

    name: str
    write: Callable[[Path], None]
    arguments: Callable[[Path, bool], list[str]]
    content: Callable[[Path], dict[str, np.ndarray]]
    done: Callable[[Path], bool]


# --- the jobs ------------------------------------------------------------------------------------


def _counts(seed: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """A peak with fringes, Poisson counts of shape (n_rock, n_y, n_x)."""
    z, y, x = np.meshgrid(*[np.arange(n) - n / 2 for n in shape], indexing="ij")
    peak = 3000 / (1 + 0.02 * (z**2 + y**2 + x**2)) ** 1.5
    rng = np.random.default_rng(seed)
    return rng.poisson(peak * (1.2 + np.cos(0.9 * (y + x - z)))).astype(np.int32)


def _write_scan(path: Path, seed: int, shape: tuple[int, ...] = SHAPE, gap: slice = GAP) -> None:
    from bcdi_inpaint.files import write_scan

    counts = _counts(seed, shape)
    mask = np.zeros(shape, dtype=bool)
    mask[:, gap] = True
    write_scan(path, np.where(mask, 0, counts), mask)


def _write_model(folder: Path) -> None:
    import torch

    from bcdi_inpaint.network.unet import GapUNet, NetworkConfig
    from bcdi_inpaint.network.weights import save_weights

    torch.manual_seed(0)
    network = GapUNet(NetworkConfig(channels=(8, 8), dilations=((1, 1), (1, 2))))
    save_weights(folder / "in.safetensors", network, {})


def _write_one(folder: Path) -> None:
    _write_model(folder)
    _write_scan(folder / "scan.cxi", 0)


def _write_many(folder: Path) -> None:
    _write_model(folder)
    (folder / "night").mkdir()
    for number in range(3):
        _write_scan(folder / "night" / f"s{number}.cxi", number)


def _write_to_adapt(folder: Path) -> None:
    _write_model(folder)
    _write_scan(folder / "scan.cxi", 0, (34, 40, 40), slice(30, 33))


def _write_recipe(folder: Path) -> None:
    (folder / "recipe.yaml").write_text(RECIPE % (4, 0))


def _write_plan(folder: Path) -> None:
    (folder / "plan.yaml").write_text(PLAN)


def _predict(folder: Path, _: bool) -> list[str]:
    scan, model = str(folder / "scan.cxi"), str(folder / "in.safetensors")
    output = str(folder / "out" / "filled.cxi")
    return ["predict", scan, "--model", model, "--device", "cpu", "-o", output]


def _batch(folder: Path, _: bool) -> list[str]:
    model, output = str(folder / "in.safetensors"), str(folder / "out")
    options = ["--device", "cpu", "--format", "npz", "--plot", "--jobs", "2"]
    return ["predict", str(folder / "night"), "--model", model, "-o", output, *options]


def _simulate(folder: Path, _: bool) -> list[str]:
    output = str(folder / "out" / "patterns.h5")
    return ["simulate", str(folder / "recipe.yaml"), "-o", output, "--workers", "2"]


def _train(folder: Path, again: bool) -> list[str]:
    run = folder / "out"
    resume = ["--resume"] if again and (run / "last.ckpt").exists() else []
    options = ["--device", "cpu", "--workers", "1", *resume]
    return ["train", str(folder / "plan.yaml"), "-o", str(run), *options]


def _finetune(folder: Path, _: bool) -> list[str]:
    scan, model = str(folder / "scan.cxi"), str(folder / "in.safetensors")
    options = ["--steps", "12", "--device", "cpu"]
    return [
        "finetune", scan, "--model", model, "-o", str(folder / "out" / "mine.safetensors"), *options
    ]  # fmt: skip


def _arrays_of_cxi(path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}

    def take(name: str, node: object) -> None:
        is_array = isinstance(node, h5py.Dataset) and node.shape is not None
        if is_array and name.rsplit("/", 1)[-1] not in VARYING and node.dtype.kind in "biuf":
            found[name] = node[()]

    with h5py.File(path, "r") as file:
        file.visititems(take)
    return found


def _arrays_of_npz(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: a for name, a in archive.items() if a.dtype.kind in "biuf"}


def _arrays_of_patterns(path: Path) -> dict[str, np.ndarray]:
    from bcdi_inpaint.files.patterns import n_patterns, read_pattern

    found = {}
    for row in range(n_patterns(path)):
        pattern = read_pattern(path, row)
        found |= {f"{row}/{n}": getattr(pattern, n) for n in ("counts", "expectation", "bad")}
    return found


def _arrays_of_weights(path: Path) -> dict[str, np.ndarray]:
    from bcdi_inpaint.network.weights import load_weights

    state = load_weights(path).network.state_dict()
    return {name: tensor.numpy() for name, tensor in state.items()}


def _arrays_of_picture(path: Path) -> dict[str, np.ndarray]:
    from PIL import Image

    with Image.open(path) as picture:
        picture.load()
    return {}  # whole; matplotlib's metadata differ


def _arrays_of_checkpoint(path: Path) -> dict[str, np.ndarray]:
    import torch

    torch.load(path, map_location="cpu", weights_only=True)
    return {}


def _arrays_of_npy(path: Path) -> dict[str, np.ndarray]:
    return {"": np.load(path)}


_READERS: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {
    ".cxi": _arrays_of_cxi,
    ".npz": _arrays_of_npz,
    ".npy": _arrays_of_npy,
    ".h5": _arrays_of_patterns,
    ".png": _arrays_of_picture,
    ".ckpt": _arrays_of_checkpoint,
    ".safetensors": _arrays_of_weights,
}


def whole(folder: Path) -> dict[str, np.ndarray]:
    """All arrays of the outputs that have their final name; raises where one is not whole."""
    found = {}
    for path in sorted((folder / "out").rglob("*")):
        if path.name.startswith(".") or path.suffix not in _READERS or _is_part(path):
            continue
        found |= {
            f"{path.relative_to(folder)}:{name}": array
            for name, array in _READERS[path.suffix](path).items()
        }
    return found


def _is_part(path: Path) -> bool:
    """Whether a file is in a folder of parts, which the next run looks through by itself."""
    return any(parent.name.endswith(".parts") for parent in path.parents)


def _there(*names: str) -> Callable[[Path], bool]:
    return lambda folder: all((folder / "out" / name).exists() for name in names)


def _never(_: Path) -> bool:
    return False


JOBS = {
    job.name: job
    for job in (
        Job("predict", _write_one, _predict, whole, _there("filled.cxi")),
        Job("batch", _write_many, _batch, whole, _never),
        Job("simulate", _write_recipe, _simulate, whole, _never),
        Job("train", _write_plan, _train, whole, _never),
        Job("finetune", _write_to_adapt, _finetune, whole, _there("mine.safetensors")),
    )
}


# --- one run -------------------------------------------------------------------------------------


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
    second = Job(job.name, job.write, lambda _, again: job.arguments(folder, again), whole, _never)
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
