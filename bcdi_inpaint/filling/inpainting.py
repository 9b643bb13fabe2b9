"""Filling the gaps of a scan: patches over the gaps, the network, the mean of the overlaps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array, IntArray
from bcdi_inpaint.classical.runs import shortest_runs
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.fill import LEAST_COUNTS, Fill, FillReport
from bcdi_inpaint.filling.fillable import FillablePart, fillable_part, fillable_part_of
from bcdi_inpaint.filling.light_map import LightMap, dim_scale, map_light
from bcdi_inpaint.filling.patches import PatchLocation, cut, over_plane, over_voxels
from bcdi_inpaint.filling.regions import Region, lit_regions
from bcdi_inpaint.filling.stitching import Stitcher, trust
from bcdi_inpaint.filling.streamed_fill import FilledRegion, StreamedFill
from bcdi_inpaint.gaps.masks import GapRegion, find_planes
from bcdi_inpaint.network.channels import CHANNEL_ORDER, Features, GuessKind, compute_features
from bcdi_inpaint.network.units import LOG_UNIT, from_network
from bcdi_inpaint.network.weights import Model, load_weights
from bcdi_inpaint.peak.friedel import find_centre, mate_source
from bcdi_inpaint.running.threads import in_threads
from bcdi_inpaint.scan.boxes import Box, blocks, volume, whole
from bcdi_inpaint.scan.scan import Measured, Scan

PATCH = 32
STRIDE = 24
"""Voxels between patches along a gap, of 32. From `benchmarks/stride.py`: 4 to 24 fill alike, in
Pearson to 1e-4, 32 begins to lose."""
BATCH = 16
CENTRE_WINDOW = 72
"""Voxels around the brightest part of the scan in which the peak's centre is looked for.

The search goes 12 from the brightest voxel and compares 48 on each side of that.
"""


def choose_device(device: str) -> torch.device:
    """The torch device of ``auto``, ``cpu`` or ``cuda``; InputError if it is not there."""
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device is {device!r}, expected auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device is 'cuda', expected a GPU that torch sees: use auto or cpu")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def fast_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 faster than float32: processors with AMX, newer GPUs.

    The network was trained so, and its correction alone is rounded, not the guess it corrects.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    is_there = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return is_there is not None and bool(is_there())


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
    gap = _as_mask(gap_mask, counts.shape, "gap_mask")
    bad = np.zeros_like(gap) if bad_mask is None else _as_mask(bad_mask, counts.shape, "bad_mask")
    scan = Scan(counts, bad)
    if not gap.any():
        raise InputError("gap_mask is empty, expected voxels to fill: there is nothing to do")
    voxels = GapRegion.of(gap)
    return inpaint_scan(scan, voxels, model, device, stride=stride, progress=progress).whole


def inpaint_scan(
    scan: Measured,
    gap: GapRegion,
    model: str | Path | Model = "default",
    device: str = "auto",
    *,
    stride: int = STRIDE,
    progress: Callable[[int, int], None] | None = None,
) -> StreamedFill:
    """Fill the gaps of a scan that may stay in its file; see `inpaint`.

    It is gone through once to see where there is light; then only the regions around lit parts of
    the gaps are in memory, one after another.
    """
    if not 1 <= stride <= PATCH:
        raise InputError(
            f"stride is {stride}, expected 1 to {PATCH}, so that patches leave no hole"
        )
    work = plan_work(scan, gap, stride)
    where = choose_device(device)
    loaded = model if isinstance(model, Model) else load_weights(model)
    report = FillReport(work.plan.warnings, work.n_lit, work.n_patches - work.n_lit, where.type)
    told = _Told(progress, work.n_patches, report.n_unlit)
    centre = _centre(scan, gap, work.light) if work.regions else None
    filled = []
    for region in work.regions:
        assert centre is not None
        widths = _widths(scan, gap, region.box, work.plan)  # takes memory: before the features do
        seen = region_features(scan, gap, region.box, centre, loaded.network.config.guess)
        filled.append(_fill_region(seen, widths, region, work, loaded, where, told))
    return StreamedFill(
        scan,
        work.plan,
        work.light,
        tuple(filled),
        loaded.calibration,
        loaded.name,
        loaded.sha256,
        report,
    )


@dataclass(frozen=True)
class Work:
    """What there is to do in a scan: what can be filled, where there is light, and the patches.

    `n_patches` counts those that see no signal, too, which the network is not asked about.
    """

    plan: FillablePart
    light: LightMap
    regions: tuple[Region, ...]
    n_patches: int

    @property
    def n_lit(self) -> int:
        """Patches for the network."""
        return sum(len(region.lit) for region in self.regions)


def plan_work(scan: Measured, gap: GapRegion, stride: int = STRIDE) -> Work:
    """Go through a scan and see what there is to do; errors as `inpaint`."""
    light = map_light(scan, gap)
    bad = None if gap.rest is None else scan.bad_in(whole(scan.shape))
    plan = fillable_part_of(gap, light.known_lines, bad)
    if plan.is_empty:
        raise InputError(f"no part of the gaps can be filled: {plan.warnings[0]}")
    unknown = None if bad is None else bad | gap.part(whole(scan.shape))
    places = _places(plan, stride, unknown)
    return Work(plan, light, tuple(lit_regions(places, light)), len(places))


def _as_mask(mask: np.ndarray, shape: tuple[int, ...], name: str) -> BoolArray:
    """A mask (n_y, n_x) or (n_rock, n_y, n_x) of the counts' shape, as booleans."""
    if mask.shape not in (shape, shape[1:]):
        raise InputError(f"{name} has the shape {mask.shape}, expected {shape} or {shape[1:]}")
    return np.ascontiguousarray(np.broadcast_to(mask != 0, shape))


