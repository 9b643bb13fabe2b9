"""Filling by adversarial networks: G-opt and Z-opt of Squires et al. (2023).

They make texture that looks like the scan's and meets the gap's border, not the one true filling;
and they take a scan's statistics for the same everywhere, which a diffraction pattern's are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from bcdi_inpaint.arrays import BoolArray, Float32Array, FloatArray
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.selftaught.adversaries import (
    ENLARGED,
    Critic,
    GanSettings,
    Generator,
    critic_loss,
    divergence,
)
from bcdi_inpaint.selftaught.budget import Best, Budget, TooLittleTimeError
from bcdi_inpaint.selftaught.framed_regions import Window, frames, known_patches, lay_windows
from bcdi_inpaint.selftaught.scaling import Scaling

Optimised = Literal["generator", "seeds"]
"""What is made to match the frames: G-opt or Z-opt."""


@dataclass(frozen=True)
class _Regions:
    """Windows of one size, with their seeds, and what their frames hold.

    Attributes
    ----------
    windows : of the images.
    seeds : (n, channels, *small).
    truth, frame : (n, 1, *size): scaled log counts, and where they are in the frame, 1 or 0.
    """

    windows: Sequence[Window]
    seeds: Tensor
    truth: Tensor
    frame: Tensor

    def some(self, order: np.ndarray) -> _Regions:
        """Those of these numbers."""
        at = torch.from_numpy(order).to(self.seeds.device)
        windows = [self.windows[number] for number in order]
        return _Regions(windows, self.seeds[at], self.truth[at], self.frame[at])

    def content(self, generator: Generator) -> Tensor:
        """Mean squared error in the frames."""
        error = (generator(self.seeds) - self.truth) ** 2 * self.frame
        return error.sum() / self.frame.sum().clamp(min=1)


@dataclass(frozen=True)
class _Task:
    """What is to be filled, and what it is learned from; images are (n_images, *spatial)."""

    images: Float32Array
    unknown: BoolArray
    held_out: BoolArray
    side: int
    corners: np.ndarray
    regions: tuple[_Regions, ...]
    scaling: Scaling
    rng: np.random.Generator
    device: torch.device
    settings: GanSettings

    @property
    def n_dim(self) -> int:
        """Of an image."""
        return self.images.ndim - 1

    def normal(self, n: int, sides: Sequence[int]) -> Tensor:
        """Normal seeds (n, channels, *sides)."""
        return _normal(self.rng, (n, self.settings.seed, *sides)).to(self.device)

    def real(self) -> Tensor:
        """A batch of known patches, (batch, 1, *patch)."""
        side = self.side
        drawn = self.corners[self.rng.integers(len(self.corners), size=self.settings.batch)]
        patches = [self.images[c[0]][tuple(slice(s, s + side) for s in c[1:])] for c in drawn]
        return torch.from_numpy(np.stack(patches)[:, None]).to(self.device)

    def offer_begun(self, best: Best, begun: FloatArray) -> None:
        """Offer log counts of another fill in the windows, if it can be judged there."""
        seen = np.zeros_like(self.unknown)
        for window in (each for regions in self.regions for each in regions.windows):
            seen[window.image][window.box] = True
        if (self.held_out & seen).any():
            self._judge(best, self.scaling.scaled(begun, np.ones_like(seen)), seen)

    @torch.no_grad()
    def offer(self, best: Best, generator: Generator) -> None:
        """Lay what the generator makes of the seeds into the gaps, and judge it."""
        total, weight = np.zeros_like(self.images), np.zeros_like(self.images)
        for regions in self.regions:
            for first in range(0, len(regions.windows), 64):
                made = generator(regions.seeds[first : first + 64])[:, 0].cpu().numpy()
                for window, values in zip(regions.windows[first:], made, strict=False):
                    trusted = _trust(window.size)
                    total[window.image][window.box] += values * trusted
                    weight[window.image][window.box] += trusted
        self._judge(best, total / np.maximum(weight, 1e-9), weight > 0)

    def _judge(self, best: Best, made: FloatArray, seen: BoolArray) -> None:
        """Offer scaled log counts where windows lie; elsewhere nothing is filled."""
        hidden = self.unknown | self.held_out
        filled = np.where(hidden & seen, made, self.images)
        judged = self.held_out & seen
        error = float(((filled - self.images)[judged] ** 2).mean()) if judged.any() else 0.0
        logs = self.scaling.restored(filled)
        logs[hidden & ~seen] = np.nan
        best.offer(logs, error * self.scaling.span**2)


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(rng.standard_normal(shape).astype(np.float32))


def _trust(size: Sequence[int]) -> Float32Array:
    """Weights of a window's voxels, which fall from its middle to its edges."""
    found = np.ones((1,) * len(size), np.float32)
    for axis, n in enumerate(size):
        side = np.minimum(np.arange(n), np.arange(n)[::-1]) + 1
        found = found * side.reshape([-1 if a == axis else 1 for a in range(len(size))])
    return found.astype(np.float32)


