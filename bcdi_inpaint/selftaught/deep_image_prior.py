"""The deep image prior: a network whose shape alone says what a pattern looks like.

Ulyanov, Vedaldi & Lempitsky, CVPR (2018). An encoder-decoder with skips turns a fixed array of
noise into the scan, and learns nothing but its known voxels; what comes out in the gap is the fill.
It would learn the photon noise in the end, so voxels are held out, and what predicts them best is
kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from bcdi_inpaint.arrays import BoolArray, FloatArray
from bcdi_inpaint.network.published.layers import CONV
from bcdi_inpaint.selftaught.budget import Best, Budget
from bcdi_inpaint.selftaught.scaling import Scaling

GROUPS = 4
"""Of the group normalisation; the paper's is by batch, and a batch is one scan here."""


@dataclass(frozen=True)
class DipSettings:
    """How a deep image prior is made and learned.

    Attributes
    ----------
    channels : of each level of the encoder, from the full resolution down; multiples of `GROUPS`.
        Fewer than the paper's 128, for a processor without GPU; no committed command.
    skip : channels of each skip, as in the paper.
    inputs : channels of the fixed noise; the paper's 32 cost too much at full resolution.
    rate : of Adam. Of 1e-4 to 0.1, which the slides on SAXS tried; the paper's own is 0.01.
    input_noise : standard deviation of the noise that is added to the input in every step, of the
        slides' 0 to 0.3. The paper's 0.03 is of 32 channels, over which it is averaged: with 8 the
        network learns fringes more slowly, and fills worse.
    weight_noise : the same of the weights, in standard deviations of each layer's; the paper's
        code has 0.02 where it is used.
    average : decay of the moving average of the outputs, as in the paper's code.
    every : steps between two looks at the held-out voxels; no committed command.
    """

    channels: tuple[int, ...] = (16, 32, 64, 64)
    skip: int = 4
    inputs: int = 8
    rate: float = 0.003
    input_noise: float = 0.0
    weight_noise: float = 0.0
    average: float = 0.9
    every: int = 10

    @property
    def divisor(self) -> int:
        """The network's arrays have sides that are multiples of this; the scan need not."""
        return int(2 ** len(self.channels))


