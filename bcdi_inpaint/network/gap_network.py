"""What every network of this package is: what it sees of a patch, and what it says of it."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn

from bcdi_inpaint.network.channels import GuessKind


class Shape(Protocol):
    """What training and filling ask of a network's configuration."""

    @property
    def n_dim(self) -> int:
        """2 or 3."""

    @property
    def guess(self) -> GuessKind:
        """How the first guess is made, in training and in filling."""

    @property
    def divisor(self) -> int:
        """A patch's sides have to be multiples of this."""

    def model_dump_json(self) -> str:
        """The configuration as a file of weights holds it."""


class GapNetwork(nn.Module):
    """A network that fills gaps of patches.

    It is called with (batch, n_channels, *spatial) float in network units, in `CHANNEL_ORDER`, and
    returns two of (batch, 1, *spatial) in network units: the expected log counts of every voxel,
    and the scale of their error.
    """

    config: Shape

    def __call__(self, channels: Tensor) -> tuple[Tensor, Tensor]:
        """See this class."""
        found: tuple[Tensor, Tensor] = super().__call__(channels)
        return found

    def loss_range(self, channels: Tensor) -> tuple[Tensor | float, Tensor | float]:
        """What is 0 in the units of the loss, and how far 1 is above it, in network units."""
        return 0.0, 1.0
