"""The trained networks of a study, from the cache where they are there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open

from bcdi_inpaint.arrays import LogPatterns
from bcdi_inpaint.network.weights import FORMAT_VERSION, Model, load_model
from bcdi_inpaint.studies.cache import key_of
from bcdi_inpaint.studies.contestants import Contestant
from bcdi_inpaint.training.run_options import RunOptions


@dataclass(frozen=True)
class Trained:
    """A network of a study, ready to fill.

    Attributes
    ----------
    contestant : what it is.
    model : its weights.
    steps : of its training.
    """

    contestant: Contestant
    model: Model
    steps: int

    @property
    def parameters(self) -> int:
        """How many it has, those of its last step too."""
        parts = [part for part in (self.model.network, self.model.last_step) if part is not None]
        return sum(parameter.numel() for part in parts for parameter in part.parameters())


def weights_path(contestant: Contestant, cache: Path) -> Path:
    """Where the weights of a network are kept: another plan has other ones."""
    plan = contestant.plan
    values = plan.model_dump(mode="json") | {"format": FORMAT_VERSION}
    if plan.training.last_step is None:  # plans had no such key once, and are the same
        del values["training"]["last_step"]
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

    A training that was killed begins anew, so that all have the same time.

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
        path = weights_path(contestant, cache)
        if not path.exists():
            slabs = _slab_folder(contestant, path)
            options = RunOptions(device=device, workers=workers, quiet=True, slab_folder=slabs)
            _train(contestant, patterns, held_out, path, options)
        yield Trained(contestant, load_model(path), _steps_of(path))


def _slab_folder(contestant: Contestant, path: Path) -> Path:
    """Where the slabs of a network are, which all share that learn from the same ones."""
    plan = contestant.plan
    made_from = [plan.patterns, plan.held_out, plan.patches.model_dump(), plan.training.seed]
    return path.parent / f"slabs-{key_of(made_from)}"


def _train(
    contestant: Contestant,
    patterns: LogPatterns,
    held_out: LogPatterns,
    path: Path,
    options: RunOptions,
) -> None:
    from bcdi_inpaint.training.run import train

    folder = path.with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)
    train(contestant.plan, patterns, held_out, folder, options).replace(path)
    shutil.rmtree(folder)


def _steps_of(path: Path) -> int:
    with safe_open(path, framework="pt") as file:
        return int(json.loads(file.metadata()["training"])["steps"])
