"""What a user asks `predict` for, and what can be said of it before the scan is read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import (
    MASK_WORDS,
    check_output,
    companion,
    default_output,
    following,
    identify,
    input_files,
    is_frames,
    own_version,
    sha256,
    split_spec,
)
from bcdi_inpaint.filling.learned_fill import LEARNING
from bcdi_inpaint.filling.methods import NETWORK, check_method
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.network.weights import default_path
from bcdi_inpaint.phasing.handover import CHOICES, DEFAULT, check_name
from bcdi_inpaint.plots import checked_picture
from bcdi_inpaint.scan.crop import Crop


@dataclass(frozen=True)
class Request:
    """What a user asks `predict` for; see its command line for the meaning of each."""

    scan: str
    output: Path | None = None
    force: bool = False
    masks: tuple[str, ...] = ()
    mask_good: tuple[str, ...] = ()
    photon: float | None = None
    clip: bool = False
    model: str = "default"
    method: str = NETWORK
    minutes: float | None = None
    seed: int = 0
    device: str = "auto"
    gaps: tuple[Gap, ...] = ()
    detector: str | None = None
    roi: tuple[int, int] | None = None
    binning: int = 1
    plot: bool = False
    handover: str = DEFAULT
    refine: bool = False
    background: float | None = None
    finetune: bool = False
    finetune_steps: int = 300
    crop: Crop | None = None
    form: str = "cxi"
    follow_links: bool = False
    axes: str = "nyx"
    gap_mask: str | None = None
    trust_gaps: bool = False
    fill_empty: bool = False


_NO_SETTINGS = (
    "scan",
    "output",
    "force",
    "device",
    "plot",
    "masks",
    "mask_good",
    "model",
    "gap_mask",
)


def job_sha256(request: Request, input_sha256: str | None = None) -> str:
    """The hash of a job: of its input, the weights, every setting, and the version.

    Jobs of one hash have the same output. Every field of `Request` is a setting but those that
    leave the fill as it is. `input_sha256` is the hash of the input's file if it is known already.
    """
    model = default_path() if request.model == "default" else Path(request.model)
    settings = [f"{f.name}={getattr(request, f.name)!r}" for f in fields(request)]
    parts = [
        own_version(),
        _input_identity(request, input_sha256),
        sha256(model),
        *(mask if mask in MASK_WORDS else _mask_identity(mask) for mask in request.masks),
        *(f"good={_mask_identity(mask)}" for mask in request.mask_good),
        *([] if request.gap_mask is None else [f"gap {_mask_identity(request.gap_mask)}"]),
        *(line for line in settings if line.partition("=")[0] not in _NO_SETTINGS),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _input_identity(request: Request, input_sha256: str | None) -> str:
    with following(request.follow_links):
        return identify(request.scan, input_sha256)


def _mask_identity(spec: str) -> str:
    """The hash of a mask's file, and its path inside."""
    path, inner = split_spec(spec)
    return f"{sha256(path, inner)}:{inner}"


def check(request: Request, *, planned: bool = False) -> None:
    """Refuse what can be seen before the scan is read: names and options that do not go.

    Where it is only `planned`, an output that exists is no hindrance, nor a folder that is not
    made yet.
    """
    _check_request(request)
    output = request.output or default_output(request.scan, request.form)
    if planned:
        request = replace(request, force=True)
        if not output.parent.exists():
            return
    inputs = [*_inputs(request), *map(str, _files_read(request, output))]
    check_output(output, request.force, inputs, request.form)
    if request.plot:
        checked_picture(output.with_suffix(".png"), request.force)
    weights = weights_output(request, output)
    if weights is not None:
        from bcdi_inpaint.training.finetuned import check_weights_output

        check_weights_output(weights, request.force, [*inputs, request.model])


def _check_request(request: Request) -> None:
    check_name(request.handover, CHOICES)
    _check_method(request)
    path, _ = split_spec(request.scan)
    if not request.scan.strip() or (not path.name and not is_frames(path)):
        raise InputError(f"scan is {request.scan!r}, expected the name of a file: give one")
    _check_masks(request)
    for name, given in (("roi", request.roi is not None), ("binning", request.binning != 1)):
        if given and request.detector is None:
            raise InputError(
                f"{name} is {getattr(request, name)} without a detector, expected one whose table "
                f"it places: add --detector NAME or leave out --{name}"
            )


def _check_masks(request: Request) -> None:
    """Refuse a mask without a name, which is what a shell makes of an unset variable."""
    gap_masks = () if request.gap_mask is None else (request.gap_mask,)
    named = ("mask", request.masks), ("mask-good", request.mask_good), ("gap-mask", gap_masks)
    for option, given in named:
        if not all(mask.strip() for mask in given):
            raise InputError(
                f"--{option} is '', expected the name of a file: give one, or leave it out"
            )


def _check_method(request: Request) -> None:
    """Refuse what the network's options ask of another method, and the other way round."""
    check_method(request.method)
    is_network = request.method == NETWORK
    for name, given in (
        ("model", request.model != "default"),
        ("refine", request.refine),
        ("finetune", request.finetune),
    ):
        if given and not is_network:
            raise InputError(
                f"--{name} is given with the method {request.method}, expected it with {NETWORK} "
                "alone: leave it out"
            )
    if request.background is not None and not request.refine:
        raise InputError(
            f"background is {request.background:g} without --refine, which alone heeds it: add "
            "--refine or leave out --background"
        )
    if request.finetune_steps != Request.finetune_steps and not request.finetune:
        raise InputError(
            f"finetune steps are {request.finetune_steps} without --finetune, which alone takes "
            "them: add --finetune or leave out --finetune-steps"
        )
    if request.minutes is not None and not request.minutes > 0:
        raise InputError(f"minutes is {request.minutes}, expected more than 0: give more")
    if request.minutes is not None and request.method not in LEARNING:
        raise InputError(
            f"minutes is {request.minutes:g} with the method {request.method}, expected it with "
            f"one of {', '.join(LEARNING)}: leave out --minutes"
        )


def weights_output(request: Request, output: Path) -> Path | None:
    """Where the weights that are adapted to the scan will be, None if that was not asked for."""
    return output.with_suffix(".safetensors") if request.finetune else None


def _files_read(request: Request, output: Path) -> list[Path]:
    """The scan's files, its mask's and those that links lead to, where an output might be one."""
    outputs = output, companion(output), weights_output(request, output)
    if not any(path is not None and path.exists() for path in outputs):
        return []
    with following(request.follow_links):
        return input_files(request.scan)


def mask_files(masks: Sequence[str]) -> list[str]:
    """The masks that are files, not words."""
    return [mask for mask in masks if mask not in MASK_WORDS]


def _inputs(request: Request) -> list[str]:
    """The files that are read; no output may replace one."""
    gap_mask = [] if request.gap_mask is None else [request.gap_mask]
    return [request.scan, *mask_files(request.masks), *request.mask_good, *gap_mask]
