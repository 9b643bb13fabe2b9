"""Patches of a region through the network: cut, filled, and how long that takes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from bcdi_inpaint.arrays import Float32Array
from bcdi_inpaint.filling.model_settings import settings_for
from bcdi_inpaint.filling.patches import PatchLocation, cut
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.network.channels import CHANNEL_ORDER, Features
from bcdi_inpaint.network.devices import choose_device, fast_precision
from bcdi_inpaint.network.weights import Model, load_model


def batches(locations: Sequence[PatchLocation], size: int) -> Iterator[Sequence[PatchLocation]]:
    """The patches in groups of at most `size`, in their order."""
    for first in range(0, len(locations), size):
        yield locations[first : first + size]


@torch.inference_mode()
def predict_patches(
    model: Model, features: Features, places: Sequence[PatchLocation], device: torch.device
) -> Float32Array:
    """Fill patches with the network.

    Parameters
    ----------
    model : the network.
    features : what it sees of a region.
    places : the patches, in voxels of the region; what lies outside of it is unknown.
    device : where the network runs.

    Returns
    -------
    (n_places, 2, *patch) float32 in network units: expected log counts, and their error's scale.
    """
    patches = np.stack(
        [
            [
                cut(channel, place, name == "unknown").astype(np.float32)
                for name, channel in zip(CHANNEL_ORDER, features.channels(), strict=True)
            ]
            for place in places
        ]
    )
    channels = torch.from_numpy(patches).to(device)
    with fast_precision(device):
        predicted = torch.cat(model.network.to(device)(channels), dim=1)
    return predicted.float().cpu().numpy()


@torch.inference_mode()
def seconds_per_patch(model: str | Path | Model = "default", device: str = "auto") -> float:
    """How long the network takes for a patch here, from a batch of them after one to warm up.

    Raises InputError for a model that does not load or does not take the patches of a scan.
    """
    loaded = model if isinstance(model, Model) else load_model(model)
    chosen, settings = choose_device(device), settings_for(loaded, FillingSettings())
    network = loaded.network.to(chosen)
    sides = (settings.patch,) * 3
    batch = torch.zeros((settings.batch, len(CHANNEL_ORDER), *sides), device=chosen)
    with fast_precision(chosen):
        network(batch[:1])
        started = time.monotonic()
        network(batch)[0].cpu()
    return (time.monotonic() - started) / settings.batch
