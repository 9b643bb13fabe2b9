"""Patches: cubes that are cut from slabs, as the network takes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from bcdi_inpaint.arrays import BoolArray, Float32Array, FloatArray
from bcdi_inpaint.network.channels import CHANNEL_ORDER
from bcdi_inpaint.network.units import logs_from_network, logs_to_network
from bcdi_inpaint.training.plan import PatchConfig
from bcdi_inpaint.training.slabs import Slab

LEAST_EXPECTED = 0.3
"""Mean photons in the gap below which a patch teaches little; chosen on training patterns, by no
committed command."""
TRIES = 20
"""Draws of a patch before a dark one is taken; no committed command."""


def draw_patch(
    slab: Slab, config: PatchConfig, rng: np.random.Generator
) -> tuple[NDArray[np.float16], FloatArray, BoolArray]:
    """Cut a cube that holds a part of the slab's gap, and turn and mirror it at random.

    A cube whose gap expects almost no photon is drawn again, mostly.

    Parameters
    ----------
    slab : what to cut from.
    config : how large the cube is, and how often a dark one is taken.
    rng : source of everything that is drawn.

    Returns
    -------
    channels (n_channels, *cube) float16, truth (*cube) and gap (*cube) bool, in network units.
    """
    size, n_dim = config.size, slab.truth.ndim
    width = slab.stop - slab.start
    slack = max(size // 4, (width - size) // 2 + size // 2)
    for _ in range(TRIES):
        middle = (slab.start + slab.stop - size) // 2 + int(rng.integers(-slack, slack + 1))
        corner = [int(np.clip(middle, 0, slab.truth.shape[0] - size))]
        corner += [int(rng.integers(0, n - size + 1)) for n in slab.truth.shape[1:]]
        box = tuple(slice(c, c + size) for c in corner)
        gap = slab.gap[box]
        expected = np.expm1(logs_from_network(slab.truth[box][gap].astype(np.float32)))
        if gap.any() and (expected.mean() > LEAST_EXPECTED or rng.random() < config.faint):
            break
    order, steps = rng.permutation(n_dim), rng.choice((-1, 1), n_dim)
    mirrored = tuple(slice(None, None, int(step)) for step in steps)
    channels = slab.channels[(slice(None), *box)].transpose(0, *(order + 1))
    return (
        channels[(slice(None), *mirrored)],
        slab.truth[box].transpose(order)[mirrored],
        gap.transpose(order)[mirrored],
    )


class PatchDataset(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """`count` patches of `slabs`, each drawn from the seed and its own number alone.

    An item is (channels, truth, gap): (n_channels, *cube) and twice (1, *cube), in network units.

    Parameters
    ----------
    slabs : what to cut from; a slab is drawn for each patch.
    config : how large a patch is, and how often a dark one is taken.
    count : how many patches.
    seed : what a patch's number follows, see `streams`.
    noisy : False for the noise-free expectation as the truth: it spares the network the noise,
        which it cannot know. True for counts as a measurement would show them: the known ones, and
        Poisson numbers about the expectation in unknown voxels.
    """

    def __init__(
        self,
        slabs: Sequence[Slab],
        config: PatchConfig,
        count: int,
        seed: tuple[int, ...],
        *,
        noisy: bool = False,
    ) -> None:
        self._slabs, self._config, self._count, self._seed = slabs, config, count, seed
        self._noisy = noisy

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        rng = np.random.default_rng([*self._seed, index])
        slab = self._slabs[int(rng.integers(len(self._slabs)))]
        channels, truth, gap = draw_patch(slab, self._config, rng)
        assert len(channels) == len(CHANNEL_ORDER)
        if self._noisy:
            truth = _draw_counts(channels, truth, rng)
        return (
            torch.from_numpy(channels.astype(np.float32)),
            torch.from_numpy(truth.astype(np.float32))[None],
            torch.from_numpy(gap.copy())[None],
        )


def _draw_counts(
    channels: NDArray[np.float16], truth: FloatArray, rng: np.random.Generator
) -> Float32Array:
    """Counts that a measurement of a patch (*cube) could show, log(1 + counts) in network units."""
    photons = rng.poisson(np.expm1(logs_from_network(truth.astype(np.float64))))
    unknown = channels[CHANNEL_ORDER.index("unknown")] != 0
    drawn = logs_to_network(np.log1p(photons))
    return np.where(unknown, drawn, channels[CHANNEL_ORDER.index("guess")]).astype(np.float32)
