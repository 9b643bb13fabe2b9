"""The network with its loss, its optimiser and its patches, as Lightning takes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from bcdi_inpaint.network.kinds import make_network
from bcdi_inpaint.training.engine import pl
from bcdi_inpaint.training.gap_loss import gap_loss
from bcdi_inpaint.training.patch_dataset import PatchDataset
from bcdi_inpaint.training.plan import Plan
from bcdi_inpaint.training.plan_time import PlanTime
from bcdi_inpaint.training.processes import share
from bcdi_inpaint.training.slabs import Slab, SlabSource
from bcdi_inpaint.training.streams import Stream

Batch = tuple[Tensor, Tensor, Tensor]
WARMUP_SHARE = 0.1
"""Of a training, by steps or by time, that its rate may take to rise."""


class GapTraining(pl.LightningModule):
    """The network with its loss, its optimiser and its patches.

    Every epoch draws its own patches from (seed, epoch), so a resumed run sees exactly what an
    uninterrupted one would.

    Parameters
    ----------
    plan : of the training.
    slabs : has the slabs of each epoch.
    held_out : slabs to validate on.
    loaders : processes that cut patches beside this one, so that a GPU does not wait for them; the
        patches and their order are the same with any number.

    Attributes
    ----------
    time : of the plan's minutes, as far as they are the network's.
    """

    def __init__(
        self, plan: Plan, slabs: SlabSource, held_out: Sequence[Slab], loaders: int = 0
    ) -> None:
        super().__init__()
        self.plan, self._loaders = plan, loaders
        self.network = make_network(plan.network)
        self._slabs, self._held_out = slabs, held_out
        self.time = PlanTime(plan)

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        """The weighted loss of one batch."""
        channels, truth, gap = batch
        prediction, scale = self.network(channels)
        terms = self._loss(channels, prediction, scale, truth, gap)
        self.log_dict(
            {f"train_{name}": term for name, term in terms.items()},
            on_epoch=True,
            on_step=False,
            sync_dist=True,
        )
        return terms["loss"]

    def validation_step(self, batch: Batch, _index: int) -> None:
        """The loss of a batch of held-out patches, and beside it the first guess's."""
        channels, truth, gap = batch
        prediction, scale = self.network(channels)
        terms = self._loss(channels, prediction, scale, truth, gap)
        guess = self._loss(channels, channels[:, :1], scale, truth, gap)
        logged = {f"val_{name}": term for name, term in terms.items()}
        self.log_dict(logged | {"guess_mse": guess["mse"]}, sync_dist=True)

    def _loss(
        self, channels: Tensor, prediction: Tensor, scale: Tensor, truth: Tensor, gap: Tensor
    ) -> dict[str, Tensor]:
        """The terms of the loss, in the units that the network's paper has them in."""
        low, span = self.network.loss_range(channels)
        prediction, truth = (prediction - low) / span, (truth - low) / span
        return gap_loss(prediction, scale / span, truth, gap, self.plan.loss)

    def configure_optimizers(self) -> Any:
        """AdamW; the rate warms up, then falls along a cosine to a hundredth.

        The warm-up is over with a tenth of the steps or of the time at the latest, so that a short
        training leaves it.
        """
        training = self.plan.training
        optimizer = torch.optim.AdamW(
            self.parameters(), training.learning_rate, betas=(0.9, 0.99), weight_decay=1e-3
        )

        def factor(step: int) -> float:
            progress = min(max(step / training.steps, self.time.share), 1)
            cosine = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))
            warmed_up = max((step + 1) / max(training.warmup_steps, 1), progress / WARMUP_SHARE)
            return cosine * min(1, warmed_up)

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_train_start(self) -> None:
        """The plan's time begins, not while slabs are made."""
        self.time.begin()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the plan, for no other one may go on from here, and what is spent of its time."""
        checkpoint["plan"] = self.plan.model_dump(mode="json")
        checkpoint["time"] = self.time.spent()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with what is left of the plan's time."""
        self.time.go_on(checkpoint.get("time"))

    def train_dataloader(self) -> DataLoader[Batch]:
        """The patches of the present epoch; an epoch that was interrupted goes on where it was.

        Lightning then takes as many batches as are missing, from the front, so the patches that
        were seen already are moved to the end.
        """
        training = self.plan.training
        count = training.batch_size * training.steps_per_epoch
        seen = training.batch_size * self.trainer.fit_loop.epoch_loop.batch_progress.current.ready
        order = [*range(seen, count), *range(seen)]
        epoch, noisy = self.current_epoch, training.truth == "counts"
        seed = (training.seed, Stream.PATCHES, epoch)
        return self._loader(self._slabs.of_epoch(epoch), order, seed, noisy)

    def val_dataloader(self) -> DataLoader[Batch]:
        """The same held-out patches every time, with the expectation as their truth."""
        training = self.plan.training
        order = range(training.validation_patches)
        return self._loader(self._held_out, order, (training.seed, Stream.VALIDATION_PATCHES))

    def _loader(
        self,
        slabs: Sequence[Slab],
        order: Sequence[int],
        seed: tuple[int, ...],
        noisy: bool = False,
    ) -> DataLoader[Batch]:
        """The share of the patches that this process takes, in its share of a batch."""
        dataset = PatchDataset(slabs, self.plan.patches, len(order), seed, noisy=noisy)
        rank, world_size = self.trainer.global_rank, self.trainer.world_size
        batch_size = self.plan.training.batch_size // world_size
        return DataLoader(
            dataset,
            batch_size,
            sampler=share(order, rank, world_size),
            num_workers=self._loaders,
            # Forked: they share the slabs, which other ways of starting would copy to each.
            multiprocessing_context="fork" if self._loaders else None,
            pin_memory=self._loaders > 0 and torch.cuda.is_available(),
        )