def adversarial_fill(
    log_counts: FloatArray,
    unknown: BoolArray,
    held_out: BoolArray,
    planes: Sequence[Gap],
    rng: np.random.Generator,
    budget: Budget,
    *,
    optimised: Optimised = "generator",
    begun: FloatArray | None = None,
    device: torch.device | None = None,
    settings: GanSettings = GanSettings(),
) -> Best:
    """Fill planes of images by adversarial networks that learn from these images alone.

    Parameters
    ----------
    log_counts : (n_images, *spatial) log(1 + counts) of images of 2 or 3 dimensions; any number
        where unknown. Not changed.
    unknown : the same shape, bool: gaps and bad voxels.
    held_out : the same shape, bool: known voxels that are hidden, and choose when it is best.
    planes : what is to be filled, held-out planes too; axes are counted in an image.
    rng : source of everything that is drawn.
    budget : how long it may take; Ctrl-C ends it sooner.
    optimised : ``generator`` for G-opt: each region has a fixed seed, and the generator learns to
        meet the frames as well. ``seeds`` for Z-opt: the generator learns alone, then the seeds.
    begun : the same shape, log counts of a fill that is taken where no step is better in the
        held-out voxels; not looked at without these.
    device : where it computes; None for the processor.
    settings : of the networks and their learning.

    Returns
    -------
    The best fill; log counts are nan where nothing was filled, outside of the planes.

    Raises
    ------
    InputError
        Images too small for the frames, no known patch, or a budget too small for one step of the
        generator.
    """
    hidden = unknown | held_out
    scaling = Scaling.of(log_counts, ~hidden)
    images = scaling.scaled(log_counts, ~unknown)
    where = device or torch.device("cpu")
    near = frames(hidden, settings.frame)
    laid = lay_windows(images.shape, planes, settings.frame, ENLARGED)
    regions = tuple(_regions(images, near, windows, rng, where, settings) for windows in laid)
    side, corners = known_patches(hidden, settings.patch, ENLARGED)
    task = _Task(images, unknown, held_out, side, corners, regions, scaling, rng, where, settings)
    learn = _learn_generator if optimised == "generator" else _learn_seeds
    best = Best()
    if begun is not None:
        task.offer_begun(best, begun)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**62)))
        mean = float(np.clip(images[~hidden].mean(), 0.01, 0.99))
        generator = Generator(task.n_dim, settings, mean).to(where)
        critic = Critic(task.n_dim, settings).to(where)
    try:
        for number, _ in enumerate(learn(task, generator, critic, budget)):
            best.steps = number + 1
            if number % settings.every == 0:
                task.offer(best, generator)
    except KeyboardInterrupt:
        if not best.steps:
            raise
        best.interrupted = True
    except TooLittleTimeError:
        if any(weight.requires_grad for weight in generator.parameters()):
            raise
        best.cut_short = True  # the seeds alone had no time, and the generator has learned
    task.offer(best, generator)
    return best


def _regions(
    images: Float32Array,
    near: BoolArray,
    windows: Sequence[Window],
    rng: np.random.Generator,
    device: torch.device,
    settings: GanSettings,
) -> _Regions:
    """The windows with random seeds, and what lies in their frames."""
    sides = [n // ENLARGED for n in windows[0].size]
    seeds = _normal(rng, (len(windows), settings.seed, *sides)).to(device)
    truth, frame = (
        np.stack([array[w.image][w.box] for w in windows])[:, None].astype(np.float32)
        for array in (images, near)
    )
    return _Regions(
        windows, seeds, torch.from_numpy(truth).to(device), torch.from_numpy(frame).to(device)
    )


def _adversarial_steps(
    task: _Task,
    generator: Generator,
    critic: Critic,
    budget: Budget,
    content: Callable[[], Tensor] | None,
) -> Iterator[None]:
    """The critic learns in every step, the generator in some, from frames too where it is told."""
    settings, sides = task.settings, (task.side // ENLARGED,) * task.n_dim
    betas = (0.0, 0.9)  # Gulrajani et al.
    of_critic = torch.optim.Adam(critic.parameters(), settings.rate, betas)
    of_generator = torch.optim.Adam(generator.parameters(), settings.rate, betas)
    # Less would leave the generator as it was made, and its noise would be the fill.
    for step in budget.spend(least=settings.critic_steps):
        real, seeds = task.real(), task.normal(settings.batch, sides)
        mix = torch.from_numpy(task.rng.random(settings.batch).astype(np.float32))
        mix = mix.reshape(-1, *(1,) * (task.n_dim + 1)).to(task.device)
        loss = critic_loss(critic, real, generator(seeds).detach(), mix, settings.penalty)
        _step(of_critic, loss)
        if (step + 1) % settings.critic_steps == 0:
            loss = -critic(generator(task.normal(settings.batch, sides))).mean()
            if content is not None:
                loss = loss + settings.content * content()
            _step(of_generator, loss)
        yield


def _step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def _drawn(task: _Task) -> _Regions:
    """Some regions of one gap."""
    regions = task.regions[int(task.rng.integers(len(task.regions)))]
    n = min(task.settings.regions, len(regions.windows))
    return regions.some(task.rng.choice(len(regions.windows), n, replace=False))


def _learn_generator(
    task: _Task, generator: Generator, critic: Critic, budget: Budget
) -> Iterator[None]:
    """G-opt: the generator learns both what looks real and the frames of its fixed seeds."""
    yield from _adversarial_steps(
        task, generator, critic, budget, lambda: _drawn(task).content(generator)
    )


def _learn_seeds(
    task: _Task, generator: Generator, critic: Critic, budget: Budget
) -> Iterator[None]:
    """Z-opt: the generator learns what looks real; then seeds learn the frames, still normal."""
    share = task.settings.training_share
    yield from _adversarial_steps(task, generator, critic, budget.part(0, share), None)
    generator.requires_grad_(False)
    seeds = [regions.seeds.requires_grad_() for regions in task.regions]
    optimizer = torch.optim.Adam(seeds, task.settings.seed_rate)
    for _ in budget.part(share, 1).spend():
        drawn = _drawn(task)
        loss = drawn.content(generator) + task.settings.divergence * divergence(drawn.seeds).mean()
        _step(optimizer, loss)
        yield
