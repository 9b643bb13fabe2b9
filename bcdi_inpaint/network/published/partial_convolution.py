"""Partial convolutions: Liu et al., ECCV (2018), as Chavez et al. (2022) use them, Fig. 5.

A convolution sees known voxels alone and is divided by their share in its window; where it saw any,
its output is known, so the mask shrinks layer by layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

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


class PartialBody(Body):
    """A U-Net of partial convolutions, ReLU on the way down and LeakyReLU 0.2 on the way up."""

    def __init__(self, config: PartialConfig, n_in: int, n_out: int) -> None:
        super().__init__()
        n_dim = config.n_dim
        channels = [min(config.base * 2**level, config.most) for level in range(config.depth)]
        self.encoder = nn.ModuleList(
            PartialConvolution(n_dim, (a,), b, stride=2) for a, b in pairwise((n_in, *channels))
        )
        skips = (n_in, *channels[:-1])
        outputs = (channels[0], *channels[:-1])
        self.decoder = nn.ModuleList(
            PartialConvolution(n_dim, (deep, skip), out)
            for deep, skip, out in reversed([*zip(channels, skips, outputs, strict=True)])
        )
        self.head = CONV[n_dim](outputs[0], n_out, 1)

    def forward(self, images: Tensor, known: Tensor) -> Tensor:
        """See `Body`."""
        masked: Masked = (images, known.to(images.dtype))
        skips: list[Masked] = []
        for layer in self.encoder:
            skips.append(masked)
            output, mask = layer(masked)
            masked = (nn.functional.relu(output), mask)
        for layer, skip in zip(self.decoder, reversed(skips), strict=True):
            up = tuple(nn.functional.interpolate(each, scale_factor=2) for each in masked)
            output, mask = layer((up[0], up[1]), skip)
            masked = (nn.functional.leaky_relu(output, 0.2), mask)
        found: Tensor = self.head(masked[0])
        return found
