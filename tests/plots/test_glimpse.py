"""Thumbnails: what each pixel of them says."""

from __future__ import annotations

import io

import numpy as np
from numpy.testing import assert_array_equal
from PIL import Image

from bcdi_inpaint.plots.glimpse import GREY, NO_FILL, counts_png, sigma_png


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_counts_are_a_pixel_a_voxel_and_grey_where_unknown() -> None:
    counts = np.array([[0.0, 1.0, np.nan], [10.0, 1e5, 1e7]])
    shown = pixels(counts_png(counts, 1e5))
    assert shown.shape == (2, 3, 3)
    assert_array_equal(shown[0, 2], GREY)
    assert_array_equal(shown[1, 1], shown[1, 2])  # nothing is brighter than the end of the scale
    known = {tuple(shown[at]) for at in ((0, 0), (0, 1), (1, 0), (1, 1))}
    assert len(known) == 4
    assert GREY not in known


def test_sigma_is_bright_where_the_fill_is_not_sure_and_pale_outside() -> None:
    sigma = np.array([[0.0, 0.1, 0.9, 0.0]])
    shown = pixels(sigma_png(sigma, sigma > 0))
    assert_array_equal(shown[0, 0], NO_FILL)
    assert_array_equal(shown[0, 3], NO_FILL)
    assert shown[0, 1].sum() < shown[0, 2].sum()
