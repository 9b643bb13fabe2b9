"""Training the network, by Lightning: checkpoints, resume, mixed precision, devices."""

from __future__ import annotations

import logging
import math
import sys
import time
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.callbacks.progress import TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor
from torch.utils.data import DataLoader

from bcdi_inpaint.config import Plan
from bcdi_inpaint.dataset import LogPatterns, PatchDataset
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.losses import gap_loss
from bcdi_inpaint.network import GapUNet
from bcdi_inpaint.prefill import prefill
from bcdi_inpaint.weights import save_weights

Batch = tuple[Tensor, Tensor, Tensor, Tensor]


class GapTraining(pl.LightningModule):
    """The network with its loss, its optimiser and its patches.

    Every epoch draws its own patches from (seed, epoch), so a resumed run sees exactly what an
    uninterrupted one would.
    """

    def __init__(self, plan: Plan, patterns: LogPatterns, held_out: LogPatterns) -> None:
        super().__init__()
        self.plan = plan
        self.network = GapUNet(plan.network)
        self._patterns, self._held_out = patterns, held_out

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        """The weighted loss of one batch."""
        log_counts, unknown, truth, gap = batch
        terms = gap_loss(self.network(log_counts, unknown), truth, gap, self.plan.loss)
        self.log_dict(
            {f"train_{name}": term for name, term in terms.items()}, on_epoch=True, on_step=False
        )
        return terms["loss"]

    def validation_step(self, batch: Batch, _index: int) -> None:
        """The same on held-out patterns, beside that of the linear first guess."""
        log_counts, unknown, truth, gap = batch
        terms = gap_loss(self.network(log_counts, unknown), truth, gap, self.plan.loss)
        linear = gap_loss(prefill(log_counts, unknown), truth, gap, self.plan.loss)
        logged = {f"val_{name}": term for name, term in terms.items()}
        self.log_dict(logged | {"linear_loss": linear["loss"], "linear_mse": linear["mse"]})

    def configure_optimizers(self) -> Any:
        """AdamW; the rate warms up, then falls along a cosine to a hundredth."""
        training = self.plan.training
        optimizer = torch.optim.AdamW(
            self.parameters(), training.learning_rate, betas=(0.9, 0.99), weight_decay=1e-3
        )

        def factor(step: int) -> float:
            progress = min(step / training.steps, 1)
            cosine = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))
            return cosine * min(1, (step + 1) / max(training.warmup_steps, 1))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the plan, for `on_load_checkpoint` to compare."""
        checkpoint["plan"] = self.plan.model_dump(mode="json")

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse to go on by another plan than the one the checkpoint was trained by."""
        present = self.plan.model_dump(mode="json")
        for key, value in checkpoint.get("plan", present).items():
            if value != present[key]:
                raise InputError(
                    f"the checkpoint was trained by another plan, {key} was {value} and now is "
                    f"{present[key]}: resume with the same plan, or take another folder"
                )

    def train_dataloader(self) -> DataLoader[Batch]:
        """The patches of the present epoch; one that was interrupted goes on where it was.

        Lightning then takes as many batches as are missing, from the front: so those already seen
        are moved to the end.
        """
        training = self.plan.training
        count = training.batch_size * training.steps_per_epoch
        seen = training.batch_size * self.trainer.fit_loop.epoch_loop.batch_progress.current.ready
        order = [*range(seen, count), *range(seen)]
        seed = (training.seed, 1, self.current_epoch)
        return self._loader(self._patterns, count, seed, order)

    def val_dataloader(self) -> DataLoader[Batch]:
        """The same held-out patches every time."""
        training = self.plan.training
        return self._loader(self._held_out, training.validation_patches, (training.seed, 2))

    def _loader(
        self,
        patterns: LogPatterns,
        count: int,
        seed: tuple[int, ...],
        order: list[int] | None = None,
    ) -> DataLoader[Batch]:
        dataset = PatchDataset(patterns, self.plan.patches, count, seed)
        return DataLoader(dataset, self.plan.training.batch_size, sampler=order)


