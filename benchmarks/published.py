"""The network of Masto et al. (2024), to compare with."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.gaps.gap import Gap

PATCH = FillingSettings.patch


def same_convolution(n_in: int, n_out: int, kernel: int, rate: int = 1) -> nn.Module:
    """A convolution whose output is as large as its input, whatever the kernel."""
    around = rate * (kernel - 1)
    pad = nn.ConstantPad3d((around // 2, around - around // 2) * 3, 0.0)
    return nn.Sequential(pad, nn.Conv3d(n_in, n_out, kernel, dilation=rate))


class DilatedBlock(nn.Module):
    """The input, beside four convolutions of it with different rates."""

    def __init__(self, n_in: int, filters: int, kernel: int, rates: tuple[int, ...]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            same_convolution(n_in, filters, kernel, rate) for rate in rates
        )

    def forward(self, images: Tensor) -> Tensor:
        """(batch, n_in, *cube) to (batch, n_in + 4 filters, *cube)."""
        return torch.cat([images, *(branch(images) for branch in self.branches)], dim=1)


class PublishedNetwork(nn.Module):
    """The 3D network of Masto et al., J. Appl. Cryst. 57, 966 (2024), as their code builds it.

    Dilated blocks of 4 x 8 and 4 x 16 filters, convolutions of 128 and 256, each pooled; transposed
    convolutions of 478, 222, 96 and 32 with the skips between; convolutions of 24, 12, 6 and 1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(
            (
                DilatedBlock(1, 8, 3, (4, 3, 2, 1)),
                DilatedBlock(33, 16, 2, (3, 2, 2, 1)),
                same_convolution(97, 128, 2),
                same_convolution(128, 256, 2),
            )
        )
        self.decoder = nn.ModuleList(
            nn.ConvTranspose3d(n_in, n_out, 2)
            for n_in, n_out in ((256, 478), (478 + 128, 222), (222 + 97, 96), (96 + 33, 32))
        )
        last: list[nn.Module] = []
        for n_in, n_out, kernel in ((33, 24, 4), (24, 12, 3), (12, 6, 2), (6, 1, 1)):
            last += [same_convolution(n_in, n_out, kernel), nn.LeakyReLU(0.2)]
        self.last = nn.Sequential(*last[:-1])

    def forward(self, images: Tensor) -> Tensor:
        """(batch, 1, *cube), the logarithm of the counts in 0..1, to its fill."""
        act = nn.functional.leaky_relu
        skips, values = [images], images
        for layer in self.encoder:
            values = act(nn.functional.max_pool3d(layer(values), 2), 0.2)
            skips.append(values)
        for layer, skip in zip(self.decoder, reversed(skips[:-1]), strict=True):
            values = layer(values)[..., :-1, :-1, :-1]  # as large as its input
            values = nn.functional.interpolate(act(values, 0.2), scale_factor=2)
            values = torch.cat([values, skip], dim=1)
        return torch.sigmoid(1.5 * self.last(values))


def seconds_per_patch(seed: int) -> float:
    """Seconds that the published network takes for a patch, one at a time as they do."""
    torch.manual_seed(seed)
    network, patch = PublishedNetwork().eval(), torch.rand(1, 1, PATCH, PATCH, PATCH)
    seconds = []
    with torch.inference_mode():
        for _ in range(21):
            started = time.perf_counter()
            network(patch)
            seconds.append(time.perf_counter() - started)
    return min(seconds[1:])


def count_patches(shape: tuple[int, int, int], gaps: tuple[Gap, ...]) -> int:
    """How many patches the published procedure takes: a stride of 1 over each gap's plane."""
    sides = [n - PATCH + 1 for n in shape]
    return sum(sides[0] * sides[2 if gap.axis == 1 else 1] for gap in gaps)
