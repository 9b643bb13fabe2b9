"""The forms of arrays that are read."""

from __future__ import annotations

import numpy as np
import pytest

from bcdi_inpaint.files.forms import squeezed, squeezed_shape


@pytest.mark.parametrize(
    ("shape", "left"),
    [
        ((6, 1, 4, 5), (6, 4, 5)),
        ((1, 6, 4, 5), (6, 4, 5)),
        ((1, 6, 4, 1, 5, 1), (6, 4, 5)),
        ((6, 4, 5), (6, 4, 5)),
        ((1, 4, 5), (1, 4, 5)),  # three axes already: one frame
        ((1, 1, 4, 5), (1, 1, 4, 5)),
        ((2, 6, 4, 5), (2, 6, 4, 5)),
    ],
)
def test_axes_of_length_one_are_left_out_where_three_remain(
    shape: tuple[int, ...], left: tuple[int, ...]
) -> None:
    array = np.arange(np.prod(shape)).reshape(shape)
    assert squeezed_shape(shape) == left
    assert squeezed(array).shape == left
    np.testing.assert_array_equal(squeezed(array).ravel(), array.ravel())