class PlainLines(Callback):
    """One line an epoch, for logs, where a bar would be a mess."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the step and the losses."""
        seen = {name: float(value) for name, value in trainer.callback_metrics.items()}
        minutes = (time.monotonic() - self._started) / 60
        print(
            f"step {trainer.global_step:6d}  {minutes:6.1f} min  "
            f"train {seen.get('train_loss', math.nan):.4f}  val {seen['val_loss']:.4f}  "
            f"(linear {seen['linear_loss']:.4f})  val mse {seen['val_mse']:.4f}  "
            f"(linear {seen['linear_mse']:.4f})",
            flush=True,
        )


def _accelerator(device: str) -> str:
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device is 'cuda', but no GPU is there: use --device cpu or auto")
    return {"auto": "auto", "cpu": "cpu", "cuda": "gpu"}[device]


def _trainer(
    plan: Plan, folder: Path, steps: int, *, device: str, minutes: float | None, quiet: bool
) -> pl.Trainer:
    on_terminal = sys.stderr.isatty() and not quiet
    checkpoint = ModelCheckpoint(
        folder, filename="step-{step}", save_last=True, save_top_k=1, monitor="step", mode="max"
    )
    callbacks: list[Callback] = [checkpoint, EMAWeightAveraging(decay=plan.training.average_decay)]
    if on_terminal:
        callbacks.append(TQDMProgressBar())
    elif not quiet:
        callbacks.append(PlainLines())
    return pl.Trainer(
        accelerator=_accelerator(device),
        precision=plan.training.precision,  # type: ignore[arg-type]
        max_steps=steps,
        max_time=None if minutes is None else timedelta(minutes=minutes),
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        gradient_clip_val=1.0,
        log_every_n_steps=1,
        enable_progress_bar=on_terminal,
        enable_model_summary=False,
        callbacks=callbacks,
        logger=CSVLogger(folder, name="", version=""),
        default_root_dir=folder,
    )


def _check_size(plan: Plan, patterns: LogPatterns) -> None:
    """InputError for patterns (n, *spatial) that no patch can be cut from."""
    size, n_dim = plan.patches.size, plan.network.n_dim
    if patterns.ndim != n_dim + 1 or not len(patterns) or min(patterns.shape[1:]) < size:
        raise InputError(
            f"patterns have the shape {patterns.shape}, expected (n, ...) with {n_dim} sides of at "
            f"least {size}: make larger ones, or set patches.size and network.n_dim"
        )


def train(
    plan: Plan,
    patterns: LogPatterns,
    held_out: LogPatterns,
    folder: Path,
    *,
    device: str = "auto",
    minutes: float | None = None,
    stop_after: int | None = None,
    resume: bool = False,
    quiet: bool = False,
) -> Path:
    """Train as `plan` says, and return the path of the weights (safetensors) in `folder`.

    Parameters
    ----------
    patterns, held_out : (n, n_rock, n_y, n_x) log expectations to train on and to validate on.
    minutes, stop_after : stop after this time, or this many steps, before the plan's end; `resume`
        goes on from the last checkpoint.

    Raises InputError if there is a checkpoint and `resume` was not asked for, or none and it was,
    if the checkpoint belongs to another plan, or if the patterns are too small for the patches.
    """
    _check_size(plan, patterns)
    _check_size(plan, held_out)
    last = folder / "last.ckpt"
    if last.exists() != resume:
        found = "not there: start without" if resume else "there already: give"
        raise InputError(f"checkpoint {last} is {found} --resume, or take another folder")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    pl.seed_everything(plan.training.seed, verbose=False)
    module = GapTraining(plan, patterns, held_out)
    if plan.network.n_dim == 3:
        module.network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    steps = plan.training.steps if stop_after is None else stop_after
    trainer = _trainer(plan, folder, steps, device=device, minutes=minutes, quiet=quiet)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        trainer.fit(module, ckpt_path=last if resume else None, weights_only=False)
    path = folder / f"{plan.name}.safetensors"
    card = {
        "plan": plan.model_dump(mode="json"),
        "steps": trainer.global_step,
        "val_loss": float(trainer.callback_metrics.get("val_loss", math.nan)),
    }
    save_weights(path, module.network, card)
    return path
