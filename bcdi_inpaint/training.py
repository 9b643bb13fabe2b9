"""Training the network, by Lightning: checkpoints, resume, mixed precision, devices."""

from __future__ import annotations

import csv
import json
import logging
import math
import os
import pickle
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint, Timer
from lightning.pytorch.callbacks.progress import TQDMProgressBar
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor
from torch.utils.data import DataLoader

from bcdi_inpaint.calibration import Calibration
from bcdi_inpaint.config import Plan
from bcdi_inpaint.dataset import (
    LogPatterns,
    PatchDataset,
    Slab,
    SlabDataset,
    load_slab,
    save_slab,
)
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.losses import gap_loss
from bcdi_inpaint.network import GapUNet
from bcdi_inpaint.plots import loss_curve
from bcdi_inpaint.progress import told
from bcdi_inpaint.reliability import calibrated
from bcdi_inpaint.weights import load_weights, save_weights

Batch = tuple[Tensor, Tensor, Tensor]

HISTORY = "metrics.csv"
WAIT_S = 1.0
"""Between two looks for slabs that another process makes."""


class GapTraining(pl.LightningModule):
    """The network with its loss, its optimiser and its patches.

    Every epoch draws its own patches from (seed, epoch), so a resumed run sees exactly what an
    uninterrupted one would.
    """

    def __init__(self, plan: Plan, slabs: Sequence[Slab], held_out: Sequence[Slab]) -> None:
        super().__init__()
        self.plan = plan
        self.network = GapUNet(plan.network)
        self._slabs, self._held_out = slabs, held_out

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        """The weighted loss of one batch."""
        channels, truth, gap = batch
        prediction, scale = self.network(channels)
        terms = gap_loss(prediction, scale, truth, gap, self.plan.loss)
        self.log_dict(
            {f"train_{name}": term for name, term in terms.items()},
            on_epoch=True,
            on_step=False,
            sync_dist=True,
        )
        return terms["loss"]

    def validation_step(self, batch: Batch, _index: int) -> None:
        """The same on held-out patterns, beside that of the kriged first guess."""
        channels, truth, gap = batch
        prediction, scale = self.network(channels)
        terms = gap_loss(prediction, scale, truth, gap, self.plan.loss)
        guess = gap_loss(channels[:, :1], scale, truth, gap, self.plan.loss)
        logged = {f"val_{name}": term for name, term in terms.items()}
        self.log_dict(logged | {"guess_mse": guess["mse"]}, sync_dist=True)

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
        """Store the plan: no other one may go on from here."""
        checkpoint["plan"] = self.plan.model_dump(mode="json")

    def train_dataloader(self) -> DataLoader[Batch]:
        """The patches of the present epoch; one that was interrupted goes on where it was.

        Lightning then takes as many batches as are missing, from the front: so those already seen
        are moved to the end.
        """
        training = self.plan.training
        count = training.batch_size * training.steps_per_epoch
        seen = training.batch_size * self.trainer.fit_loop.epoch_loop.batch_progress.current.ready
        order = [*range(seen, count), *range(seen)]
        return self._loader(self._slabs, order, (training.seed, 1, self.current_epoch))

    def val_dataloader(self) -> DataLoader[Batch]:
        """The same held-out patches every time."""
        training = self.plan.training
        order = range(training.validation_patches)
        return self._loader(self._held_out, order, (training.seed, 2))

    def _loader(
        self, slabs: Sequence[Slab], order: Sequence[int], seed: tuple[int, ...]
    ) -> DataLoader[Batch]:
        """The share of the patches that this process takes, in its share of a batch."""
        dataset = PatchDataset(slabs, self.plan.patches, len(order), seed)
        rank, world_size = self.trainer.global_rank, self.trainer.world_size
        batch_size = self.plan.training.batch_size // world_size
        return DataLoader(dataset, batch_size, sampler=share(order, rank, world_size))


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


class PlainLines(Callback):
    """One line an epoch, for logs, where a bar would be a mess."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the step and the losses."""
        seen = _metrics(trainer)
        if not trainer.is_global_zero:
            return
        minutes = (time.monotonic() - self._started) / 60
        names = ("train_loss", "val_loss", "val_mse", "guess_mse", "val_likelihood")
        train, val, mse, guess, likelihood = (seen.get(name, math.nan) for name in names)
        print(
            f"step {trainer.global_step:6d}  {minutes:6.1f} min  train {train:.4f}  val {val:.4f}  "
            f"mse {mse:.4f} (kriged {guess:.4f})  likelihood {likelihood:.4f}",
            flush=True,
        )


