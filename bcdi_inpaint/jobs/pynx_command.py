"""PyNX's own command line for the files that we write."""

from __future__ import annotations

import shlex
from importlib.util import find_spec
from pathlib import Path

from bcdi_inpaint.files import FILLED_PATH, companion
from bcdi_inpaint.pynx_engine import needs_cpu

PROGRAM = "pynx-cdi-id01"
WINDOW = ("PySide6", "silx", "qtawesome")
"""What `bcdi-inpaint view` is made of."""
FREE = "--zero_mask 0"
"""Masked voxels are free. Left to itself PyNX takes them for zero in most of its cycles."""
WHY_FREE = "without --zero_mask 0 PyNX holds masked voxels at zero for the first 60 % of the cycles"
"""What users of PyNX's own command should know."""


def output_command(output: Path) -> str:
    """PyNX's own command that phases what `predict` wrote; its mask may be in a file beside it.

    >>> output_command(Path("scan_inpainted.cxi"))
    'pynx-cdi-id01 --data scan_inpainted.cxi --zero_mask 0'
    """
    mask = companion(output)
    command = f"{PROGRAM} --data {shlex.quote(str(output))}"
    if mask is not None:
        command += f" --mask {shlex.quote(str(mask))}"
    return f"{command} {FREE}"


def fill_command(output: Path) -> str:
    """The command that phases what `predict` wrote in PyNX's own way, its cycles heeding the fill.

    >>> fill_command(Path("scan_inpainted.cxi"))
    'bcdi-inpaint pynx-cdi-id01 --data scan_inpainted.cxi'
    """
    mask = companion(output)
    command = f"bcdi-inpaint {PROGRAM} --data {shlex.quote(str(output))}"
    return command if mask is None else f"{command} --mask {shlex.quote(str(mask))}"


def look_command(path: str | Path) -> str:
    """The command that shows an output: our own window where its libraries are, else silx's.

    >>> look_command("scan_inpainted.cxi").endswith(" view scan_inpainted.cxi")
    True
    """
    return f"{'bcdi-inpaint' if _has_window() else 'silx'} view {shlex.quote(str(path))}"


def _has_window() -> bool:
    try:
        return all(find_spec(library) is not None for library in WINDOW)
    except ImportError:
        return False


def for_this_machine(command: str) -> str:
    """PyNX's own command as it runs here: without a GPU it stops unless it is told the CPU."""
    return f"PYNX_PU=cpu {command}" if needs_cpu() else command


def masked_gap_options(path: str | Path) -> str:
    """The options that mask the gap of a filled CXI, whose voxels are free then.

    >>> masked_gap_options("scan_inpainted.cxi")
    '--mask scan_inpainted.cxi:/entry_1/instrument_1/detector_1/filled --zero_mask 0'
    """
    return f"--mask {shlex.quote(f'{path}:/{FILLED_PATH}')} {FREE}"
