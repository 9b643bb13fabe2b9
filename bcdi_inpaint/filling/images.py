"""Filling of images: a network of two dimensions on whole patterns, as the 2D studies need it."""

from __future__ import annotations

import numpy as np
import torch

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.model_settings import own_stride
from bcdi_inpaint.filling.network_patches import batches, predict_patches
from bcdi_inpaint.filling.patches import PatchLocation, cut, over_plane, over_voxels
from bcdi_inpaint.filling.stitching import Stitcher, trust
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import runs_of_lines
from bcdi_inpaint.network.channels import CHANNEL_ORDER, Features, GuessKind, compute_features
from bcdi_inpaint.network.devices import choose_device, fast_precision
from bcdi_inpaint.network.units import from_network
from bcdi_inpaint.network.weights import Model

BATCH = 16
"""Patches that go through the network at once."""


def image_planes(gap_mask: BoolArray) -> tuple[Gap, ...]:
    """The whole rows (axis 0) and columns (axis 1) of a mask (n_y, n_x).

    Examples
    --------
    >>> mask = np.zeros((4, 6), dtype=bool)
    >>> mask[1:3] = True
    >>> [(gap.axis, gap.start, gap.stop) for gap in image_planes(mask)]
    [(0, 1, 3)]
    """
    full = (np.asarray(gap_mask.all(axis=1 - axis)) for axis in range(2))
    return sum((runs_of_lines(axis, lines) for axis, lines in enumerate(full)), ())


def see_image(counts: np.ndarray, unknown: BoolArray, guess: GuessKind = "kriged") -> Features:
    """What a network sees of an image.

    Parameters
    ----------
    counts : (n_y, n_x) photon counts; those that are unknown are unused.
    unknown : (n_y, n_x) bool, gaps and bad voxels.
    guess : how the first guess is made.
    """
    logs = np.log1p(np.where(unknown, 0, counts)).astype(np.float32)
    return compute_features(logs, unknown, image_planes(unknown), guess)


def fill_image(
    counts: np.ndarray,
    gap_mask: BoolArray,
    model: Model,
    *,
    bad_mask: BoolArray | None = None,
    device: str = "auto",
    seen: Features | None = None,
) -> Float32Array:
    """Fill the gaps of one image by a network of two dimensions.

    The whole image at once; a network as published sees patches of the size that it was trained on
    (`Model.own_patch`), centred on the gaps, which are put together as those of a scan are.

    Parameters
    ----------
    counts : (n_y, n_x) photon counts; those of the gap and of bad voxels are unused. Not changed.
    gap_mask : (n_y, n_x) bool, True = to fill.
    model : of two dimensions.
    bad_mask : (n_y, n_x) bool, True = invalid: left as it is, and not looked at.
    device : ``auto``, ``cpu`` or ``cuda``.
    seen : of `see_image` for these counts, gap and bad voxels, where it is there already: several
        networks see the same.

    Returns
    -------
    (n_y, n_x) float32: expected counts in the gap, elsewhere the measured ones, bit for bit.

    Raises
    ------
    InputError
        A model of three dimensions, arrays that do not fit, or an absent device.
    """
    config = model.network.config
    if config.n_dim != 2:
        raise InputError(
            f"model {model.name} has {config.n_dim} dimensions, expected 2 for an image: use "
            "weights of a plan with network.n_dim 2"
        )
    if counts.ndim != 2 or gap_mask.shape != counts.shape:
        raise InputError(
            f"counts and gap mask have the shapes {counts.shape} and {gap_mask.shape}, expected "
            "the same with two sides: give one image"
        )
    unknown = gap_mask if bad_mask is None else gap_mask | bad_mask
    features = seen or see_image(counts, unknown, config.guess)
    filled = counts.astype(np.float32)
    chosen = choose_device(device)
    if model.own_patch is None:
        expected = _expected(features, model, chosen)
    else:
        expected = _expected_in_patches(features, gap_mask, model, model.own_patch, chosen)
    filled[gap_mask] = from_network(expected[gap_mask])
    return filled


def _expected_in_patches(
    features: Features, gap_mask: BoolArray, model: Model, side: int, device: torch.device
) -> Float32Array:
    """The mean of the network's log counts in patches of this side, in network units."""
    stride = own_stride(side)
    shape, rest = gap_mask.shape, gap_mask.copy()
    places: list[PatchLocation] = []
    for plane in image_planes(gap_mask):
        places += over_plane(plane, shape, side, stride)
        rest[(slice(None),) * plane.axis + (slice(plane.start, plane.stop),)] = False
    places = [*dict.fromkeys((*places, *over_voxels(rest, features.unknown, side)))]
    stitcher = Stitcher(shape, (side, side))
    for batch in batches(places, BATCH):
        predicted = predict_patches(model, features, batch, device)[:, :1]
        unknown = np.stack([cut(features.unknown, place, True) for place in batch])
        stitcher.add_all(batch, predicted, trust(unknown))
    expected = np.zeros(shape, np.float32)
    expected[gap_mask] = stitcher.mean(gap_mask)[0]
    return expected


@torch.inference_mode()
def _expected(features: Features, model: Model, device: torch.device) -> Float32Array:
    """The network's log counts of a whole image (n_y, n_x), in network units."""
    divisor = model.network.config.divisor
    channels = np.stack(
        [
            _padded(channel.astype(np.float32), divisor, float(name == "unknown"))
            for name, channel in zip(CHANNEL_ORDER, features.channels(), strict=True)
        ]
    )
    with fast_precision(device):
        expected, _ = model.network.to(device)(torch.from_numpy(channels)[None].to(device))
    inside = tuple(slice(n) for n in features.unknown.shape)
    return expected.float().cpu().numpy()[0, 0][inside]


def _padded(image: Float32Array, divisor: int, value: float) -> Float32Array:
    """An image with rows and columns of a value behind it, up to multiples of the divisor."""
    more = [(0, -n % divisor) for n in image.shape]
    return np.pad(image, more, constant_values=value)
