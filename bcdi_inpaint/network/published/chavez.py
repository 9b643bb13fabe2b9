"""The networks of Chavez et al., J. Appl. Cryst. 55, 1277 (2022), but for the partial convolutions.

- ``autoencoder``: two layers of 32 base channels without skips (their Fig. 3).
- ``tunet``: their tunable U-Net; depth 4, 64 channels and growth 2 have 8 556 353 parameters in 2D,
  as their Table 2 prints it (8.556 million), and so have its other rows but model 0, whose 0.535
  million belong to a growth of 2.
- ``msdnet_chavez``: 200 layers of one channel, dilation 1 to 15 again and again: 0.181 million.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bcdi_inpaint.network.published.adapter import Body, PublishedConfig
from bcdi_inpaint.network.published.dense import DenseLayers
from bcdi_inpaint.network.published.layers import CONV, POOL, doubling, same_convolution


def two_convolutions(n_dim: int, n_in: int, n_out: int) -> nn.Sequential:
    """Two convolutions of kernel 3, each with a ReLU.

    Parameters
    ----------
    n_dim : 2 or 3.
    n_in, n_out : channels.
    """
    return nn.Sequential(
        same_convolution(n_dim, n_in, n_out, 3),
        nn.ReLU(),
        same_convolution(n_dim, n_out, n_out, 3),
        nn.ReLU(),
    )


class TuNetConfig(PublishedConfig):
    """The shape of `tunet` and, without skips, of `autoencoder`; unknown keys are errors.

    Attributes
    ----------
    depth : levels, the full resolution included.
    base : channels at the full resolution.
    growth : how many times more channels the next level down has.
    """

    kind: Literal["tunet"] = "tunet"
    depth: int = Field(4, ge=1, le=8)
    base: int = Field(64, ge=1)
    growth: float = Field(2.0, ge=1)

    @property
    def channels(self) -> list[int]:
        """Of each level, from the full resolution down."""
        return [round(self.base * self.growth**level) for level in range(self.depth)]

    @property
    def divisor(self) -> int:
        """A patch's sides have to be multiples of this."""
        return int(2 ** (self.depth - 1))

    def make_body(self, n_in: int, n_out: int) -> Body:
        """The layers between the input's channels and the output's."""
        return LevelsBody(self.n_dim, self.channels, n_in, n_out, skips=True)


class AutoencoderConfig(PublishedConfig):
    """The shape of `autoencoder`; unknown keys are errors.

    Attributes
    ----------
    depth : layers, each of which halves the sides.
    base : channels at the full resolution; they double from layer to layer.
    """

    kind: Literal["autoencoder"] = "autoencoder"
    depth: int = Field(2, ge=1, le=8)
    base: int = Field(32, ge=1)

    @property
    def divisor(self) -> int:
        """A patch's sides have to be multiples of this."""
        return int(2**self.depth)

    def make_body(self, n_in: int, n_out: int) -> Body:
        """The layers between the input's channels and the output's."""
        channels = [self.base * 2**level for level in range(self.depth + 1)]
        return LevelsBody(self.n_dim, channels, n_in, n_out, skips=False)


class LevelsBody(Body):
    """Two convolutions a level, pooled down and brought up again; with skips a U-Net.

    Parameters
    ----------
    n_dim : 2 or 3.
    channels : of each level, from the full resolution down.
    n_in, n_out : channels of the input and of the output.
    skips : whether what went down is laid beside what comes up.
    """

    def __init__(
        self, n_dim: int, channels: list[int], n_in: int, n_out: int, *, skips: bool
    ) -> None:
        super().__init__()
        self.skips, self.pool = skips, POOL[n_dim](2)
        self.encoder = nn.ModuleList(
            two_convolutions(n_dim, a, b) for a, b in pairwise((n_in, *channels))
        )
        downward = [*pairwise(channels)][::-1]
        self.up = nn.ModuleList(doubling(n_dim, deep, wide) for wide, deep in downward)
        self.decoder = nn.ModuleList(
            two_convolutions(n_dim, (1 + skips) * wide, wide) for wide, _ in downward
        )
        self.head = CONV[n_dim](channels[0], n_out, 1)

    def forward(self, images: Tensor, _known: Tensor) -> Tensor:
        """See `Body`."""
        kept: list[Tensor] = []
        for block in self.encoder[:-1]:
            kept.append(block(images))
            images = self.pool(kept[-1])
        images = self.encoder[-1](images)
        for up, block, skip in zip(self.up, self.decoder, reversed(kept), strict=True):
            images = up(images)
            images = block(torch.cat([images, skip], dim=1) if self.skips else images)
        found: Tensor = self.head(images)
        return found


class MsdNetChavezConfig(PublishedConfig):
    """The shape of `msdnet_chavez`; unknown keys are errors.

    Attributes
    ----------
    layers : of one channel each.
    largest_rate : dilations go from 1 to this, again and again.
    """

    kind: Literal["msdnet_chavez"] = "msdnet_chavez"
    layers: int = Field(200, ge=1, le=1000)
    largest_rate: int = Field(15, ge=1)

    def make_body(self, n_in: int, n_out: int) -> Body:
        """The layers between the input's channels and the output's."""
        return MsdNetChavezBody(self, n_in, n_out)


class MsdNetChavezBody(Body):
    """Dense layers, and one last convolution of kernel 1 that sees them all."""

    def __init__(self, config: MsdNetChavezConfig, n_in: int, n_out: int) -> None:
        super().__init__()
        rates = [1 + number % config.largest_rate for number in range(config.layers)]
        self.layers = DenseLayers(config.n_dim, n_in, 1, rates)
        self.head = CONV[config.n_dim](self.layers.n_out, n_out, 1)

    def forward(self, images: Tensor, _known: Tensor) -> Tensor:
        """See `Body`."""
        found: Tensor = self.head(self.layers(images))
        return found
