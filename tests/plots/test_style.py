"""What all pictures have in common."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from bcdi_inpaint.plots.style import new_figure


def test_a_notebook_shows_a_picture_as_it_is() -> None:
    """By IPython's own formatter; a figure without pyplot was shown as its name and size."""
    formatters = pytest.importorskip("IPython.core.formatters")
    figure = new_figure(2, 1)
    figure.subplots().plot([0, 1])
    shown, _ = formatters.DisplayFormatter().format(figure)
    assert Image.open(io.BytesIO(shown["image/png"])).size == (200, 100)