def _block(n_dim: int, n_in: int, n_out: int, *, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        CONV[n_dim](n_in, n_out, kernel, stride=stride, padding=kernel // 2),
        nn.GroupNorm(GROUPS, n_out),
        nn.LeakyReLU(0.2),
    )


class PriorNetwork(nn.Module):
    """An encoder-decoder with thin skips; see Fig. 21 of the paper's supplement.

    Parameters
    ----------
    n_dim : 2 or 3.
    settings : its channels.
    """

    def __init__(self, n_dim: int, settings: DipSettings) -> None:
        super().__init__()
        self.down, self.skips, self.up = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        n_in = settings.inputs
        for n_out in settings.channels:
            self.skips.append(_block(n_dim, n_in, settings.skip, kernel=1))
            self.down.append(
                nn.Sequential(_block(n_dim, n_in, n_out, stride=2), _block(n_dim, n_out, n_out))
            )
            n_in = n_out
        for n_out in reversed(settings.channels):
            self.up.append(_block(n_dim, n_in + settings.skip, n_out))
            n_in = n_out
        self.head = CONV[n_dim](n_in, 1, 1)

    def forward(self, noise: Tensor) -> Tensor:
        """(1, inputs, *spatial) to (1, 1, *spatial)."""
        kept: list[Tensor] = []
        values = noise
        for skip, down in zip(self.skips, self.down, strict=True):
            kept.append(skip(values))
            values = down(values)
        for up, thin in zip(self.up, reversed(kept), strict=True):
            values = nn.functional.interpolate(values, scale_factor=2)
            values = up(torch.cat([values, thin], dim=1))
        found: Tensor = self.head(values)
        return found


def deep_image_prior(
    log_counts: FloatArray,
    unknown: BoolArray,
    held_out: BoolArray,
    rng: np.random.Generator,
    budget: Budget,
    *,
    begun: FloatArray | None = None,
    device: torch.device | None = None,
    settings: DipSettings = DipSettings(),
) -> Best:
    """Fill an array of 2 or 3 dimensions by a deep image prior.

    Parameters
    ----------
    log_counts : (*spatial) log(1 + counts); any number where unknown. Not changed.
    unknown : the same shape, bool: gaps and bad voxels.
    held_out : the same shape, bool: known voxels that are not learned from, but choose when it is
        best. None True: the last is taken.
    rng : source of the noise and of the first weights.
    budget : how long it may take; Ctrl-C ends it sooner.
    begun : the same shape, log counts of a fill that is taken where no step is better in the
        held-out voxels; not looked at without these.
    device : where it computes; None for the processor.
    settings : of the network and the optimiser.

    Returns
    -------
    The best fill.

    Raises
    ------
    InputError
        Nothing is known, or the budget is too small for one step.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> unknown = np.zeros((16, 16), dtype=bool)
    >>> unknown[:, 7:9] = True
    >>> best = deep_image_prior(np.full((16, 16), 2.0), unknown, ~unknown & False, rng, Budget(2))
    >>> best.steps, best.log_counts.shape
    (2, (16, 16))
    """
    learned = ~(unknown | held_out)
    scaling = Scaling.of(log_counts, learned)
    where = device or torch.device("cpu")
    target = torch.from_numpy(scaling.scaled(log_counts, ~unknown)).to(where)
    weights = torch.from_numpy(learned.copy()).to(where)
    best = Best()
    if begun is not None and held_out.any():
        best.offer(begun, float(((begun - log_counts)[held_out] ** 2).mean()))
    outputs = _outputs(target, weights, rng, budget, settings)
    average: Tensor | None = None
    try:
        for step, output in outputs:
            best.steps = step + 1
            average = output if average is None else average.lerp(output, 1 - settings.average)
            if step % settings.every == 0 or best.steps == budget.steps:
                _offer(best, average, target, held_out, scaling)
    except KeyboardInterrupt:
        best.interrupted = True
        if average is None:
            raise
    assert average is not None
    _offer(best, average, target, held_out, scaling)
    return best


def _offer(
    best: Best, output: Tensor, target: Tensor, held_out: BoolArray, scaling: Scaling
) -> None:
    """Offer what came out, judged where counts were held out; the latest where none were."""
    found, truth = output.cpu().numpy(), target.cpu().numpy()
    error = float(((found - truth)[held_out] ** 2).mean()) if held_out.any() else 0.0
    best.offer(scaling.restored(found), error * scaling.span**2)


def _outputs(
    target: Tensor,
    learned: Tensor,
    rng: np.random.Generator,
    budget: Budget,
    settings: DipSettings,
) -> Iterator[tuple[int, Tensor]]:
    """Each step and what the network made of the noise in it, of the target's shape."""
    generator = torch.Generator(target.device).manual_seed(int(rng.integers(2**62)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**62)))
        network = PriorNetwork(target.ndim, settings).to(target.device)
    assert network.head.bias is not None
    nn.init.constant_(network.head.bias, float(target[learned].mean()))
    sides = [-(-n // settings.divisor) * settings.divisor for n in target.shape]
    inside = (0, 0, *(slice(n) for n in target.shape))
    noise = 0.1 * torch.rand(1, settings.inputs, *sides, device=target.device, generator=generator)
    optimizer = torch.optim.Adam(network.parameters(), settings.rate)
    for step in budget.spend():
        _shake(network, settings.weight_noise, generator)
        jitter = torch.randn(noise.shape, device=noise.device, generator=generator)
        output = network(noise + settings.input_noise * jitter)[inside]
        loss = ((output - target)[learned] ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield step, output.detach()


@torch.no_grad()
def _shake(network: nn.Module, share: float, generator: torch.Generator) -> None:
    """Add noise to the weights of convolutions, a share of their standard deviation."""
    if share:
        for weight in network.parameters():
            if weight.ndim > 1:
                noise = torch.randn(weight.shape, device=weight.device, generator=generator)
                weight.add_(share * weight.std() * noise)
