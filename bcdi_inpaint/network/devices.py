"""Where the network runs, and in which precision."""

from __future__ import annotations

import torch

from bcdi_inpaint.errors import InputError


def choose_device(device: str) -> torch.device:
    """The torch device of ``auto``, ``cpu`` or ``cuda``; InputError if it is not there.

    Examples
    --------
    >>> choose_device("cpu")
    device(type='cpu')
    """
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device is {device!r}, expected auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device is 'cuda', expected a GPU that torch sees: use auto or cpu")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def fast_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 faster than float32: processors with AMX, newer GPUs."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    is_there = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return is_there is not None and bool(is_there())


def fast_precision(device: torch.device) -> torch.autocast:
    """A context in which the network multiplies bfloat16 where the device does that faster.

    The network was trained so, and its correction alone is rounded, not the guess it corrects.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=fast_bfloat16(device))
