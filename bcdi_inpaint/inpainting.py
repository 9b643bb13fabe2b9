"""Filling the gaps of a scan: patches over the gaps, the network, the mean of the overlaps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdi_inpaint.calibration import Calibration
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.features import CHANNEL_ORDER, Features, features
from bcdi_inpaint.gaps import planes
from bcdi_inpaint.interpolation import run_lengths
from bcdi_inpaint.patches import PatchLocation, cut, over_plane, over_voxels
from bcdi_inpaint.prefill import prefill
from bcdi_inpaint.reach import Reach, reach
from bcdi_inpaint.scaling import LOG_UNIT, from_network
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
DARK_SCALE = 1e-3
"""Error's scale, in natural logarithms, where a whole patch sees no photon."""
LARGEST_LOG = 80.0
"""Of a bound, so that it stays a finite number in single precision."""
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
    sigma : (n_rock, n_y, n_x) float32, standard deviation of log(1 + expected counts), 0 outside
        `filled`.
    calibration : what makes the intervals hold on held-out simulation; see `Calibration`.
    warnings : one line for each part of the gaps that was not filled.
    n_patches : how many patches the network has seen.
    device : where it ran.
    model : the name of the weights; `model_sha256` is their hash.
    """

    counts: FloatArray
    filled: BoolArray
    sigma: FloatArray
    calibration: Calibration
    warnings: tuple[str, ...]
    n_patches: int
    device: str
    model: str
    model_sha256: str

    def interval(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Bounds of the expected counts that hold with probability `level`, 0 to 1.

        Two arrays (n_rock, n_y, n_x), outside `filled` both the counts themselves. Raises
        InputError for another level.
        """
        expected = self.counts[self.filled]
        half_width = self.sigma[self.filled] * self.calibration.half_width(level, expected)
        bounds = []
        for side in (-1, 1):
            log_bound = np.log1p(expected) + side * half_width
            bound = self.counts.copy()
            bound[self.filled] = np.expm1(np.clip(log_bound, 0, LARGEST_LOG))
            bounds.append(bound)
        return bounds[0], bounds[1]


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
    filled, sigma, n_patches = _fill(scan, gap | bad, plan, loaded, where, stride, progress)
    return Fill(
        filled,
        plan.fillable,
        sigma,
        loaded.calibration,
        plan.warnings,
        n_patches,
        where.type,
        loaded.name,
        loaded.sha256,
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
) -> tuple[FloatArray, FloatArray, int]:
    """Counts (n_rock, n_y, n_x) with everything fillable filled, sigma, and the patches it took."""
    with np.errstate(over="ignore", invalid="ignore"):  # marks of bad pixels, kept as they are
        counts = scan.counts.astype(np.float32)
    seen = features(np.log1p(np.where(unknown, 0, counts)), unknown, planes(unknown))
    locations = _locations(plan, unknown, stride)
    stitcher = Stitcher(scan.shape, (PATCH,) * 3, 2)
    lit, dark = _divided(seen.guess, locations)
    nothing = np.zeros((2, *(PATCH,) * 3), dtype=np.float32)
    nothing[1] = DARK_SCALE / LOG_UNIT
    for location in dark:
        hidden = torch.from_numpy(cut(unknown, location, True))
        stitcher.add(location, nothing, _trust(hidden[None, None])[0, 0].numpy())
    done = len(dark)
    for batch in _batches(lit):
        predicted, trust = _predict(model, seen, batch, device)
        for location, patch, weight in zip(batch, predicted, trust, strict=True):
            stitcher.add(location, patch, weight)
        done += len(batch)
        if progress is not None:
            progress(done, len(locations))
    expected_units, scale_units = stitcher.mean(plan.fillable)
    with np.errstate(over="ignore"):
        expected = from_network(expected_units)
    if not (np.isfinite(expected).all() and np.isfinite(scale_units).all()):
        raise InputError(
            f"model {model.name} expects counts that are not finite, its training has failed: use "
            "other weights"
        )
    counts[plan.fillable] = np.maximum(expected, LEAST_COUNTS)
    sigma = np.zeros(scan.shape, dtype=np.float32)
    widths = np.min(run_lengths(unknown), axis=0)[plan.fillable]
    sigma[plan.fillable] = model.calibration.sigma(
        scale_units * LOG_UNIT, widths, counts[plan.fillable]
    )
    return counts, sigma, len(lit)


def _divided(
    guess: FloatArray, locations: list[PatchLocation]
) -> tuple[list[PatchLocation], list[PatchLocation]]:
    """Patches that see a photon, and those that do not: there nothing can be expected."""
    lit: list[PatchLocation] = []
    dark: list[PatchLocation] = []
    for location in locations:
        in_volume, _ = location.inside(guess.shape)
        (lit if guess[in_volume].any() else dark).append(location)
    return lit, dark


def _batches(locations: list[PatchLocation]) -> Iterator[list[PatchLocation]]:
    for first in range(0, len(locations), BATCH):
        yield locations[first : first + BATCH]


@torch.inference_mode()
def _predict(
    model: Model, seen: Features, batch: list[PatchLocation], device: torch.device
) -> tuple[FloatArray, FloatArray]:
    """Expected log counts and their error's scale (n_batch, 2, *PATCH) in network units.

    And how far to trust each voxel, (n_batch, *PATCH). Outside the array is unknown.
    """
    patches = np.stack(
        [
            [
                cut(channel, place, name == "unknown").astype(np.float32)
                for name, channel in zip(CHANNEL_ORDER, seen.channels(), strict=True)
            ]
            for place in batch
        ]
    )
    channels = torch.from_numpy(patches).to(device)
    predicted = torch.cat(model.network.to(device)(channels), dim=1)
    trust = _trust(channels[:, CHANNEL_ORDER.index("unknown")][:, None] > 0)
    return predicted.float().cpu().numpy(), trust[:, 0].cpu().numpy()


def _trust(unknown: Tensor) -> Tensor:
    """How far to trust each voxel of patches `unknown` (batch, 1, *PATCH); the same shape."""
    # The first guess of ones is 1 where a voxel lies between known ones, else 0.
    between = prefill(torch.ones(unknown.shape, device=unknown.device), unknown)
    return between.clamp(min=ONE_SIDED_TRUST)


def count_patches(
    gap_mask: np.ndarray, bad_mask: np.ndarray | None = None, stride: int = STRIDE
) -> int:
    """How many patches `inpaint` goes through, those without a photon too, which cost nothing.

    Masks as for `inpaint`, both (n_rock, n_y, n_x). 0 where nothing can be filled.
    """
    gap = _as_mask(gap_mask, gap_mask.shape, "gap_mask")
    bad = np.zeros_like(gap) if bad_mask is None else _as_mask(bad_mask, gap.shape, "bad_mask")
    plan = reach(gap, bad)
    return len(_locations(plan, gap | bad, stride)) if plan.fillable.any() else 0


@torch.inference_mode()
def seconds_per_patch(model: str | Path | Model = "default", device: str = "auto") -> float:
    """How long the network takes for a patch here, from a batch of them after one to warm up."""
    loaded = model if isinstance(model, Model) else load_weights(model)
    where = choose_device(device)
    network = loaded.network.to(where)
    batch = torch.zeros((BATCH, len(CHANNEL_ORDER), PATCH, PATCH, PATCH), device=where)
    network(batch[:1])
    started = time.monotonic()
    network(batch)[0].cpu()
    return (time.monotonic() - started) / BATCH
