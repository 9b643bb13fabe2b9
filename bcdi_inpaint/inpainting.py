"""Filling the gaps of a scan: patches over the gaps, the network, the mean of the overlaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.patches import PatchLocation, cut, over_plane, over_voxels
from bcdi_inpaint.prefill import prefill
from bcdi_inpaint.reach import Reach, reach
from bcdi_inpaint.scaling import from_network, to_network
from bcdi_inpaint.scan import Scan, check_counts
from bcdi_inpaint.stitching import Stitcher
from bcdi_inpaint.weights import Model, load_weights

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

PATCH = 32
STRIDE = 16
BATCH = 16
ONE_SIDED_TRUST = 1e-6
"""Weight of what a patch says of a voxel known from one side only, against one known from both."""
LEAST_COUNTS = 1e-3
"""Of a filled voxel. PyNX's defaults at some beamlines mask what is not above zero."""


@dataclass(frozen=True)
class Fill:
    """A scan with its gaps filled.

    Attributes
    ----------
    counts : (n_rock, n_y, n_x) float32, the expected counts in `filled`, elsewhere the measured
        ones, bit for bit.
    filled : (n_rock, n_y, n_x) bool, which voxels were filled.
    warnings : one line for each part of the gaps that was not filled.
    n_patches : how many patches the network has seen.
    device : where it ran.
    model : the name of the weights; `model_sha256` is their hash.
    """

    counts: FloatArray
    filled: BoolArray
    warnings: tuple[str, ...]
    n_patches: int
    device: str
    model: str
    model_sha256: str


def choose_device(device: str) -> torch.device:
    """The torch device of ``auto``, ``cpu`` or ``cuda``; InputError if it is not there."""
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device is {device!r}, expected auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device is 'cuda', expected a GPU that torch sees: use auto or cpu")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def inpaint(
    counts: np.ndarray,
    gap_mask: np.ndarray,
    model: str | Path | Model = "default",
    device: str = "auto",
    *,
    bad_mask: np.ndarray | None = None,
    stride: int = STRIDE,
    progress: Callable[[int, int], None] | None = None,
) -> Fill:
    """Fill the gaps of a scan.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) photon counts, of any size and number type; not changed.
    gap_mask : (n_rock, n_y, n_x) or (n_y, n_x), True = to fill.
    model : ``default``, a weights file, or a `Model` that is loaded already.
    device : ``auto``, ``cpu`` or ``cuda``.
    bad_mask : (n_rock, n_y, n_x) or (n_y, n_x), True = invalid: not looked at, and not changed
        unless it is in the gap.
    stride : voxels between neighbouring patches along a gap, 1 to 32; smaller is slower and
        smoother.
    progress : called with (patches done, patches in all) after every batch.

    Returns
    -------
    `fill.counts` has the gaps filled; see `Fill`.

    Raises
    ------
    InputError
        For arrays that do not fit, counts that are none, an empty gap mask, a gap none of which
        can be filled, a model that does not load, or an absent device.
    """
    if counts.dtype.kind not in "uif":
        raise InputError(f"counts are {counts.dtype}, expected whole or real numbers")
    if not 1 <= stride <= PATCH:
        raise InputError(
            f"stride is {stride}, expected 1 to {PATCH}, so that patches leave no hole"
        )
    gap = _as_mask(gap_mask, counts.shape, "gap_mask")
    bad = np.zeros_like(gap) if bad_mask is None else _as_mask(bad_mask, counts.shape, "bad_mask")
    scan = Scan(counts, bad)
    if not gap.any():
        raise InputError("gap_mask is empty, expected voxels to fill: there is nothing to do")
    check_counts(scan, gap)
    plan = reach(gap, bad)
    if not plan.fillable.any():
        raise InputError(f"no part of the gaps can be filled: {plan.warnings[0]}")
    where = choose_device(device)
    loaded = model if isinstance(model, Model) else load_weights(model)
    filled, n_patches = _fill(scan, gap | bad, plan, loaded, where, stride, progress)
    return Fill(
        filled, plan.fillable, plan.warnings, n_patches, where.type, loaded.name, loaded.sha256
    )


