"""Slabs on disk: made once, kept, and shared by all trainings that need the same ones."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader

from bcdi_inpaint.arrays import LogPatterns
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.running.progress import with_progress
from bcdi_inpaint.safe_files import hold_lock, replace_file
from bcdi_inpaint.training.plan import Plan
from bcdi_inpaint.training.slabs import Slab, SlabDataset, load_slab, save_slab
from bcdi_inpaint.training.streams import Stream

WAIT_S = 1.0
"""Seconds between two looks for slabs that another process makes."""
MADE_FOR = "made_for.json"
"""The file in a folder of slabs that says which plan they are for."""


def stored_slabs(
    patterns: LogPatterns | Sequence[LogPatterns] | None,
    plan: Plan,
    count: int,
    stream: Stream,
    folder: Path,
    workers: int = 0,
    quiet: bool = False,
) -> list[Slab]:
    """`count` slabs in `folder`, made from the patterns where it does not hold them yet.

    They depend on the plan's recipes, patches, seed and first guess alone. One process makes them;
    others that want the same slabs wait for it, and go on with its work if it ends.

    Parameters
    ----------
    patterns : (n, *shape) or n times (*shape), log expectations; None in a process that only waits.
    plan : what slabs to make.
    count : how many.
    stream : the random stream, one for training and one for validation.
    folder : where they are kept; made if it is not there.
    workers : processes that prepare slabs; 0 for none but this one.
    quiet : show no progress.

    Returns
    -------
    The slabs, whose arrays stay on disk.

    Raises
    ------
    InputError
        The folder holds slabs of another plan.
    """
    paths = [folder / f"{index:06d}.npy" for index in range(count)]
    if patterns is not None:
        folder.mkdir(parents=True, exist_ok=True)
        with hold_lock(folder / "lock"):
            _claim(folder, plan)
            missing = [index for index, path in enumerate(paths) if not path.exists()]
            seed = (plan.training.seed, stream)
            dataset = SlabDataset(patterns, plan.patches, count, seed, plan.network.guess)
            n_workers = min(workers, len(missing))
            loader = DataLoader(dataset, batch_size=None, sampler=missing, num_workers=n_workers)
            slabs = with_progress(loader, folder.name, len(missing), quiet)
            for index, slab in zip(missing, slabs, strict=True):
                save_slab(paths[index], slab)
    while not all(path.exists() for path in paths):
        time.sleep(WAIT_S)
    return [load_slab(path) for path in paths]


def _claim(folder: Path, plan: Plan) -> None:
    """Write down which plan the folder's slabs are for; InputError if they are of another one."""
    path = folder / MADE_FOR
    wanted = _made_for(plan)
    if path.exists():
        past = {"guess": "kriged"} | json.loads(path.read_text())  # older ones name no guess
        for key, value in wanted.items():
            if past.get(key) != value:
                raise InputError(
                    f"{folder} holds slabs of another plan, {key} was {past.get(key)} and now is "
                    f"{value}: remove it, or take another folder"
                )
    else:
        replace_file(path, json.dumps(wanted).encode())


def _made_for(plan: Plan) -> dict[str, Any]:
    whole = plan.model_dump(mode="json")
    wanted = {key: whole[key] for key in ("patterns", "held_out", "patches")}
    return wanted | {"seed": plan.training.seed, "guess": plan.network.guess}
