"""Pictures of scans, fills and training, drawn without a display.

Counts are on a log scale. Axes are named as at the beamline: rocking curve (frame), detector
vertical (row), detector horizontal (column), in array indices. Every function returns the
matplotlib figure, and writes it only if it is given a `path`, whose ending chooses the format:
``.png``, ``.pdf`` or ``.svg``.
"""

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
