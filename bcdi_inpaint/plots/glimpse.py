"""Thumbnails of a filled scan: a pixel of the picture for each voxel, as PNG.

A page scales them up without blurring. So they are small: some kilobytes each.
"""

from __future__ import annotations

import io

import matplotlib as mpl
import numpy as np
from PIL import Image

from bcdi_inpaint.arrays import BoolArray, FloatArray
from bcdi_inpaint.plots.style import DARKEST, N_COLOURS

GREY = (184, 184, 184)
"""Of what was not measured."""
NO_FILL = (236, 237, 240)
"""Of a map of uncertainty outside the gap: the measurement, which is as it was counted."""
WIDEST_SIGMA = 1.0
"""Of log(1 + counts), at the end of the colours: a factor of 2.7 either way."""


def counts_png(counts: FloatArray, brightest: float) -> bytes:
    """Counts on a log scale, what is not a number grey, as PNG.

    Parameters
    ----------
    counts : (n_down, n_across), NaN = unknown.
    brightest : counts at the end of the colours.
    """
    top = np.log(max(brightest, 10.0) / DARKEST)
    level = np.log(np.maximum(np.nan_to_num(counts, nan=DARKEST), DARKEST) / DARKEST) / top
    return _png(level, np.isnan(counts), "turbo", GREY)


def sigma_png(sigma: FloatArray, filled: BoolArray) -> bytes:
    """How sure a fill is, as PNG: dark is sure, bright is not, outside it is pale.

    Parameters
    ----------
    sigma : (n_down, n_across), standard deviation of log(1 + expected counts).
    filled : (n_down, n_across) bool.
    """
    return _png(np.where(filled, sigma, 0) / WIDEST_SIGMA, ~filled, "inferno", NO_FILL)


def _png(level: FloatArray, without: BoolArray, name: str, colour: tuple[int, int, int]) -> bytes:
    """An image of levels between 0 and 1 in matplotlib's colours, one colour where without."""
    colours = mpl.colormaps[name](np.linspace(0, 1, N_COLOURS), bytes=True)[:, :3]
    index = np.clip(np.round(level * (N_COLOURS - 1)), 0, N_COLOURS - 1).astype(np.uint8)
    index[without] = N_COLOURS
    picture = Image.fromarray(index, mode="P")
    picture.putpalette([*colours.ravel().tolist(), *colour])
    stream = io.BytesIO()
    picture.save(stream, format="PNG", optimize=True)
    return stream.getvalue()
