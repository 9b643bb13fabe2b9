"""Partial convolutions: Liu et al., ECCV (2018), as Chavez et al. (2022) use them, Fig. 5.

A convolution sees known voxels alone and is divided by their share in its window; where it saw any,
its output is known, so the mask shrinks layer by layer.

With our channels each has its own mask: the mate is known where it is, and the guess, its
uncertainty and the marks are numbers everywhere, in the gap above all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bcdi_inpaint.network.channels import CHANNEL_ORDER
from bcdi_inpaint.network.published.adapter import Body, PublishedConfig
from bcdi_inpaint.network.published.dense import CONVOLVE
from bcdi_inpaint.network.published.layers import CONV

Masked = tuple[Tensor, Tensor]
"""Images (batch, n, *spatial) and where they are known, (batch, 1, *spatial), 1 or 0."""


class PartialConfig(PublishedConfig):
    """The shape of `partial_conv`; unknown keys are errors.

    Attributes
    ----------
    depth : layers of the encoder, each of which halves the sides.
    base : channels of the first; they double from layer to layer.
    most : channels of a layer, at most.
    """

    kind: Literal["partial_conv"] = "partial_conv"
    depth: int = Field(5, ge=1, le=8)
    base: int = Field(32, ge=1)
    most: int = Field(512, ge=1)

    @property
    def divisor(self) -> int:
        """A patch's sides have to be multiples of this."""
        return int(2**self.depth)

    @property
    def revision(self) -> int:
        """With our inputs the second too: the first hid the guess and the mate in the gap."""
        return 2

    def make_body(self, n_in: int, n_out: int) -> Body:
        """The layers between the input's channels and the output's."""
        return PartialBody(self, n_in, n_out)


class PartialConvolution(nn.Module):
    """A convolution of several images beside each other that sees their known voxels alone.

    Parameters
    ----------
    n_dim : 2 or 3.
    n_in : channels of each of the images, whose masks may differ.
    n_out : channels of the output.
    stride : voxels between the output's voxels.
    """

    def __init__(self, n_dim: int, n_in: Sequence[int], n_out: int, stride: int = 1) -> None:
        super().__init__()
        self.n_dim, self.n_in, self.stride = n_dim, tuple(n_in), stride
        self.convolution = CONV[n_dim](sum(n_in), n_out, 3, stride=stride, padding=1)

    def forward(self, *given: Masked) -> Masked:
        """The output and where it is known."""
        window = given[0][1].new_ones(1, 1, *(3,) * self.n_dim)
        counts = [
            CONVOLVE[self.n_dim](known, window, stride=self.stride, padding=1) for _, known in given
        ]
        seen = sum(n * count for n, count in zip(self.n_in, counts, strict=True))
        assert isinstance(seen, Tensor)
        inputs = torch.cat([images * known for images, known in given], dim=1)
        output = self.convolution(inputs)
        bias = self.convolution.bias
        assert bias is not None
        bias = bias.reshape(1, -1, *(1,) * self.n_dim)
        known = (seen > 0.5).to(output.dtype)
        whole = sum(self.n_in) * 3**self.n_dim
        renormalised = (output - bias) * (whole / seen.clamp(min=1)) + bias
        return renormalised * known, known


def _masked_channels(channels: Tensor) -> tuple[Masked, ...]:
    """Our channels, each under its own mask: those that are known everywhere, then the mate."""
    mate, mate_known = (CHANNEL_ORDER.index(name) for name in ("mate", "mate_known"))
    whole = channels[:, [n for n in range(len(CHANNEL_ORDER)) if n != mate]]
    everywhere = torch.ones_like(channels[:, :1])
    return (whole, everywhere), (channels[:, [mate]], channels[:, [mate_known]])


class PartialBody(Body):
    """A U-Net of partial convolutions, ReLU on the way down and LeakyReLU 0.2 on the way up."""

    def __init__(self, config: PartialConfig, n_in: int, n_out: int) -> None:
        super().__init__()
        n_dim = config.n_dim
        self.is_ours = config.inputs == "ours"
        seen = (n_in - 1, 1) if self.is_ours else (n_in,)  # as `_masked_channels` splits them
        channels = [min(config.base * 2**level, config.most) for level in range(config.depth)]
        skips = (seen, *((n,) for n in channels[:-1]))
        self.encoder = nn.ModuleList(
            PartialConvolution(n_dim, before, after, stride=2)
            for before, after in zip(skips, channels, strict=True)
        )
        outputs = (channels[0], *channels[:-1])
        self.decoder = nn.ModuleList(
            PartialConvolution(n_dim, (deep, *skip), out)
            for deep, skip, out in reversed([*zip(channels, skips, outputs, strict=True)])
        )
        self.head = CONV[n_dim](outputs[0], n_out, 1)

    def forward(self, images: Tensor, known: Tensor) -> Tensor:
        """See `Body`."""
        given: tuple[Masked, ...] = ((images, known.to(images.dtype)),)
        if self.is_ours:
            given = _masked_channels(images)
        skips: list[tuple[Masked, ...]] = []
        for layer in self.encoder:
            skips.append(given)
            output, mask = layer(*given)
            given = ((nn.functional.relu(output), mask),)
        for layer, skip in zip(self.decoder, reversed(skips), strict=True):
            up = tuple(nn.functional.interpolate(each, scale_factor=2) for each in given[0])
            output, mask = layer((up[0], up[1]), *skip)
            given = ((nn.functional.leaky_relu(output, 0.2), mask),)
        found: Tensor = self.head(given[0][0])
        return found
