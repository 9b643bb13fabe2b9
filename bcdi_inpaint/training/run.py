"""A training from its patterns to its weights."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import torch

from bcdi_inpaint.arrays import LogPatterns
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.network.kinds import KINDS
from bcdi_inpaint.network.weights import Model, load_model, save_weights
from bcdi_inpaint.training.checkpoint import check_checkpoint, load_past
from bcdi_inpaint.training.engine import pl
from bcdi_inpaint.training.finishing import Finish, finish
from bcdi_inpaint.training.history import HISTORY, draw_losses, read_history
from bcdi_inpaint.training.module import GapTraining
from bcdi_inpaint.training.plan import Plan
from bcdi_inpaint.training.processes import check_processes, exclusive_folder, is_first_process
from bcdi_inpaint.training.run_options import DEFAULT_OPTIONS, RunOptions
from bcdi_inpaint.training.sizes import check_size
from bcdi_inpaint.training.slab_store import stored_slabs
from bcdi_inpaint.training.slab_stream import SlabStream, Windows
from bcdi_inpaint.training.slabs import FixedSlabs, Slab, SlabSource
from bcdi_inpaint.training.step_training import check_room
from bcdi_inpaint.training.streams import Stream
from bcdi_inpaint.training.trainer import fit, make_trainer

LAST_CHECKPOINT = "last.ckpt"
"""The file in a training's folder from which it can be resumed."""


def train(
    plan: Plan,
    patterns: LogPatterns | None,
    held_out: LogPatterns | None,
    folder: Path,
    options: RunOptions = DEFAULT_OPTIONS,
    *,
    windows: Windows | None = None,
) -> Path:
    """Train a network as a plan says, and write its weights to a folder.

    Beside them are the checkpoints, the slabs, `metrics.csv` and `loss.png`.

    Parameters
    ----------
    plan : what to train, and how.
    patterns : (n, n_rock, n_y, n_x) log(1 + expected photons) to train on; None in all processes
        but the first (`is_first_process`), whose slabs they take, and for a plan with a feed.
    held_out : the same to validate and to calibrate on; None in all processes but the first.
    folder : of everything that is written; made if it is not there.
    options : devices, time, resuming.
    windows : the patterns to train on where the plan has a feed.

    Returns
    -------
    The path of the weights (.safetensors).

    Raises
    ------
    InputError
        There is a checkpoint and `resume` was not asked for, or none and it was; the checkpoint is
        broken or belongs to another plan; the patterns are too small for the patches, or for all
        gaps of the last step; the devices are not there, or the batch cannot be divided among them;
        no held-out pattern is bright enough to calibrate on: the weights alone are there then.
    """
    for name, given in (("patterns", patterns), ("held-out patterns", held_out)):
        if given is not None:
            check_size(plan, given.shape, name)
    if plan.training.last_step is not None and patterns is not None:
        check_room(patterns, plan.training.last_step, plan.training.seed)
    check_processes(plan, options.devices, options.nodes)
    checkpoint = _find_checkpoint(folder / LAST_CHECKPOINT, plan, options.resume)
    start = load_start(plan)
    folder.mkdir(parents=True, exist_ok=True)
    _quieten_lightning()
    pl.seed_everything(plan.training.seed, verbose=False)
    steps = plan.training.steps
    if options.stop_after is not None:
        steps = min(steps, options.stop_after)
    trainer = make_trainer(plan, folder, steps, options)
    with exclusive_folder(folder):
        at = options.slab_folder or folder
        slabs, unseen = prepare(patterns, held_out, plan, at, options.workers, options.quiet)
        source = SlabStream(windows, plan) if windows else FixedSlabs(slabs)
        module = _make_module(plan, source, unseen, start, options)
        done = _train_up_to(trainer, module, checkpoint, steps)
        path = folder / f"{plan.name}.safetensors"
        if trainer.is_global_zero:
            card, more = _card(plan, done, folder, start), Finish()
            if is_at_its_end(module, done) and held_out is not None:
                try:
                    more = finish(module.network, patterns, held_out, plan, folder, options)
                except InputError as error:  # no plan that would do better may go on from here
                    save_weights(path, module.network, card)
                    raise InputError(f"{error}; the weights alone are in {path}") from error
            elif not options.quiet:
                print(
                    f"stopped at {done} of {plan.training.steps} steps: what comes behind the last "
                    "one (calibrated intervals, the fill's last step) is not there yet"
                )
            card |= more.card
            save_weights(path, module.network, card, more.calibration, more.last_step)
    return path


def is_at_its_end(module: GapTraining, done: int) -> bool:
    """Whether a training ended as its plan says, by so many steps or by its own time."""
    return done >= module.plan.training.steps or module.time.is_over


