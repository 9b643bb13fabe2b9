"""Several processes that train together, and what each of them takes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_only

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import locked
from bcdi_inpaint.training.plan import Plan


def share(order: Sequence[int], rank: int, world_size: int) -> list[int]:
    """What of `order` the process `rank` of `world_size` takes.

    Every `world_size`-th: the batches of all processes together are those of one process alone.
    """
    return list(order[rank::world_size])


def is_first_process() -> bool:
    """Whether this process is the one that writes: of several that train together, or alone."""
    # Where Slurm or torchrun start the processes, the rank is that among all nodes.
    rank: int = getattr(rank_zero_only, "rank", 0)
    return rank == 0 and os.environ.get("NODE_RANK", "0") == "0"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """A folder that no other training writes to meanwhile; InputError if one does."""
    if not is_first_process():
        yield
        return
    with ExitStack() as held:
        try:
            held.enter_context(locked(folder / "training.lock", wait=False))
        except BlockingIOError:
            raise InputError(
                f"another process is training in {folder}, expected none: wait for it, or take "
                "another folder"
            ) from None
        yield


def check_processes(plan: Plan, devices: int, nodes: int) -> None:
    """InputError for numbers of devices and nodes that a training cannot be divided among."""
    for name, value in (("devices", devices), ("nodes", nodes)):
        if value < 1:
            raise InputError(f"{name} is {value}, expected at least 1: leave out --{name}")
    n, training = devices * nodes, plan.training
    if plan.feed is not None and n > 1:
        raise InputError(
            f"{n} devices are asked for, expected 1 with a feed, whose patterns are in one "
            "process's memory: leave out --devices and --nodes, or take feed out of the plan"
        )
    if training.batch_size % n or training.validation_patches < n:
        raise InputError(
            f"training.batch_size is {training.batch_size} and training.validation_patches "
            f"{training.validation_patches}, expected a multiple of and at least the {n} devices, "
            "which share them: change the plan or --devices and --nodes"
        )
