"""The 3D patch network of Masto et al., J. Appl. Cryst. 57, 966 (2024), as their code builds it.

2 772 845 parameters in 3D.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from bcdi_inpaint.network.published.adapter import Body, PublishedConfig
from bcdi_inpaint.network.published.layers import POOL, UPSAMPLE, same_convolution
from bcdi_inpaint.network.published.thesis import DilatedBlock

SLOPE = 1.5
"""Of the sigmoid at the end."""


class PatchUNetConfig(PublishedConfig):
    """The shape of `patch_unet`, which is fixed but for its dimensions; unknown keys are errors."""

    kind: Literal["patch_unet"] = "patch_unet"

    @property
    def divisor(self) -> int:
        """A patch's sides have to be multiples of this."""
        return 16

    @property
    def slope(self) -> float:
        """A steep sigmoid ends the network."""
        return SLOPE

    def make_body(self, n_in: int, n_out: int) -> Body:
        """The layers between the input's channels and the output's."""
        return PatchUNetBody(self.n_dim, n_in, n_out)


class PatchUNetBody(Body):
    """Two dilated blocks and two convolutions, each pooled; four transposed ones with skips.

    Their transposed convolutions have stride 1, and the sides are doubled behind them; the skips
    are of the pooled images, the last of the input itself.
    """

    def __init__(self, n_dim: int, n_in: int, n_out: int) -> None:
        super().__init__()
        first, second = n_in + 32, n_in + 96
        self.pool, self.act = POOL[n_dim](2), nn.LeakyReLU(0.2)
        self.encoder = nn.ModuleList(
            (
                DilatedBlock(n_dim, n_in, 8, 3, (4, 3, 2, 1), slope=1),
                DilatedBlock(n_dim, first, 16, 2, (3, 2, 2, 1), slope=1),
                same_convolution(n_dim, second, 128, 2),
                same_convolution(n_dim, 128, 256, 2),
            )
        )
        sizes = ((256, 478), (478 + 128, 222), (222 + second, 96), (96 + first, 32))
        self.decoder = nn.ModuleList(UPSAMPLE[n_dim](a, b, 2) for a, b in sizes)
        self.last = nn.Sequential(
            same_convolution(n_dim, 32 + n_in, 24, 4),
            self.act,
            same_convolution(n_dim, 24, 12, 3),
            self.act,
            same_convolution(n_dim, 12, 6, 2),
            self.act,
        )
        self.head = same_convolution(n_dim, 6, n_out, 1)

    def forward(self, images: Tensor, _known: Tensor) -> Tensor:
        """See `Body`."""
        skips = [images]
        for block in self.encoder:
            skips.append(self.act(self.pool(block(skips[-1]))))
        images = skips.pop()
        for up, skip in zip(self.decoder, reversed(skips), strict=True):
            inside = (..., *(slice(-1),) * (images.ndim - 2))  # as large as its input
            images = nn.functional.interpolate(self.act(up(images)[inside]), scale_factor=2)
            images = torch.cat([images, skip], dim=1)
        found: Tensor = self.head(self.last(images))
        return found
