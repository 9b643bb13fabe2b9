"""The networks of Masto's thesis, section 4.3.2 and Table 4.1: U-Net, MSD-Net, dilated U-Net.

The printed table is cut off behind its first lines, so not every number of filters is known. What
the text says is kept: five blocks, up to 768 filters, kernel 3, skips, transposed convolutions of
stride 2, sigmoid. Where it is silent, filters are chosen so that the printed numbers of parameters
come out within 1 %:

- ``unet`` 31 567 153, printed 31 827 673. The encoder doubles its filters up to 768; each block of
  the decoder has four times the filters of the encoder's block of its side, at most 768.
- ``unet_dilated`` 32 739 610, printed 32 652 337: the same, with dilated blocks in the first three.
- ``msdnet`` 322 689, printed 322 458: 32 channels, and 15 blocks of two convolutions of 8 channels
  whose dilations grow from convolution to convolution, 1 to 30. The second of a block sees what the
  first made too, as all later ones do, where the text has both see what came into the block.

The text speaks of 2 x 2 pixels behind five poolings of 128 x 128; five give 4 x 4, as here.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from bcdi_inpaint.network.published.adapter import Body, PublishedConfig
from bcdi_inpaint.network.published.dense import DenseLayers
from bcdi_inpaint.network.published.layers import POOL, doubling, same_convolution

RATES = ((16, 8, 4, 2), (10, 5, 3, 1), (5, 3, 2, 1))
"""Of the dilated convolutions of the first three blocks of the encoder."""


class UNetConfig(PublishedConfig):
    """The shape of `unet` and `unet_dilated`; unknown keys are errors.

    Attributes
    ----------
    filters : of the encoder's blocks, from the full resolution down.
    most : filters of a block of the decoder, at most.
    """

    kind: Literal["unet", "unet_dilated"] = "unet"
    filters: tuple[int, ...] = Field((48, 96, 192, 384, 768), min_length=1, max_length=8)
    most: int = Field(768, ge=1)

    @model_validator(mode="after")
    def _four_branches(self) -> UNetConfig:
        if any(n < 4 or n % 4 for n in self.filters):
            raise ValueError(f"filters is {self.filters}, expected multiples of 4")
        return self

    @property
    def divisor(self) -> int:
        """A patch's sides have to be multiples of this."""
        return int(2 ** len(self.filters))

    @property
    def slope(self) -> float:
        """A sigmoid ends the network."""
        return 1.0

    def make_body(self, n_in: int, n_out: int) -> Body:
        """The layers between the input's channels and the output's."""
        return UNetBody(self, n_in, n_out)


class DilatedBlock(nn.Module):
    """The input, beside four convolutions of it with different rates.

    Parameters
    ----------
    n_dim : 2 or 3.
    n_in : channels of the input; they come out as well.
    filters : of each of the convolutions.
    kernel, rates : of the convolutions.
    slope : of the LeakyReLU behind each; 1 for none.
    """

    def __init__(
        self,
        n_dim: int,
        n_in: int,
        filters: int,
        kernel: int,
        rates: tuple[int, ...],
        slope: float = 0.2,
    ) -> None:
        super().__init__()
        self.slope = slope
        self.branches = nn.ModuleList(
            same_convolution(n_dim, n_in, filters, kernel, rate) for rate in rates
        )

    def forward(self, images: Tensor) -> Tensor:
        """(batch, n_in, *spatial) to (batch, n_in + branches * filters, *spatial)."""
        made = torch.cat([branch(images) for branch in self.branches], dim=1)
        return torch.cat([images, nn.functional.leaky_relu(made, self.slope)], dim=1)


class UNetBody(Body):
    """Blocks of one convolution, each pooled, and transposed convolutions with skips between."""

    def __init__(self, config: UNetConfig, n_in: int, n_out: int) -> None:
        super().__init__()
        n_dim, rates = config.n_dim, RATES if config.kind == "unet_dilated" else ()
        widths: list[int] = []
        self.encoder = nn.ModuleList()
        self.pool, self.act = POOL[n_dim](2), nn.LeakyReLU(0.2)
        for number, filters in enumerate(config.filters):
            before = widths[-1] if widths else n_in
            if number < len(rates):
                block: nn.Module = DilatedBlock(n_dim, before, filters // 4, 3, rates[number])
                widths.append(before + filters)
            else:
                block = nn.Sequential(same_convolution(n_dim, before, filters, 3), self.act)
                widths.append(filters)
            self.encoder.append(block)
        self.decoder = nn.ModuleList()
        before = widths[-1]
        for filters, skip in zip(reversed(config.filters), reversed(widths), strict=True):
            wide = min(4 * filters, config.most)
            self.decoder.append(doubling(n_dim, before, wide))
            before = wide + skip
        self.head = same_convolution(n_dim, before, n_out, 3)

    def forward(self, images: Tensor, _known: Tensor) -> Tensor:
        """See `Body`."""
        skips: list[Tensor] = []
        for block in self.encoder:
            skips.append(block(images))
            images = self.pool(skips[-1])
        for up, skip in zip(self.decoder, reversed(skips), strict=True):
            images = torch.cat([self.act(up(images)), skip], dim=1)
        found: Tensor = self.head(images)
        return found


class MsdNetConfig(PublishedConfig):
    """The shape of `msdnet`; unknown keys are errors.

    Attributes
    ----------
    first : channels that the input is lifted to.
    width : channels that each convolution adds to what it sees.
    blocks : how many convolutions, with dilation 1 to this; a block of the thesis has two of them.
    """

    kind: Literal["msdnet"] = "msdnet"
    first: int = Field(32, ge=1)
    width: int = Field(8, ge=1)
    blocks: int = Field(30, ge=1, le=500)

    @property
    def slope(self) -> float:
        """A sigmoid ends the network."""
        return 1.0

    def make_body(self, n_in: int, n_out: int) -> Body:
        """The layers between the input's channels and the output's."""
        return MsdNetBody(self, n_in, n_out)


class MsdNetBody(Body):
    """Dilated convolutions whose output is laid beside all that they saw."""

    def __init__(self, config: MsdNetConfig, n_in: int, n_out: int) -> None:
        super().__init__()
        self.first = same_convolution(config.n_dim, n_in, config.first, 3)
        rates = range(1, config.blocks + 1)
        self.blocks = DenseLayers(config.n_dim, config.first, config.width, rates, slope=0.2)
        self.head = same_convolution(config.n_dim, self.blocks.n_out, n_out, 3)

    def forward(self, images: Tensor, _known: Tensor) -> Tensor:
        """See `Body`."""
        found: Tensor = self.head(self.blocks(nn.functional.leaky_relu(self.first(images), 0.2)))
        return found
