"""A training from its patterns to its weights."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import torch

from bcdi_inpaint.arrays import LogPatterns
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import part_name
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.network.unet import GapUNet
from bcdi_inpaint.network.weights import Model, load_weights, save_weights
from bcdi_inpaint.training.calibrating import measure_calibration
from bcdi_inpaint.training.checkpoint import averaged, check_checkpoint
from bcdi_inpaint.training.history import HISTORY, draw_losses, read_history
from bcdi_inpaint.training.module import GapTraining
from bcdi_inpaint.training.patch_dataset import Slab
from bcdi_inpaint.training.plan import Plan
from bcdi_inpaint.training.processes import alone, check_processes, is_first_process
from bcdi_inpaint.training.slab_store import stored_slabs
from bcdi_inpaint.training.slab_stream import SlabStream, Windows
from bcdi_inpaint.training.trainer import fit, trainer_of


def check_size(plan: Plan, shape: tuple[int, ...]) -> None:
    """InputError for a shape of patterns, (n, *spatial), that no patch can be cut from."""
    size, n_dim = plan.patches.size, plan.network.n_dim
    if len(shape) != n_dim + 1 or not shape[0] or min(shape[1:]) < size:
        raise InputError(
            f"patterns have the shape {shape}, expected (n, ...) with {n_dim} sides of at "
            f"least {size}: make larger ones, or set patches.size and network.n_dim"
        )


def prepare(
    patterns: LogPatterns | Sequence[LogPatterns] | None,
    held_out: LogPatterns | Sequence[LogPatterns] | None,
    plan: Plan,
    folder: Path,
    workers: int = 0,
    quiet: bool = False,
) -> tuple[list[Slab], list[Slab]]:
    """The slabs to train on and to validate on, in `folder`; only the first process makes them.

    Of a plan with a feed there are none to train on: it makes others in every epoch.
    """
    if not is_first_process():
        patterns, held_out = None, None
    n_train = plan.training.slabs if plan.feed is None else 0
    n_held_out = plan.training.validation_slabs
    return (
        stored_slabs(patterns, plan, n_train, 3, folder / "slabs", workers, quiet),
        stored_slabs(held_out, plan, n_held_out, 4, folder / "unseen", workers, quiet),
    )


def train(
    plan: Plan,
    patterns: LogPatterns | None,
    held_out: LogPatterns | None,
    folder: Path,
    *,
    device: str = "auto",
    devices: int = 1,
    nodes: int = 1,
    minutes: float | None = None,
    stop_after: int | None = None,
    resume: bool = False,
    quiet: bool = False,
    workers: int = 0,
    slab_folder: Path | None = None,
    windows: Windows | None = None,
) -> Path:
    """Train as `plan` says, and return the path of the weights (safetensors) in `folder`.

    Beside them are the checkpoints, the slabs, `metrics.csv` and `loss.png`.

    Parameters
    ----------
    patterns, held_out : (n, n_rock, n_y, n_x) log expectations to train on and to validate on;
        None in all processes but the first (`is_first_process`), which take its slabs.
    devices, nodes : GPUs (or CPU processes) of each node, and how many nodes. A batch is divided
        among them: the plan means the same whatever their number.
    minutes, stop_after : stop after this time, or this many steps from the training's begin,
        before the plan's end; `resume` goes on from the last checkpoint.
    workers : processes that prepare slabs; 0 for none but this one.
    slab_folder : where slabs are kept, to share them with other trainings; `folder` by default.
    windows : the patterns to train on where the plan has a feed, in place of `patterns`.

    Raises InputError if there is a checkpoint and `resume` was not asked for, or none and it was,
    if the checkpoint is broken or belongs to another plan, if the patterns are too small for the
    patches, or for devices that are not there or that the batch cannot be divided among.
    """
    for given in (patterns, held_out):
        if given is not None:
            check_size(plan, given.shape)
    check_processes(plan, devices, nodes)
    last = folder / "last.ckpt"
    if last.exists() != resume:
        found = "not there: start without" if resume else "there already: give"
        raise InputError(f"checkpoint {last} is {found} --resume, or take another folder")
    if resume:
        check_checkpoint(last, plan)
    start = _start(plan)
    folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    pl.seed_everything(plan.training.seed, verbose=False)
    training = plan.training
    steps = training.steps if stop_after is None else min(stop_after, training.steps)
    trainer = trainer_of(
        plan,
        folder,
        steps,
        device=device,
        devices=devices,
        nodes=nodes,
        minutes=minutes,
        quiet=quiet,
    )
    with alone(folder):
        slabs, unseen = prepare(patterns, held_out, plan, slab_folder or folder, workers, quiet)
        module = GapTraining(plan, SlabStream(windows, plan) if windows else slabs, unseen)
        if start is not None:
            module.network.load_state_dict(start.network.state_dict())
        if plan.network.n_dim == 3:
            module.network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        done = _trained(trainer, module, last if resume else None, steps)
        path = folder / f"{plan.name}.safetensors"
        if trainer.is_global_zero:
            calibration = None
            if done >= training.steps and held_out is not None:
                calibration = _calibrated(module.network, held_out, plan, folder, device, quiet)
            card = _card(plan, done, folder, start)
            save_weights(path, module.network, card, calibration)
    return path


def _trained(trainer: pl.Trainer, module: GapTraining, last: Path | None, steps: int) -> int:
    """Train up to some steps, from a checkpoint if there is one; how many are done then.

    Lightning does nothing where a checkpoint has them all, and leaves the last step's weights in
    the place of their average.
    """
    if last is not None:
        done, average = averaged(last)
        if done >= steps:
            module.network.load_state_dict(average)
            return done
    fit(trainer, module, last)
    return int(trainer.global_step)


def _card(plan: Plan, steps: int, folder: Path, start: Model | None) -> dict[str, object]:
    """What the weights' file tells of their training, whose losses are drawn as well."""
    rows = read_history(folder / HISTORY)
    draw_losses(folder / "loss.png", rows)
    losses = {row["step"]: row.get("val_loss") for row in rows}
    return {
        "plan": plan.model_dump(mode="json"),
        "steps": steps,
        "val_loss": losses.get(steps),
        **({} if start is None else {"start_sha256": start.sha256}),
    }


