"""The trained networks of a study, from the cache where they are there."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open

from bcdi_inpaint.arrays import LogPatterns
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.network.weights import FORMAT_VERSION, Model, load_model
from bcdi_inpaint.safe_files import hold_lock
from bcdi_inpaint.studies.cache import key_of
from bcdi_inpaint.studies.contestants import OUR_KIND, Contestant
from bcdi_inpaint.training.processes import TRAINING_LOCK
from bcdi_inpaint.training.run_options import RunOptions


@dataclass(frozen=True)
class Trained:
    """A network of a study.

    Attributes
    ----------
    contestant : what it is.
    sha256 : of its weights.
    parameters : how many it has, those of its last step too.
    steps : of its training.
    model : its weights; None where they are gone and its fills were judged.
    """

    contestant: Contestant
    sha256: str
    parameters: int
    steps: int
    model: Model | None = None


def weights_path(contestant: Contestant, cache: Path, device: str = "cpu") -> Path:
    """Where the weights of a network are kept: another plan has other ones.

    So has a GPU where the plan is of so many minutes: it takes other steps in them than a CPU.

    Parameters
    ----------
    contestant : the network.
    cache : folder of weights and slabs.
    device : where it is trained: ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    InputError
        The device is not there.
    """
    plan = contestant.plan
    values = plan.model_dump(mode="json") | {"format": FORMAT_VERSION}
    if plan.training.last_step is None:  # plans had no such key once, and are the same
        del values["training"]["last_step"]
    if contestant.kind != OUR_KIND and plan.training.precision == "bf16-mixed":
        values["small_sides"] = "32"  # weights of before had false gradients there
    kind = choose_device(device).type
    if plan.training.minutes is not None and kind != "cpu":  # a CPU's are kept where they were
        values["device"] = kind
    return cache / "weights" / f"{plan.name}-{key_of(values)}.safetensors"


def train_networks(
    contestants: Sequence[Contestant],
    patterns: LogPatterns,
    held_out: LogPatterns,
    cache: Path,
    device: str = "auto",
    workers: int = 0,
) -> Iterator[Trained]:
    """Train networks on the same slabs, one after the other; those of the cache are not trained.

    A training that was killed begins anew, so that all have the same time. One that another process
    is at is waited for, and a line says so.

    Parameters
    ----------
    contestants : the networks.
    patterns, held_out : (n, *shape) log expectations to train and to validate on.
    cache : folder of weights and slabs; it is made.
    device : ``auto``, ``cpu`` or ``cuda``.
    workers : processes that prepare slabs, and patches for a GPU; 0 for none but this one.

    Yields
    ------
    Each network when it is there.
    """
    for contestant in contestants:
        path = weights_path(contestant, cache, device)
        if not path.exists():
            slabs = _slab_folder(contestant, path)
            options = RunOptions(device=device, workers=workers, quiet=True, slab_folder=slabs)
            with _alone(contestant, path):
                if not path.exists():  # another process may have trained it meanwhile
                    _train(contestant, patterns, held_out, path, options)
        yield _loaded(contestant, path)


def _loaded(contestant: Contestant, path: Path) -> Trained:
    model = load_model(path)
    parts = [part for part in (model.network, model.last_step) if part is not None]
    parameters = sum(parameter.numel() for part in parts for parameter in part.parameters())
    return Trained(contestant, model.sha256, parameters, _steps_of(path), model)


def _slab_folder(contestant: Contestant, path: Path) -> Path:
    """Where the slabs of a network are, which all share that learn from the same ones."""
    plan = contestant.plan
    made_from = [plan.patterns, plan.held_out, plan.patches.model_dump(), plan.training.seed]
    if plan.network.guess != "kriged":  # which slabs hold; kriged ones are kept where they were
        made_from.append(plan.network.guess)
    return path.parent / f"slabs-{key_of(made_from)}"


def _train(
    contestant: Contestant,
    patterns: LogPatterns,
    held_out: LogPatterns,
    path: Path,
    options: RunOptions,
) -> None:
    """Train into a folder of its own; only what took a step gets its place in the cache."""
    from bcdi_inpaint.training.run import train

    folder = path.with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)
    made = train(contestant.plan, patterns, held_out, folder, options)
    if _steps_of(made) < 1:
        raise InputError(
            f"training.minutes is {contestant.plan.training.minutes}, which {contestant.name} took "
            "no step in, expected time for one at least: give more"
        )
    made.replace(path)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(contestant: Contestant, path: Path) -> Iterator[None]:
    """Hold what one process alone may train, as long as it takes; wait for another that does.

    The lock lies beside the folder of the training, which is removed at both of its ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_suffix(".lock")
    with ExitStack() as held:
        try:
            held.enter_context(hold_lock(lock, wait=False))
        except BlockingIOError:
            print(f"{contestant.name}: waiting for {_holder(lock)}, which trains it", flush=True)
            held.enter_context(hold_lock(lock))
        lock.write_text(f"process {os.getpid()} on {socket.gethostname()}")
        _wait_for_training(contestant, path.with_suffix(""))
        yield


def _holder(lock: Path) -> str:
    """Who wrote that it holds a lock."""
    return lock.read_text() or "another process"


def _wait_for_training(contestant: Contestant, folder: Path) -> None:
    """Wait for a training in a folder that holds nothing but the folder, as `train` by itself."""
    try:
        with hold_lock(folder / TRAINING_LOCK, wait=False):
            return
    except FileNotFoundError:
        return
    except BlockingIOError:
        print(f"{contestant.name}: waiting for another process, which trains it", flush=True)
    with suppress(FileNotFoundError), hold_lock(folder / TRAINING_LOCK):
        pass


def _steps_of(path: Path) -> int:
    with safe_open(path, framework="pt") as file:
        return int(json.loads(file.metadata()["training"])["steps"])
