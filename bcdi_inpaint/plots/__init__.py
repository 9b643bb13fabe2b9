"""Pictures of scans, fills and training, drawn without a display.

Counts are on a log scale. Axes are named as at the beamline: rocking curve (frame), detector
vertical (row), detector horizontal (column), in array indices. Every function returns the
matplotlib figure, and writes it only if it is given a `path`, whose ending chooses the format:
``.png``, ``.pdf`` or ``.svg``.

What draws is loaded when it is first used: matplotlib takes a second or two.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bcdi_inpaint.plots.comparison import ratio_strips, score_curves
    from bcdi_inpaint.plots.demonstration import demo_panel
    from bcdi_inpaint.plots.filled_scan import before_after
    from bcdi_inpaint.plots.gap_slices import fill_slices
    from bcdi_inpaint.plots.intensities import intensity_panel
    from bcdi_inpaint.plots.losses import loss_curve
    from bcdi_inpaint.plots.patterns import contact_sheet
    from bcdi_inpaint.plots.picture import FORMATS, checked_picture
    from bcdi_inpaint.plots.reconstruction import phasing_panel
    from bcdi_inpaint.plots.slices import brightest_voxel

__all__ = [
    "FORMATS",
    "before_after",
    "brightest_voxel",
    "checked_picture",
    "contact_sheet",
    "demo_panel",
    "fill_slices",
    "intensity_panel",
    "loss_curve",
    "phasing_panel",
    "ratio_strips",
    "score_curves",
]
_HOMES = {
    "FORMATS": "picture",
    "before_after": "filled_scan",
    "brightest_voxel": "slices",
    "checked_picture": "picture",
    "contact_sheet": "patterns",
    "demo_panel": "demonstration",
    "fill_slices": "gap_slices",
    "intensity_panel": "intensities",
    "loss_curve": "losses",
    "phasing_panel": "reconstruction",
    "ratio_strips": "comparison",
    "score_curves": "comparison",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"bcdi_inpaint.plots.{_HOMES[name]}"), name)