def _places(
    plan: FillablePart, stride: int, unknown: BoolArray | None
) -> dict[PatchLocation, int | None]:
    """All patches in a fixed order, and the axis across the plane that each lies over.

    None where that is no plane, or several. `unknown` (n_rock, n_y, n_x) bool matters to voxels in
    no plane alone.
    """
    found: dict[PatchLocation, int | None] = {}
    for gap in plan.targets:
        for place in over_plane(gap, plan.shape, PATCH, stride):
            found[place] = gap.axis if found.get(place, gap.axis) == gap.axis else None
    if plan.rest is not None and plan.rest.any():
        assert unknown is not None
        found |= dict.fromkeys(over_voxels(plan.rest, unknown, PATCH))
    return found


def _centre(scan: Measured, gap: GapRegion, light: LightMap) -> Float64Array:
    """The centre of the peak, in voxels of the scan."""
    frames, rows, columns = (
        slice(max(middle - CENTRE_WINDOW, 0), min(middle + CENTRE_WINDOW + 1, n))
        for middle, n in zip(light.brightest, scan.shape, strict=True)
    )
    box = frames, rows, columns
    log_counts, unknown = _log_counts(scan, gap, box)
    return find_centre(log_counts, ~unknown) + [part.start for part in box]


def region_features(
    scan: Measured,
    gap: GapRegion,
    box: Box,
    centre: Float64Array,
    guess: GuessKind = "kriged",
) -> Features:
    """What the network sees of a box of the scan, whose peak has that centre."""
    found = mate_source(box, scan.shape, centre)
    sources = [box] if found is None else [box, found[0]]
    (log_counts, unknown), *opposite = _log_counts_of(scan, gap, sources)  # type: ignore[arg-type]
    mate, mate_known = np.zeros_like(log_counts), np.zeros_like(unknown)
    if found is not None:
        ((seen, hidden),) = opposite
        mate[found[1]], mate_known[found[1]] = np.flip(seen), ~np.flip(hidden)
    corner = [part.start for part in box]
    return compute_features(
        log_counts, unknown, find_planes(unknown), guess, (mate, mate_known), centre - corner
    )


def _log_counts_of(
    scan: Measured, gap: GapRegion, boxes: Sequence[Box]
) -> Iterator[tuple[Float32Array, BoolArray]]:
    """`_log_counts` of some boxes, from one reading where the box around them is no larger."""
    frames, rows, columns = (
        slice(min(part.start for part in parts), max(part.stop for part in parts))
        for parts in zip(*boxes, strict=True)
    )
    hull = frames, rows, columns
    if volume(hull) > sum(map(volume, boxes)):
        yield from (_log_counts(scan, gap, box) for box in boxes)
        return
    log_counts, unknown = _log_counts(scan, gap, hull)
    for box in boxes:
        inner = tuple(
            slice(part.start - outer.start, part.stop - outer.start)
            for part, outer in zip(box, hull, strict=True)
        )
        yield np.ascontiguousarray(log_counts[inner]), np.ascontiguousarray(unknown[inner])


def _log_counts(scan: Measured, gap: GapRegion, box: Box) -> tuple[Float32Array, BoolArray]:
    """log(1 + counts) of a box, 0 where unknown, and where that is."""
    frames, rows, columns = box
    n_frames = frames.stop - frames.start

    def block(of: Box) -> tuple[Float32Array, BoolArray]:
        own = slice(of[0].start + frames.start, of[0].stop + frames.start), rows, columns
        part = scan.part(own)
        unknown = gap.part(own) | part.bad_mask
        with np.errstate(over="ignore", invalid="ignore"):
            known = np.where(unknown, 0, part.counts).astype(np.float32)
        return np.log1p(known), unknown

    log_counts, unknown = zip(*in_threads(block, blocks((n_frames, 1, 1))), strict=True)
    return np.concatenate(log_counts), np.concatenate(unknown)


class _Told:
    """How many patches are done, told after every batch."""

    def __init__(
        self, progress: Callable[[int, int], None] | None, n_patches: int, done: int
    ) -> None:
        self._progress, self._total, self._done = progress, n_patches, done
        self.add(0)

    def add(self, n: int) -> None:
        self._done += n
        if self._progress is not None:
            self._progress(self._done, self._total)


