"""What a fill does to an autoencoder's view of the patterns (Chavez et al. (2022), section 4.4).

An autoencoder learns a set of images, and each image's place in its latent space has nearest
neighbours. For the same images with a masked or a filled gap another autoencoder learns anew, and
what counts is how many of the neighbours are the same.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch import Tensor, nn

from bcdi_inpaint.arrays import Float32Array
from bcdi_inpaint.studies.config import LatentConfig

BATCH, RATE = 32, 1e-3
"""Images of a step of the training, and the rate of Adam."""
CHANNELS = (16, 32, 64, 64)
"""Of the encoder's convolutions, each of which halves the sides; no committed command."""


class Encoder(nn.Module):
    """Images (n, 1, size, size) to a vector of the latent space, and back.

    Parameters
    ----------
    size : sides of an image, a multiple of 16.
    dimension : of the latent space.
    """

    def __init__(self, size: int, dimension: int) -> None:
        super().__init__()
        self.small = size // 2 ** len(CHANNELS)
        down: list[nn.Module] = []
        up: list[nn.Module] = []
        for n_in, n_out in zip((1, *CHANNELS), CHANNELS, strict=False):
            down += [nn.Conv2d(n_in, n_out, 3, stride=2, padding=1), nn.ReLU()]
            up = [nn.ReLU(), nn.ConvTranspose2d(n_out, n_in, 4, stride=2, padding=1), *up]
        n_features = CHANNELS[-1] * self.small**2
        self.encode = nn.Sequential(*down, nn.Flatten(), nn.Linear(n_features, dimension))
        self.decode = nn.Sequential(
            nn.Linear(dimension, n_features),
            nn.Unflatten(1, (CHANNELS[-1], self.small, self.small)),
            *up,
        )

    def forward(self, images: Tensor) -> Tensor:
        """The images as they come back."""
        found: Tensor = self.decode(self.encode(images))
        return found


def latent_places(images: Float32Array, config: LatentConfig, seed: int) -> Float32Array:
    """Train an autoencoder on images (n, size, size), and give their places (n, dimension).

    Parameters
    ----------
    images : of one set, in 0..1.
    config : how large the autoencoder is, and how long it learns.
    seed : of its first weights and of the order of the images.
    """
    rng = np.random.default_rng(seed)
    given = torch.from_numpy(images)[:, None]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Encoder(config.size, config.dimension)
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    for _ in range(config.steps):
        some = given[torch.from_numpy(rng.integers(len(given), size=min(BATCH, len(given))))]
        loss = ((network(some) - some) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.inference_mode():
        return np.asarray(network.encode(given).numpy(), dtype=np.float32)


def neighbour_overlap(places: Float32Array, truth: Float32Array, neighbours: int) -> float:
    """The share of nearest neighbours that two sets of places (n, dimension) have in common.

    Parameters
    ----------
    places, truth : of the same images.
    neighbours : how many of each image's nearest are compared.

    Examples
    --------
    >>> places = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    >>> neighbour_overlap(2 * places, places, 10)
    1.0
    """
    one, other = (_nearest(each, neighbours) for each in (places, truth))
    shared = [len({*a} & {*b}) for a, b in zip(one.tolist(), other.tolist(), strict=True)]
    return float(np.mean(shared)) / neighbours


def _nearest(places: Float32Array, neighbours: int) -> np.ndarray:
    """(n, neighbours) numbers of the nearest places of each, without itself."""
    distances = cdist(places, places)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1)[:, :neighbours]


def as_seen(counts: np.ndarray, size: int) -> Float32Array:
    """An image (n_y, n_x) as autoencoders look at it: log(1 + counts) in 0..1, binned.

    Parameters
    ----------
    counts : of the image.
    size : sides of what is looked at; those of the image are multiples of it.

    Examples
    --------
    >>> as_seen(np.full((32, 32), np.e - 1), 16).shape
    (16, 16)
    """
    logs = np.log1p(np.clip(np.nan_to_num(counts), 0, None))
    binned = logs.reshape(size, logs.shape[0] // size, size, -1).mean(axis=(1, 3))
    return (binned / max(float(binned.max()), 1.0)).astype(np.float32)