def _as_mask(mask: np.ndarray, shape: tuple[int, ...], name: str) -> BoolArray:
    """A mask (n_y, n_x) or (n_rock, n_y, n_x) of the counts' shape, as booleans."""
    if mask.shape not in (shape, shape[1:]):
        raise InputError(f"{name} has the shape {mask.shape}, expected {shape} or {shape[1:]}")
    return np.ascontiguousarray(np.broadcast_to(mask != 0, shape))


def _locations(plan: Reach, unknown: BoolArray, stride: int) -> list[PatchLocation]:
    """All patches, each once, in a fixed order."""
    n_rock, n_y, n_x = unknown.shape
    shape = (n_rock, n_y, n_x)
    found = [place for gap in plan.targets for place in over_plane(gap, shape, PATCH, stride)]
    if plan.rest.any():
        found += over_voxels(plan.rest, unknown, PATCH)
    return list(dict.fromkeys(found))


def _fill(
    scan: Scan,
    unknown: BoolArray,
    plan: Reach,
    model: Model,
    device: torch.device,
    stride: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[FloatArray, int]:
    """The counts (n_rock, n_y, n_x) with everything fillable filled, and the patches it took."""
    with np.errstate(over="ignore", invalid="ignore"):  # marks of bad pixels, kept as they are
        counts = scan.counts.astype(np.float32)
    log_counts = to_network(np.where(unknown, 0, counts))
    locations = _locations(plan, unknown, stride)
    stitcher = Stitcher(scan.shape, (PATCH,) * 3)
    lit, dark = _divided(log_counts, locations)
    for location in dark:
        hidden = torch.from_numpy(cut(unknown, location, True))
        nothing = np.zeros(location.size, dtype=np.float32)
        stitcher.add(location, nothing, _trust(hidden[None, None])[0, 0].numpy())
    done = len(dark)
    for batch in _batches(lit):
        predicted, trust = _predict(model, log_counts, unknown, batch, device)
        for location, patch, weight in zip(batch, predicted, trust, strict=True):
            stitcher.add(location, patch, weight)
        done += len(batch)
        if progress is not None:
            progress(done, len(locations))
    with np.errstate(over="ignore"):
        expected = from_network(stitcher.mean(plan.fillable))
    if not np.isfinite(expected).all():
        raise InputError(
            f"model {model.name} expects counts that are not finite, its training has failed: use "
            "other weights"
        )
    counts[plan.fillable] = np.maximum(expected, LEAST_COUNTS)
    return counts, len(lit)


def _divided(
    log_counts: FloatArray, locations: list[PatchLocation]
) -> tuple[list[PatchLocation], list[PatchLocation]]:
    """Patches that see a photon, and those that do not: there nothing can be expected."""
    lit: list[PatchLocation] = []
    dark: list[PatchLocation] = []
    for location in locations:
        in_volume, _ = location.inside(log_counts.shape)
        (lit if log_counts[in_volume].any() else dark).append(location)
    return lit, dark


def _batches(locations: list[PatchLocation]) -> Iterator[list[PatchLocation]]:
    for first in range(0, len(locations), BATCH):
        yield locations[first : first + BATCH]


@torch.inference_mode()
def _predict(
    model: Model,
    log_counts: FloatArray,
    unknown: BoolArray,
    batch: list[PatchLocation],
    device: torch.device,
) -> tuple[FloatArray, FloatArray]:
    """Expected log counts (n_batch, *PATCH) in network units, and how far to trust each voxel.

    Outside the array is unknown.
    """
    seen = np.stack([cut(log_counts, place, 0.0) for place in batch])[:, None]
    hidden = np.stack([cut(unknown, place, True) for place in batch])[:, None]
    network = model.network.to(device)
    log_seen, unknown_there = torch.from_numpy(seen).to(device), torch.from_numpy(hidden).to(device)
    predicted = network(log_seen, unknown_there)
    trust = _trust(unknown_there)
    return predicted[:, 0].float().cpu().numpy(), trust[:, 0].cpu().numpy()


def _trust(unknown: Tensor) -> Tensor:
    """How far to trust each voxel of patches `unknown` (batch, 1, *PATCH); the same shape."""
    # The first guess of ones is 1 where a voxel lies between known ones, else 0.
    between = prefill(torch.ones(unknown.shape, device=unknown.device), unknown)
    return between.clamp(min=ONE_SIDED_TRUST)