class History(Callback):
    """`metrics.csv`: a row an epoch, also of the epochs before a training was resumed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add a row, in place of any of this step or later ones, of a run that was cut short."""
        row = {"step": trainer.global_step, "epoch": trainer.current_epoch, **_metrics(trainer)}
        if not trainer.is_global_zero:
            return
        rows = [old for old in read_history(self._path) if old["step"] < row["step"]]
        names = list(dict.fromkeys(name for each in (*rows, row) for name in each))
        part = self._path.with_name(self._path.name + ".part")
        with part.open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows([*rows, row])
        part.replace(self._path)


def _metrics(trainer: pl.Trainer) -> dict[str, float]:
    """What was logged, the same in all processes; every one of them has to ask."""
    return {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows of a `metrics.csv`, without what is empty; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [
            {name: float(cell) for name, cell in row.items() if cell}
            for row in csv.DictReader(file)
        ]


class TimeLimit(Timer):
    """Ends a run after some time, which begins anew where a training is resumed."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Forget the time of the runs before."""


def _accelerator(device: str) -> str:
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device is 'cuda', but no GPU is there: use --device cpu or auto")
    return {"auto": "auto", "cpu": "cpu", "cuda": "gpu"}[device]


def _trainer(
    plan: Plan,
    folder: Path,
    steps: int,
    *,
    device: str,
    devices: int,
    nodes: int,
    minutes: float | None,
    quiet: bool,
) -> pl.Trainer:
    on_terminal = sys.stderr.isatty() and not quiet
    checkpoint = ModelCheckpoint(
        folder, filename="step-{step}", save_last=True, save_top_k=1, monitor="step", mode="max"
    )
    average = EMAWeightAveraging(decay=plan.training.average_decay)
    callbacks: list[Callback] = [checkpoint, average, History(folder / HISTORY)]
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


def check_processes(plan: Plan, devices: int, nodes: int) -> None:
    """InputError for numbers of devices and nodes that a training cannot be divided among."""
    for name, value in (("devices", devices), ("nodes", nodes)):
        if value < 1:
            raise InputError(f"{name} is {value}, expected at least 1: leave out --{name}")
    n, training = devices * nodes, plan.training
    if training.batch_size % n or training.validation_patches < n:
        raise InputError(
            f"training.batch_size is {training.batch_size} and training.validation_patches "
            f"{training.validation_patches}, expected a multiple of and at least the {n} devices, "
            "which share them: change the plan or --devices and --nodes"
        )


def _check_checkpoint(path: Path, plan: Plan) -> None:
    """InputError for a checkpoint that a training by this plan cannot go on from."""
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        past, tensors = dict(checkpoint["plan"]), dict(checkpoint["state_dict"])
        shapes = {name: tensor.shape for name, tensor in tensors.items()}
    except (
        RuntimeError,
        OSError,
        EOFError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        pickle.UnpicklingError,
    ) as error:
        reason = (str(error).splitlines() or ["it ends too early"])[0]
        raise InputError(
            f"checkpoint {path} cannot be read ({reason}), expected a whole one: put a step-*.ckpt "
            "beside it in its place, or start anew in another folder"
        ) from error
    present = plan.model_dump(mode="json")
    for key, value in present.items():
        if past.get(key) != value:
            raise InputError(
                f"the checkpoint was trained by another plan, {key} was {past.get(key)} and now is "
                f"{value}: resume with the same plan, or take another folder"
            )
    with torch.device("meta"):
        network = GapUNet(plan.network)
    if shapes != {f"network.{name}": t.shape for name, t in network.state_dict().items()}:
        raise InputError(
            f"checkpoint {path} is of another version's network, expected this one's: start anew "
            "in another folder"
        )


def _check_size(plan: Plan, patterns: LogPatterns) -> None:
    """InputError for patterns (n, *spatial) that no patch can be cut from."""
    size, n_dim = plan.patches.size, plan.network.n_dim
    if patterns.ndim != n_dim + 1 or not len(patterns) or min(patterns.shape[1:]) < size:
        raise InputError(
            f"patterns have the shape {patterns.shape}, expected (n, ...) with {n_dim} sides of at "
            f"least {size}: make larger ones, or set patches.size and network.n_dim"
        )


def _slabs(
    patterns: LogPatterns | None,
    plan: Plan,
    count: int,
    stream: int,
    folder: Path,
    workers: int,
    quiet: bool,
) -> list[Slab]:
    """`count` slabs of the patterns in `folder`, made where it does not hold them yet.

    Only the first process makes them; the others wait for its.
    """
    paths = [folder / f"{index:06d}.npy" for index in range(count)]
    if patterns is not None and is_first_process():
        _claim(folder, plan)
        dataset = SlabDataset(patterns, plan.patches, count, (plan.training.seed, stream))
        missing = [index for index, path in enumerate(paths) if not path.exists()]
        n_workers = min(workers, len(missing))
        loader = DataLoader(dataset, batch_size=None, sampler=missing, num_workers=n_workers)
        slabs = told(loader, folder.name, len(missing), quiet)
        for index, slab in zip(missing, slabs, strict=True):
            save_slab(paths[index], slab)
    while not all(path.exists() for path in paths):
        time.sleep(WAIT_S)
    return [load_slab(path) for path in paths]


def _claim(folder: Path, plan: Plan) -> None:
    """Make a folder of slabs, or InputError if it holds those of another plan."""
    folder.mkdir(parents=True, exist_ok=True)
    told_in = folder / "made_for.json"
    whole = plan.model_dump(mode="json")
    wanted = {key: whole[key] for key in ("patterns", "held_out", "patches")}
    wanted["seed"] = plan.training.seed
    if told_in.exists():
        past = json.loads(told_in.read_text())
        for key, value in wanted.items():
            if past.get(key) != value:
                raise InputError(
                    f"{folder} holds slabs of another plan, {key} was {past.get(key)} and now is "
                    f"{value}: remove it, or take another folder"
                )
    told_in.write_text(json.dumps(wanted))


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

    Raises InputError if there is a checkpoint and `resume` was not asked for, or none and it was,
    if the checkpoint is broken or belongs to another plan, if the patterns are too small for the
    patches, or for devices that are not there or that the batch cannot be divided among.
    """
    for given in (patterns, held_out):
        if given is not None:
            _check_size(plan, given)
    check_processes(plan, devices, nodes)
    last = folder / "last.ckpt"
    if last.exists() != resume:
        found = "not there: start without" if resume else "there already: give"
        raise InputError(f"checkpoint {last} is {found} --resume, or take another folder")
    if resume:
        _check_checkpoint(last, plan)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    pl.seed_everything(plan.training.seed, verbose=False)
    training = plan.training
    steps = training.steps if stop_after is None else min(stop_after, training.steps)
    trainer = _trainer(
        plan,
        folder,
        steps,
        device=device,
        devices=devices,
        nodes=nodes,
        minutes=minutes,
        quiet=quiet,
    )
    slabs = _slabs(patterns, plan, training.slabs, 3, folder / "slabs", workers, quiet)
    unseen = _slabs(held_out, plan, training.validation_slabs, 4, folder / "unseen", workers, quiet)
    module = GapTraining(plan, slabs, unseen)
    if plan.network.n_dim == 3:
        module.network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    _fit(trainer, module, last if resume else None)
    path = folder / f"{plan.name}.safetensors"
    if trainer.is_global_zero:
        rows = read_history(folder / HISTORY)
        _draw(folder / "loss.png", rows)
        losses = {row["step"]: row.get("val_loss") for row in rows}
        steps_done = trainer.global_step
        card = {
            "plan": plan.model_dump(mode="json"),
            "steps": steps_done,
            "val_loss": losses.get(steps_done),
        }
        done = steps_done >= training.steps
        save_weights(path, module.network, card)
        if done and held_out is not None and training.calibration_patterns:
            calibration = _calibrated(path, held_out, plan, device, quiet)
            save_weights(path, module.network, card, calibration)
    return path


def _calibrated(
    path: Path, held_out: LogPatterns, plan: Plan, device: str, quiet: bool
) -> Calibration:
    """The calibration of the weights that were just written, on patterns not trained on."""
    if plan.network.n_dim != 3:
        return Calibration()
    number = min(plan.training.calibration_patterns, len(held_out))
    chosen = held_out[np.linspace(0, len(held_out) - 1, number).round().astype(int)]
    rng = np.random.default_rng([plan.training.seed, 5])
    return calibrated(load_weights(path), chosen, rng, device=device, quiet=quiet)


def adapt(module: GapTraining, *, device: str = "auto", minutes: float | None = None) -> int:
    """Train a module that is ready, its network's weights included; how many steps it took.

    The network ends as the moving average of its weights. Nothing is left on disk: a training so
    short begins anew when it was interrupted.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with TemporaryDirectory() as folder:
        steps = module.plan.training.steps
        path = Path(folder)
        trainer = _trainer(
            module.plan,
            path,
            steps,
            device=device,
            devices=1,
            nodes=1,
            minutes=minutes,
            quiet=True,
        )
        _fit(trainer, module, None)
        return int(trainer.global_step)


def _fit(trainer: pl.Trainer, module: GapTraining, checkpoint: Path | None) -> None:
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


def _draw(path: Path, rows: Sequence[dict[str, float]]) -> None:
    """The picture of the losses, where there are any."""
    curves = [
        np.array([(row["step"], row[name]) for row in rows if name in row]).reshape(-1, 2)
        for name in ("train_loss", "val_loss")
    ]
    if any(np.isfinite(curve).any() for curve in curves):
        loss_curve(path, *curves, force=True)
