"""Fill detector gaps in Bragg coherent diffraction scans.

    import bcdi_inpaint as bcdi

    scan = bcdi.read_scan("scan.cxi")
    gaps = bcdi.find_gaps(scan)
    fill = bcdi.inpaint(scan, gaps)  # arrays do as well: bcdi.inpaint(counts, gap_mask)
    fill = bcdi.refine(scan, gaps, fill)
    crystal = bcdi.phase(scan, fill)  # with PyNX
    bcdi.write_cxi("filled.cxi", scan, fill)
    bcdi.view(scan, gaps, fill)  # in a window

The names are loaded when they are first used, so that importing the package takes no time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bcdi_inpaint.api import expected_benefit, inpaint, phase, refine
    from bcdi_inpaint.checks.gap_search import find_gaps
    from bcdi_inpaint.errors import InputError
    from bcdi_inpaint.files.example import load_example
    from bcdi_inpaint.files.reading import read_scan
    from bcdi_inpaint.filling.fill import Fill
    from bcdi_inpaint.jobs.write_fill import write_cxi
    from bcdi_inpaint.network.weights import load_model
    from bcdi_inpaint.scan.scan import Scan
    from bcdi_inpaint.training.finetuning import finetune
    from bcdi_inpaint.window.opening import view

    __version__: str

__all__ = [
    "Fill",
    "InputError",
    "Scan",
    "__version__",
    "expected_benefit",
    "find_gaps",
    "finetune",
    "inpaint",
    "load_example",
    "load_model",
    "phase",
    "read_scan",
    "refine",
    "view",
    "write_cxi",
]

_HOMES = {
    "Fill": "filling.fill",
    "InputError": "errors",
    "Scan": "scan.scan",
    "expected_benefit": "api",
    "find_gaps": "checks.gap_search",
    "finetune": "training.finetuning",
    "inpaint": "api",
    "load_example": "files.example",
    "load_model": "network.weights",
    "phase": "api",
    "read_scan": "files.reading",
    "refine": "api",
    "view": "window.opening",
    "write_cxi": "jobs.write_fill",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name == "__version__":
        from importlib.metadata import version

        return version("bcdi-inpaint")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"bcdi_inpaint.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
