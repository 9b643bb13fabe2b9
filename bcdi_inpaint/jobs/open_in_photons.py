"""The scan of a request, opened with its masks and seen as photons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.checks.numbers import NumberWishes, Prepared, prepare
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import (
    following,
    is_mask_of,
    open_scan,
    read_mask,
    split_spec,
)
from bcdi_inpaint.jobs.request import Request, mask_files
from bcdi_inpaint.scan.crop import Crop
from bcdi_inpaint.scan.remarks import Remark, Remarks
from bcdi_inpaint.scan.scan import Measured


def open_in_photons(request: Request, drawn: Sequence[BoolArray] = ()) -> Prepared:
    """Open the scan of a request and see it as photons; errors as `open_scan` and `prepare`.

    `drawn` are further masks, True = bad, (n_y, n_x) or of the scan's shape.
    """
    bad = mask_files(request.masks)
    with following(request.follow_links):
        is_own = any(is_mask_of(spec, request.scan) for spec in request.mask_good)
        added = [] if is_own else bad
        scan = open_scan(request.scan, added, request.crop, request.axes)
        scan = replace(scan, remarks=tuple(_still_true(scan.remarks, request)))
        own = [spec for spec in request.mask_good if _is_own(spec, request.scan, scan)]
        good = [spec for spec in request.mask_good if spec not in own]
        more = [spec for spec in bad if spec not in added]
        more_masks = _read(more, scan, request.crop, good=False)
        masks = (*more_masks, *_read(good, scan, request.crop), *drawn)
    wishes = NumberWishes(
        request.photon,
        request.clip,
        "invalid" in request.masks,
        "negative" in request.masks,
        masks,
        bool(own),
    )
    return prepare(scan, wishes, request.scan, tuple(bad))


def _still_true(remarks: Remarks, request: Request) -> Iterator[Remark]:
    """The remarks without those on masks that are used in another way."""
    used = [spec for spec in (request.gap_mask, *request.mask_good) if spec is not None]
    names = [split_spec(spec)[0].name for spec in used]
    for remark in remarks:
        if remark.kind != "mask-not-used" or not any(name in remark.text for name in names):
            yield remark


def _is_own(spec: str, name: str, scan: Measured) -> bool:
    """Whether a mask is the scan's own; InputError for that of a scan that has none."""
    if not is_mask_of(spec, name):
        return False
    if scan.flags_dtype is None and split_spec(spec)[1] is None:
        raise InputError(
            f"mask-good {spec} is the scan itself, which has no mask, expected the file of one: "
            "leave it out"
        )
    return scan.flags_dtype is not None


def _read(
    specs: Sequence[str | Path], scan: Measured, crop: Crop | None, *, good: bool = True
) -> list[BoolArray]:
    """Mask files as bad voxels."""
    masks = [read_mask(spec, scan.shape, crop) for spec in specs]
    masks = [mask[0] if mask.strides[0] == 0 else mask for mask in masks]
    return [~mask if good else mask for mask in masks]
