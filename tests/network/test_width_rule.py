"""What a gap is given of what hidden voxels tell, by its width."""

from __future__ import annotations

import numpy as np
import pytest

from bcdi_inpaint.network.width_rule import ALL, WidthRule

RULE = WidthRule(widths=(3.0, 12.0, 48.0), part=(1.0, 0.5, 0.0), offset=(-0.1, 0.3, 0.2))
FOUND = np.array([-0.5, 0.0, 0.8])


@pytest.mark.parametrize(
    ("width", "part", "offset"),
    [
        (3.0, 1.0, -0.1),
        (6.0, 0.75, 0.1),  # half of the way on the logarithm
        (12.0, 0.5, 0.3),
        (24.0, 0.25, 0.25),
        (48.0, 0.0, 0.2),
    ],
)
def test_part_and_offset_lie_between_the_widths_on_their_logarithm(
    width: float, part: float, offset: float
) -> None:
    np.testing.assert_allclose(RULE.given(FOUND, width), part * FOUND + offset)


@pytest.mark.parametrize(("width", "end"), [(0.5, 3.0), (1.0, 3.0), (500.0, 48.0)])
def test_beyond_the_widths_they_stay(width: float, end: float) -> None:
    np.testing.assert_array_equal(RULE.given(FOUND, width), RULE.given(FOUND, end))


def test_all_is_what_was_found() -> None:
    np.testing.assert_array_equal(ALL.given(FOUND, 7.0), FOUND)
