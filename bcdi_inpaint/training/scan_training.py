"""The training of a network on measured scans, as Lightning takes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from bcdi_inpaint.network.gap_network import GapNetwork
from bcdi_inpaint.training.count_loss import count_loss
from bcdi_inpaint.training.module import Batch, GapTraining
from bcdi_inpaint.training.plan import Plan
from bcdi_inpaint.training.slabs import FixedSlabs, Slab


class ScanTraining(GapTraining):
    """A training whose truth is counts, and which validates nothing.

    What is held out is judged once before and once after, and picks no epoch.

    Parameters
    ----------
    plan : of the fine-tuning.
    network : is changed.
    slabs : with measured counts as their truth.
    progress : is called after each step with the steps done and the steps in all.
    """

    def __init__(
        self,
        plan: Plan,
        network: GapNetwork,
        slabs: Sequence[Slab],
        progress: Callable[[int, int], None],
    ) -> None:
        super().__init__(plan, FixedSlabs(slabs), ())
        self.network = network
        self._progress = progress

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        """The loss of one batch."""
        channels, truth, gap = batch
        prediction, scale = self.network(channels)
        return count_loss(prediction, scale, truth, gap)

    def on_train_batch_end(self, *_of_batch: object) -> None:
        """Report the steps done."""
        self._progress(self.trainer.global_step, self.plan.training.steps)

    def val_dataloader(self) -> Any:
        """Nothing to validate on."""
        return []