def _start(plan: Plan) -> Model | None:
    """The weights that the plan begins with; InputError where their network is another one."""
    if plan.training.start is None:
        return None
    model = load_weights(plan.training.start)
    if model.network.config != plan.network:
        raise InputError(
            f"training.start is {plan.training.start}, whose network is {model.network.config}, "
            f"expected {plan.network}: take other weights, or leave it out"
        )
    return model


def _calibrated(
    network: GapUNet, held_out: LogPatterns, plan: Plan, folder: Path, device: str, quiet: bool
) -> Calibration | None:
    """The calibration of a network, as it will be loaded, on patterns not trained on."""
    if plan.network.n_dim != 3 or not plan.training.calibration_patterns:
        return None
    number = min(plan.training.calibration_patterns, len(held_out))
    chosen = held_out[np.linspace(0, len(held_out) - 1, number).round().astype(int)]
    rng = np.random.default_rng([plan.training.seed, 5])
    passing = folder / part_name()
    try:
        save_weights(passing, network, {})
        return measure_calibration(load_weights(passing), chosen, rng, device=device, quiet=quiet)
    finally:
        passing.unlink(missing_ok=True)


def adapt(module: GapTraining, *, device: str = "auto", minutes: float | None = None) -> int:
    """Train a module that is ready, its network's weights included; how many steps it took.

    The network ends as the moving average of its weights. Nothing is left on disk: a training so
    short begins anew when it was interrupted.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    trainer = trainer_of(
        module.plan,
        None,
        module.plan.training.steps,
        device=device,
        devices=1,
        nodes=1,
        minutes=minutes,
        quiet=True,
    )
    fit(trainer, module, None)
    return int(trainer.global_step)
