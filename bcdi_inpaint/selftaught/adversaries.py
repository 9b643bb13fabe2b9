"""The two networks of Squires et al. (2023), and how the critic learns.

Squires et al., Digital Discovery 2, 316 (2023); the Wasserstein loss with gradient penalty is of
Gulrajani et al., NIPS (2017).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from bcdi_inpaint.network.published.layers import CONV, UPSAMPLE

ENLARGED = 8
"""Voxels of the output for one of the seed, along each axis, as in the paper."""


@dataclass(frozen=True)
class GanSettings:
    """How adversarial networks are made and learned.

    The paper gives its networks in a supplement; sizes here are for a processor without GPU, and
    no committed command chose them.

    Attributes
    ----------
    seed : channels of the generator's seed.
    generator, critic : channels of their layers.
    batch : patches of a step.
    patch : side of the patches that the critic sees, in voxels, a multiple of `ENLARGED`; less
        where none so large lies among known voxels.
    rate : of Adam, for networks and for seeds' first steps.
    penalty : weight of the gradient penalty (Gulrajani et al.).
    critic_steps : steps of the critic for one of the generator, as in the paper's Table 1.
    content : weight of the content loss, the paper's c; G-opt has it in all steps of the generator.
    frame : voxels around a region that the content loss sees, as in the paper.
    regions : how many regions the content loss of a step sees.
    seed_rate : of Adam on the seeds of Z-opt.
    divergence : weight of the term that keeps a seed normal.
    training_share : part of Z-opt's budget in which the generator learns.
    every : steps between two looks at the held-out voxels.
    """

    seed: int = 16
    generator: tuple[int, ...] = (64, 32, 16)
    critic: tuple[int, ...] = (16, 32, 64)
    batch: int = 16
    patch: int = 32
    rate: float = 2e-4
    penalty: float = 10.0
    critic_steps: int = 10
    content: float = 1.0
    frame: int = 16
    regions: int = 16
    seed_rate: float = 0.05
    divergence: float = 0.1
    training_share: float = 0.6
    every: int = 50


class Generator(nn.Module):
    """Three transposed convolutions from a normal seed to a patch in 0..1, 8 times as large.

    Parameters
    ----------
    n_dim : 2 or 3.
    settings : its channels.
    mean : of the images, in 0..1, which an untrained generator gives about.
    """

    def __init__(self, n_dim: int, settings: GanSettings, mean: float = 0.5) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((settings.seed, *settings.generator)):
            layers += [UPSAMPLE[n_dim](n_in, n_out, 4, stride=2, padding=1), nn.ReLU()]
        last = CONV[n_dim](settings.generator[-1], 1, 3, padding=1)
        assert last.bias is not None
        nn.init.constant_(last.bias, math.log(mean / (1 - mean)))
        layers += [last, nn.Sigmoid()]
        self.layers = nn.Sequential(*layers)

    def forward(self, seeds: Tensor) -> Tensor:
        """(batch, seed, *small) to (batch, 1, *8 times as large)."""
        found: Tensor = self.layers(seeds)
        return found


class Critic(nn.Module):
    """Strided convolutions to one number a patch: how real it looks."""

    def __init__(self, n_dim: int, settings: GanSettings) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise((1, *settings.critic)):
            layers += [CONV[n_dim](n_in, n_out, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        layers.append(CONV[n_dim](settings.critic[-1], 1, 3, padding=1))
        self.layers = nn.Sequential(*layers)

    def forward(self, patches: Tensor) -> Tensor:
        """(batch, 1, *spatial) to (batch,)."""
        found: Tensor = self.layers(patches).flatten(1).mean(dim=1)
        return found


def critic_loss(
    critic: nn.Module, real: Tensor, fake: Tensor, mix: Tensor, penalty: float
) -> Tensor:
    """The Wasserstein loss of a critic, with its gradient's distance from length 1.

    Parameters
    ----------
    critic : gives a number a patch.
    real, fake : (batch, 1, *spatial) patches.
    mix : (batch, 1, *ones) in 0..1, where between them the gradient is taken.
    penalty : its weight.
    """
    between = (mix * real + (1 - mix) * fake).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    steep = (gradient.flatten(1).norm(dim=1) - 1) ** 2
    return critic(fake).mean() - critic(real).mean() + penalty * steep.mean()


GRID = (-4.0, 4.0, 65)
"""Values at which a seed's distribution is compared with the normal one."""
BLUR = 0.3
"""Standard deviation of the kernel that makes a distribution of a seed's values."""


def divergence(seeds: Tensor) -> Tensor:
    """The Kullback-Leibler divergence of each seed's values from a normal distribution, (batch,).

    Mean and variance alone would let the values gather at -1 and 1, as the paper found. So their
    distribution, blurred by a kernel, is compared with the normal one, blurred alike.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> normal, two = torch.randn(1, 2000), torch.tensor([[-1.0, 1.0]]).repeat(1, 1000)
    >>> [round(float(divergence(each)), 1) for each in (normal, two)]
    [0.0, 0.6]
    """
    values = seeds.flatten(1)  # (batch, n)
    grid = torch.linspace(*GRID, device=seeds.device)
    step = float(grid[1] - grid[0])
    kernels = torch.exp(-0.5 * ((values[:, :, None] - grid) / BLUR) ** 2)
    density = kernels.mean(dim=1) + 1e-8  # (batch, n_grid)
    density = density / (density.sum(dim=1, keepdim=True) * step)
    wanted = torch.exp(-0.5 * grid**2 / (1 + BLUR**2)) + 1e-8
    wanted = wanted / (wanted.sum() * step)
    return (density * torch.log(density / wanted)).sum(dim=1) * step
