"""Lightning's trainer as a plan wants it: devices, checkpoints, time, Ctrl-C."""

from __future__ import annotations

import io
import signal
import sys
import warnings
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.safe_files import replace_file
from bcdi_inpaint.training.averaging import MovingAverage
from bcdi_inpaint.training.callbacks import History, NumbersOnly, PlainLines, PlanLimit
from bcdi_inpaint.training.engine import (
    Callback,
    MisconfigurationException,
    ModelCheckpoint,
    Timer,
    TorchCheckpointIO,
    TQDMProgressBar,
    pl,
)
from bcdi_inpaint.training.history import HISTORY
from bcdi_inpaint.training.module import GapTraining
from bcdi_inpaint.training.plan import Plan
from bcdi_inpaint.training.run_options import RunOptions


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints that have their name when they are complete, whatever ends the process.

    Lightning writes to the folder of temporary files, from where a file moves in one step only if
    that is on the same disk.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write a checkpoint whole; InputError where it cannot be written.

        Parameters
        ----------
        checkpoint : what Lightning stores.
        path : of the file.
        storage_options : not used.
        """
        stream = io.BytesIO()
        torch.save(checkpoint, stream)
        replace_file(Path(path), stream.getbuffer())


class TimeLimit(Timer):
    """Ends a run after the time it was given, which is counted anew where it is resumed."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Forget the time of the runs before."""


def _accelerator(device: str) -> str:
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device is 'cuda', but no GPU is there: use --device cpu or auto")
    return {"auto": "auto", "cpu": "cpu", "cuda": "gpu"}[device]


def make_trainer(plan: Plan, folder: Path | None, steps: int, options: RunOptions) -> pl.Trainer:
    """A trainer that writes checkpoints and history to a folder, or nothing where there is none.

    Parameters
    ----------
    plan : of the training.
    folder : of checkpoints and history; None for neither.
    steps : at which it stops.
    options : devices, time, and whether it is quiet.

    Returns
    -------
    Lightning's trainer.

    Raises
    ------
    InputError
        The devices are not there.
    """
    on_terminal = sys.stderr.isatty() and not options.quiet
    try:
        return pl.Trainer(
            accelerator=_accelerator(options.device),
            devices=options.devices,
            num_nodes=options.nodes,
            use_distributed_sampler=False,  # `share` divides the patches
            precision=plan.training.precision,  # type: ignore[arg-type]
            max_steps=steps,
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            gradient_clip_val=1.0,
            enable_progress_bar=on_terminal,
            enable_model_summary=False,
            enable_checkpointing=folder is not None,
            plugins=[WholeCheckpoints()],
            callbacks=list(_callbacks(plan, folder, options, on_terminal)),
            logger=False,
            default_root_dir=folder,
        )
    except (MisconfigurationException, RuntimeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{options.devices} devices on {options.nodes} nodes cannot be had "
            f"({' '.join(str(error).split())}), "
            "expected what is there: give other --devices and --nodes"
        ) from error


def _callbacks(
    plan: Plan, folder: Path | None, options: RunOptions, on_terminal: bool
) -> Iterator[Callback]:
    """The average of the weights, what is kept in the folder, the time limit, and the progress."""
    # What is only adapted, in no folder, or goes on from weights, begins with trained ones.
    is_new = folder is not None and plan.training.start is None
    yield MovingAverage(plan.training.average_decay, rises=is_new)
    yield NumbersOnly(plan)
    if folder is not None:
        yield ModelCheckpoint(
            folder, filename="step-{step}", save_last=True, save_top_k=1, monitor="step", mode="max"
        )
        yield History(folder / HISTORY)
    if options.minutes is not None:
        yield TimeLimit(timedelta(minutes=options.minutes), verbose=False)
    if plan.training.minutes is not None:
        yield PlanLimit(plan)
    if on_terminal:
        yield TQDMProgressBar()
    elif not options.quiet:
        yield PlainLines()


def fit(trainer: pl.Trainer, module: GapTraining, checkpoint: Path | None) -> None:
    """Train a module, from a checkpoint if there is one.

    Ctrl-C stays a KeyboardInterrupt, of which Lightning would make an exit of its own. A training
    that SIGTERM ends exits with the status of that signal, not with success.

    Parameters
    ----------
    trainer : as `make_trainer` made it.
    module : what is trained.
    checkpoint : to go on from; None to begin.
    """
    heeded = signal.getsignal(signal.SIGINT)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        try:
            trainer.fit(module, ckpt_path=checkpoint, weights_only=True)
        except SystemExit as stop:
            if isinstance(stop.__context__, KeyboardInterrupt):
                signal.signal(signal.SIGINT, heeded)
                raise KeyboardInterrupt from None
            raise SystemExit(stop.code or 128 + signal.SIGTERM) from None
