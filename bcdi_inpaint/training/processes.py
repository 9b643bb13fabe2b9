"""Several processes that train together, and what each of them takes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.safe_files import hold_lock
from bcdi_inpaint.training.plan import Plan

TRAINING_LOCK = "training.lock"
"""The file of a training's folder that its process holds."""


def share(order: Sequence[int], rank: int, world_size: int) -> list[int]:
    """The part of an order that one of several processes takes: every `world_size`-th.

    So the batches of all processes together are what one process alone would take.

    Parameters
    ----------
    order : patches in the order in which they are taken.
    rank : the number of the process, from 0.
    world_size : how many processes there are.

    Examples
    --------
    >>> share([0, 1, 2, 3, 4, 5], rank=1, world_size=2)
    [1, 3, 5]
    """
    return list(order[rank::world_size])


def is_first_process() -> bool:
    """Whether this process is the one that writes, of those that train together or alone."""
    from bcdi_inpaint.training.engine import rank_zero_only

    # Where Slurm or torchrun start the processes, the rank is that among all nodes.
    rank: int = getattr(rank_zero_only, "rank", 0)
    return rank == 0 and os.environ.get("NODE_RANK", "0") == "0"


@contextmanager
def exclusive_folder(folder: Path) -> Iterator[None]:
    """Hold a folder, so that no other training writes to it meanwhile; InputError if one does."""
    if not is_first_process():
        yield
        return
    with ExitStack() as held:
        try:
            held.enter_context(hold_lock(folder / TRAINING_LOCK, wait=False))
        except BlockingIOError:
            raise InputError(
                f"another process is training in {folder}, expected none: wait for it, or take "
                "another folder"
            ) from None
        yield


def check_processes(plan: Plan, devices: int, nodes: int) -> None:
    """Refuse numbers of devices and nodes that a training cannot be divided among.

    Parameters
    ----------
    plan : of the training, whose batches are divided.
    devices : GPUs (or CPU processes) of each node.
    nodes : how many nodes.

    Raises
    ------
    InputError
        A number is below 1, a batch is no multiple of the devices, or there is a feed for several.
    """
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
