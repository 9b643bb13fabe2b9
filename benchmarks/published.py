"""The network of Masto et al. (2024), to compare with."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.network.published.patch_unet import SLOPE, PatchUNetConfig

PATCH = FillingSettings.patch


class PublishedNetwork(nn.Module):
    """The 3D network of Masto et al., J. Appl. Cryst. 57, 966 (2024), as their code builds it."""

    def __init__(self) -> None:
        super().__init__()
        self.body = PatchUNetConfig().make_body(1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """(batch, 1, *cube), the logarithm of the counts in 0..1, to its fill."""
        return torch.sigmoid(SLOPE * self.body(images, images > 0))


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
