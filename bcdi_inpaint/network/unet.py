"""The network: a U-Net, in 2D or 3D, that corrects a first guess inside the gap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from bcdi_inpaint.network.channels import CHANNEL_ORDER, GuessKind
from bcdi_inpaint.network.gap_network import GapNetwork
from bcdi_inpaint.network.units import LOG_UNIT

GROUPS = 8
"""Of the group normalisation."""
FIRST_SCALE = 0.2 / LOG_UNIT
"""Scale of the error that an untrained network expects: 0.2 natural logarithms."""
SCALE_RANGE = math.log(100)
"""And how far, as a logarithm, a trained one may go from it."""


class NetworkConfig(BaseModel):
    """The network's shape; unknown keys are errors.

    Attributes
    ----------
    kind : see `network.kinds`.
    n_dim : 2 or 3.
    channels : features of each level, from the full resolution down.
    dilations : of the convolutions of each level's encoder block, one or more; the decoder's has as
        many plain ones. They are few where voxels are many: in equal time a network learns more
        from twice the steps than from twice the convolutions (docs/methods.md). And a dilated one
        costs three times a plain one in training, where the next level's reach as far.
    guess : how the first guess is made, in training and in filling.
    hidden : channels that are zero for the network, whatever they hold.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["gap_unet"] = "gap_unet"
    n_dim: int = Field(3, ge=2, le=3)
    channels: tuple[int, ...] = (16, 32, 64, 128)
    dilations: tuple[tuple[Annotated[int, Field(ge=1)], ...], ...] = ((1,), (1,), (1,), (1, 2))
    guess: GuessKind = "kriged"
    hidden: tuple[Literal["guess_sigma", "mate", "mate_known"], ...] = ()

    @model_validator(mode="after")
    def _levels(self) -> NetworkConfig:
        if len(self.dilations) != len(self.channels):
            raise ValueError(
                f"dilations has {len(self.dilations)} levels, expected {len(self.channels)} as "
                "channels has"
            )
        if not all(self.dilations):
            raise ValueError(
                f"dilations is {self.dilations}, expected at least one convolution in each level"
            )
        if any(width % GROUPS or width < GROUPS for width in self.channels):
            raise ValueError(f"channels is {self.channels}, expected multiples of {GROUPS}")
        return self

    @property
    def divisor(self) -> int:
        """A patch's sides have to be multiples of this."""
        return int(2 ** (len(self.channels) - 1))


def in_quickest_layout(features: Tensor) -> Tensor:
    """Images (batch, n, *spatial) as they lie in memory where convolutions are quickest.

    That is channel by channel where a CPU learns in bfloat16: backwards through a group
    normalisation it takes many times as long with the channels last, a fifth of a step of training
    (`benchmarks.network`). Otherwise the channels are last.
    """
    on_cpu = features.device.type == "cpu"
    learns = on_cpu and torch.is_grad_enabled() and torch.is_autocast_enabled("cpu")
    last = torch.channels_last_3d if features.ndim == 5 else torch.channels_last
    return features.contiguous(memory_format=torch.contiguous_format if learns else last)


CONV = {2: nn.Conv2d, 3: nn.Conv3d}
UPSAMPLE = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


class Block(nn.Sequential):
    """Convolutions of kernel 3, each with group normalisation and LeakyReLU 0.2."""

    def __init__(self, n_dim: int, n_in: int, n_out: int, dilations: Sequence[int]) -> None:
        layers: list[nn.Module] = []
        for dilation in dilations:
            layers += [
                CONV[n_dim](n_in, n_out, 3, padding=dilation, dilation=dilation, bias=False),
                nn.GroupNorm(GROUPS, n_out),
                nn.LeakyReLU(0.2, inplace=True),
            ]
            n_in = n_out
        super().__init__(*layers)


class GapUNet(GapNetwork):
    """A U-Net whose encoder blocks have dilated convolutions, as Masto et al. (2024) propose.

    It sees the channels of `network.channels`: the log counts with a kriged first guess in
    the unknown voxels, which voxels are unknown, the guess's uncertainty and the Friedel mate, so
    that one network serves every gap. It adds a correction to the guess and says how far off it
    expects to be. Being convolutional, it takes patches of any size that `NetworkConfig.divisor`
    divides.
    """

    config: NetworkConfig

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.channels
        ins = (len(CHANNEL_ORDER), *widths[:-1])
        self.encoder = nn.ModuleList(
            Block(config.n_dim, n_in, n_out, dilations)
            for n_in, n_out, dilations in zip(ins, widths, config.dilations, strict=True)
        )
        self.down = nn.ModuleList(CONV[config.n_dim](n, n, 2, stride=2) for n in widths[:-1])
        self.up = nn.ModuleList(
            UPSAMPLE[config.n_dim](deep, wide, 2, stride=2) for wide, deep in pairwise(widths)
        )
        self.decoder = nn.ModuleList(
            Block(config.n_dim, 2 * width, width, (1,) * len(dilations))
            for width, dilations in zip(widths[:-1], config.dilations, strict=False)
        )
        self.head = CONV[config.n_dim](widths[0], 2, 1)
        nn.init.zeros_(self.head.weight)  # an untrained network is the first guess
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def forward(self, channels: Tensor) -> tuple[Tensor, Tensor]:
        """Expected log counts of every voxel, and the scale of their error.

        Parameters
        ----------
        channels : (batch, n_channels, *spatial) float in network units, in `CHANNEL_ORDER`.

        Returns
        -------
        (batch, 1, *spatial) each, in network units: the expectation, and the scale b of a Laplace
        distribution around it.
        """
        features = in_quickest_layout(self._shown(channels))
        skips: list[Tensor] = []
        for block, down in zip(self.encoder, self.down, strict=False):
            skips.append(block(features))
            features = down(skips[-1])
        features = self.encoder[-1](features)
        for up, block, skip in zip(
            reversed(self.up), reversed(self.decoder), reversed(skips), strict=True
        ):
            features = block(torch.cat([skip, up(features)], dim=1))
        correction, log_scale = self.head(features).to(channels.dtype).split(1, dim=1)
        scale = FIRST_SCALE * torch.exp(log_scale.clamp(-SCALE_RANGE, SCALE_RANGE))
        return channels[:, :1] + correction, scale

    def _shown(self, channels: Tensor) -> Tensor:
        """The channels (batch, n_channels, *spatial) without those that are hidden."""
        if not self.config.hidden:
            return channels
        shown = channels.clone()
        shown[:, [CHANNEL_ORDER.index(name) for name in self.config.hidden]] = 0
        return shown
