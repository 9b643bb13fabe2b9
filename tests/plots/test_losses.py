"""Curves of losses, read back from the figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_figures import LOSSES
from numpy.testing import assert_array_equal

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots import loss_curve


def test_loss_curve_shows_both_curves_and_leaves_out_what_is_not_finite() -> None:
    training = np.array([[0, 0.5], [100, 0.25], [200, 0.125], [300, np.nan]])
    validation = np.array([[100, 0.3], [200, -0.1]])
    figure = loss_curve(training, validation)
    ax = figure.axes[0]
    assert [line.get_label() for line in ax.lines] == ["training", "validation"]
    assert_array_equal(ax.lines[0].get_xydata(), training[:3])
    assert_array_equal(ax.lines[1].get_xydata(), validation)
    assert ax.get_yscale() == "linear"  # a likelihood may be below 0


def test_loss_curve_of_positive_losses_is_logarithmic() -> None:
    figure = loss_curve(LOSSES, np.empty((0, 2)))
    assert figure.axes[0].get_yscale() == "log"


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (np.empty((0, 2)), "there is no loss"),
        (np.array([[1, np.nan]]), "there is no loss"),
        (np.ones(4), r"training has shape \(4,\), expected \(n, 2\)"),
    ],
)
def test_loss_curve_of_no_losses(training: np.ndarray, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as error:
        loss_curve(training, np.empty((0, 2)), path=tmp_path / "a.png")
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