def prepare(
    patterns: LogPatterns | Sequence[LogPatterns] | None,
    held_out: LogPatterns | Sequence[LogPatterns] | None,
    plan: Plan,
    folder: Path,
    workers: int = 0,
    quiet: bool = False,
) -> tuple[list[Slab], list[Slab]]:
    """Make the slabs to train on and to validate on, as far as a folder does not hold them.

    Only the first process makes slabs; the others wait for them. A plan with a feed has no slabs
    to train on here: it makes others in every epoch.

    Parameters
    ----------
    patterns : (n, *shape) or n times (*shape), log expectations to train on.
    held_out : the same to validate on.
    plan : what slabs to make, and how many.
    folder : where they are kept.
    workers : processes that prepare slabs; 0 for none but this one.
    quiet : show no progress.

    Returns
    -------
    The slabs to train on, and those to validate on.

    Raises
    ------
    InputError
        The folder holds slabs of another plan.
    """
    if not is_first_process():
        patterns, held_out = None, None
    n_train = plan.training.slabs if plan.feed is None else 0
    n_held_out = plan.training.validation_slabs
    slabs, unseen = folder / "slabs", folder / "unseen"
    return (
        stored_slabs(patterns, plan, n_train, Stream.SLABS, slabs, workers, quiet),
        stored_slabs(held_out, plan, n_held_out, Stream.VALIDATION_SLABS, unseen, workers, quiet),
    )


def adapt(module: GapTraining, *, device: str = "auto", minutes: float | None = None) -> int:
    """Train a module whose network has its first weights already, and leave nothing on disk.

    The network ends as the moving average of its weights. A training so short begins anew when it
    was interrupted.

    Parameters
    ----------
    module : the network, its plan and its slabs; its network is changed.
    device : ``auto``, ``cpu`` or ``cuda``.
    minutes : stop after this time; None for no limit.

    Returns
    -------
    How many steps it took.
    """
    _quieten_lightning()
    options = RunOptions(device=device, minutes=minutes, quiet=True)
    trainer = make_trainer(module.plan, None, module.plan.training.steps, options)
    fit(trainer, module, None)
    return int(trainer.global_step)


def _quieten_lightning() -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


def _find_checkpoint(last: Path, plan: Plan, resume: bool) -> Path | None:
    """The checkpoint to go on from; InputError where that is not what was asked for."""
    if last.exists() != resume:
        found = "not there: start without" if resume else "there already: give"
        raise InputError(f"checkpoint {last} is {found} --resume, or take another folder")
    if not resume:
        return None
    check_checkpoint(last, plan)
    return last


def load_start(plan: Plan) -> Model | None:
    """The weights that the plan begins with; InputError where their network is another one."""
    if plan.training.start is None:
        return None
    model = load_model(plan.training.start)
    both = model.network.config, plan.network
    theirs, ours = (json.loads(one.model_dump_json()) for one in both)
    differ = [key for key in theirs | ours if theirs.get(key) != ours.get(key)]
    if differ:
        has, wanted = (
            ", ".join(f"{key}: {one[key]}" for key in differ if key in one)
            for one in (theirs, ours)
        )
        raise InputError(
            f"training.start is {plan.training.start}, whose network has {has}, expected "
            f"{wanted} as planned: set network: {{{has}}}, take other weights, or leave it out"
        )
    return model


def _loaders(options: RunOptions) -> int:
    """Processes that cut patches, for each device: none on a CPU, whose cores are all at work."""
    on_gpu = choose_device(options.device).type == "cuda"
    return options.workers // options.devices if on_gpu else 0


def _make_module(
    plan: Plan,
    source: SlabSource,
    unseen: list[Slab],
    start: Model | None,
    options: RunOptions,
) -> GapTraining:
    """The module, with the weights that it starts from, in the fastest memory layout."""
    device = choose_device(options.device)
    module = GapTraining(plan, source, unseen, _loaders(options))
    if start is not None:
        module.network.load_state_dict(start.network.state_dict())
    # On a CPU group normalisation learns slowly so, and published networks have none.
    if plan.network.n_dim == 3 and (device.type == "cuda" or plan.network.kind != KINDS[0]):
        module.network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return module


def _train_up_to(
    trainer: pl.Trainer, module: GapTraining, checkpoint: Path | None, steps: int
) -> int:
    """Train up to a number of steps, from a checkpoint if there is one; how many are done then.

    Lightning does nothing where a checkpoint has them all, and leaves the last step's weights in
    the place of their average. One whose plan's time was over would take another step.
    """
    if checkpoint is not None:
        past = load_past(checkpoint)
        module.time.go_on(past.time)
        if past.steps >= steps or module.time.is_over:
            module.network.load_state_dict(past.average)
            return past.steps
    fit(trainer, module, checkpoint)
    return int(trainer.global_step)


def _card(plan: Plan, steps: int, folder: Path, start: Model | None) -> dict[str, object]:
    """What the weights' file says about their training; the losses are drawn as well."""
    rows = read_history(folder / HISTORY)
    draw_losses(folder / "loss.png", rows)
    losses = {row["step"]: row.get("val_loss") for row in rows}
    return {
        "plan": plan.model_dump(mode="json"),
        "steps": steps,
        "val_loss": losses.get(steps),
        **({} if start is None else {"start_sha256": start.sha256}),
    }