def _widths(scan: Measured, gap: GapRegion, box: Box, plan: FillablePart) -> IntArray:
    """Lengths of the shortest run of unknown voxels through each voxel to fill in a box, (n,)."""
    return shortest_runs(gap.part(box) | scan.bad_in(box), plan.fillable_in(box))


def _fill_region(
    seen: Features,
    widths: IntArray,
    region: Region,
    work: Work,
    model: Model,
    device: torch.device,
    told: _Told,
) -> FilledRegion:
    """The fill of one region from its features and the `_widths` of its gaps."""
    corner = tuple(part.start for part in region.box)
    stitcher = Stitcher(seen.unknown.shape, (PATCH,) * 3, 2)
    for batch in _batches(_moved(region.dim, corner)):
        guesses = _dim_guesses(work.light, region.box, batch)
        stitcher.add_all(batch, guesses, _trusted(seen, batch))
    for batch in _batches(_moved(region.lit, corner)):
        stitcher.add_all(batch, _predict(model, seen, batch, device), _trusted(seen, batch))
        told.add(len(batch))
    filled = work.plan.fillable_in(region.box)
    expected_units, scale_units = stitcher.mean(filled)
    with np.errstate(over="ignore"):
        expected = from_network(expected_units)
    if not (np.isfinite(expected).all() and np.isfinite(scale_units).all()):
        raise InputError(
            f"model {model.name} expects counts that are not finite, its training has failed: use "
            "other weights"
        )
    counts, sigma = np.zeros(filled.shape, np.float32), np.zeros(filled.shape, np.float32)
    counts[filled] = np.maximum(expected, LEAST_COUNTS)
    sigma[filled] = model.calibration.sigma(scale_units * LOG_UNIT, widths, counts[filled])
    return FilledRegion(region.box, counts, sigma)


def _moved(places: Iterable[PatchLocation], corner: tuple[int, ...]) -> list[PatchLocation]:
    """The same places, counted from the corner of a box."""
    return [
        PatchLocation(tuple(a - b for a, b in zip(p.start, corner, strict=True)), p.size)
        for p in places
    ]


def _dim_guesses(light: LightMap, box: Box, batch: list[PatchLocation]) -> Float32Array:
    """What the light around says of patches in a box, (n_batch, 2, *PATCH) in network units."""
    guesses = np.zeros((len(batch), 2, *(PATCH,) * 3), np.float32)
    shape = tuple(part.stop - part.start for part in box)
    for guess, place in zip(guesses, batch, strict=True):
        in_box, in_patch = place.inside(shape)
        frames, rows, columns = (
            slice(a.start + part.start, a.stop + part.start)
            for a, part in zip(in_box, box, strict=True)
        )
        expected = light.expected_in((frames, rows, columns))
        guess[0][in_patch] = np.log1p(expected)
        guess[1][in_patch] = dim_scale(expected)
    return guesses / np.float32(LOG_UNIT)


def _batches(locations: list[PatchLocation]) -> Iterator[list[PatchLocation]]:
    for first in range(0, len(locations), BATCH):
        yield locations[first : first + BATCH]


def _trusted(seen: Features, batch: list[PatchLocation]) -> Float32Array:
    """How far to trust each voxel of patches, (n_batch, *PATCH); outside the array is unknown."""
    return trust(np.stack([cut(seen.unknown, place, True) for place in batch]))


@torch.inference_mode()
def _predict(
    model: Model, seen: Features, batch: list[PatchLocation], device: torch.device
) -> Float32Array:
    """Expected log counts and their error's scale (n_batch, 2, *PATCH) in network units."""
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
    with torch.autocast(device.type, torch.bfloat16, enabled=fast_bfloat16(device)):
        predicted = torch.cat(model.network.to(device)(channels), dim=1)
    return predicted.float().cpu().numpy()


def count_patches(
    gap_mask: np.ndarray, bad_mask: np.ndarray | None = None, stride: int = STRIDE
) -> int:
    """How many patches lie over a gap, those too that see no signal, which cost nothing.

    Masks as for `inpaint`, both (n_rock, n_y, n_x). 0 where nothing can be filled.
    """
    gap = _as_mask(gap_mask, gap_mask.shape, "gap_mask")
    bad = np.zeros_like(gap) if bad_mask is None else _as_mask(bad_mask, gap.shape, "bad_mask")
    return len(_places(fillable_part(gap, bad), stride, gap | bad))


@torch.inference_mode()
def seconds_per_patch(model: str | Path | Model = "default", device: str = "auto") -> float:
    """How long the network takes for a patch here, from a batch of them after one to warm up."""
    loaded = model if isinstance(model, Model) else load_weights(model)
    where = choose_device(device)
    network = loaded.network.to(where)
    batch = torch.zeros((BATCH, len(CHANNEL_ORDER), PATCH, PATCH, PATCH), device=where)
    with torch.autocast(where.type, torch.bfloat16, enabled=fast_bfloat16(where)):
        network(batch[:1])
        started = time.monotonic()
        network(batch)[0].cpu()
    return (time.monotonic() - started) / BATCH
