"""How a training runs, apart from what its plan says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunOptions:
    """How a training runs: on what, how long, and with how many words.

    None of it changes what a plan means: a training that was stopped and resumed, or divided among
    devices, sees the same patches in the same order.

    Attributes
    ----------
    device : ``auto``, ``cpu`` or ``cuda``.
    devices, nodes : GPUs (or CPU processes) of each node, and how many nodes; they share a batch.
    minutes : stop after this time, before the plan's end; None for no limit.
    stop_after : stop after this many steps from the training's begin; None for no limit.
    resume : go on from the last checkpoint.
    workers : processes that prepare slabs, and that cut patches where a GPU trains; 0 for none but
        this one.
    quiet : neither a bar nor lines.
    slab_folder : where slabs are kept, to share them with other trainings; the training's own
        folder by default.

    Examples
    --------
    >>> RunOptions(device="cpu", minutes=10).devices
    1
    """

    device: str = "auto"
    devices: int = 1
    nodes: int = 1
    minutes: float | None = None
    stop_after: int | None = None
    resume: bool = False
    workers: int = 0
    quiet: bool = False
    slab_folder: Path | None = None


DEFAULT_OPTIONS = RunOptions()
"""On the first device that is there, to the plan's end, with a line or a bar."""
