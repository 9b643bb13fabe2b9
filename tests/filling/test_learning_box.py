"""The box that is learned: where it lies beside gaps."""

import pytest

from bcdi_inpaint.filling.learning_box import cut_planes, learning_box
from bcdi_inpaint.gaps.gap import Gap

SHAPE, LARGEST, PEAK = (16, 160, 32), (48, 64, 64), (8, 79, 16)


@pytest.mark.parametrize(
    ("gaps", "rows"),
    [
        ([], (47, 111)),
        ([Gap(1, 60, 70)], (47, 111)),  # whole in it
        ([Gap(1, 85, 123)], (67, 131)),  # it would end in the gap
        ([Gap(1, 30, 60)], (22, 86)),
        ([Gap(1, 120, 140)], (47, 111)),  # it does not reach it
        ([Gap(1, 104, 109), Gap(1, 20, 25)], (53, 117)),
    ],
)
def test_it_holds_both_sides_of_the_gaps_that_it_meets(gaps: list[Gap], rows: tuple) -> None:
    box = learning_box(PEAK, LARGEST, SHAPE, gaps)
    assert box == (slice(0, 16), slice(*rows), slice(0, 32))
    assert cut_planes(box, gaps, SHAPE) == ()


def test_gaps_that_it_cannot_hold_are_named() -> None:
    gaps = [Gap(1, 40, 55), Gap(1, 90, 130), Gap(2, 14, 18)]
    box = learning_box(PEAK, LARGEST, SHAPE, gaps)
    assert box[1].start <= PEAK[1] < box[1].stop
    assert cut_planes(box, gaps, SHAPE) == (gaps[1],)
