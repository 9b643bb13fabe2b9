"""Lightning's trainer as a plan wants it: devices, checkpoints, time, Ctrl-C."""

from __future__ import annotations

import io
import signal
import sys
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint, Timer
from lightning.pytorch.callbacks.progress import TQDMProgressBar

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import replace_file
from bcdi_inpaint.training.history import HISTORY, History, PlainLines
from bcdi_inpaint.training.module import GapTraining
from bcdi_inpaint.training.plan import Plan


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints that have their name when they are complete, whatever ends the process.

    Lightning writes to the folder of temporary files, from where a file moves in one step only if
    that is on the same disk.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write a checkpoint; InputError where it cannot be written."""
        stream = io.BytesIO()
        torch.save(checkpoint, stream)
        replace_file(Path(path), stream.getbuffer())


class TimeLimit(Timer):
    """Ends a run after some time, which begins anew where a training is resumed."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Forget the time of the runs before."""


def _accelerator(device: str) -> str:
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device is 'cuda', but no GPU is there: use --device cpu or auto")
    return {"auto": "auto", "cpu": "cpu", "cuda": "gpu"}[device]


def trainer_of(
    plan: Plan,
    folder: Path | None,
    steps: int,
    *,
    device: str,
    devices: int,
    nodes: int,
    minutes: float | None,
    quiet: bool,
) -> pl.Trainer:
    """A trainer that writes checkpoints and history to a folder, or nothing where there is none.

    Raises InputError for absent devices.
    """
    on_terminal = sys.stderr.isatty() and not quiet
    callbacks: list[Callback] = [EMAWeightAveraging(decay=plan.training.average_decay)]
    if folder is not None:
        checkpoint = ModelCheckpoint(
            folder, filename="step-{step}", save_last=True, save_top_k=1, monitor="step", mode="max"
        )
        callbacks += [checkpoint, History(folder / HISTORY)]
    if minutes is not None:
        callbacks.append(TimeLimit(timedelta(minutes=minutes), verbose=False))
    if on_terminal:
        callbacks.append(TQDMProgressBar())
    elif not quiet:
        callbacks.append(PlainLines())
    try:
        return pl.Trainer(
            accelerator=_accelerator(device),
            devices=devices,
            num_nodes=nodes,
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
            callbacks=callbacks,
            logger=False,
            default_root_dir=folder,
        )
    except (MisconfigurationException, RuntimeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{devices} devices on {nodes} nodes cannot be had ({' '.join(str(error).split())}), "
            "expected what is there: give other --devices and --nodes"
        ) from error


def fit(trainer: pl.Trainer, module: GapTraining, checkpoint: Path | None) -> None:
    """Train; Ctrl-C stays a KeyboardInterrupt, which Lightning would make an exit of its own.

    And what a SIGTERM ends has the status of that, not that of success.
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
