"""Places for pseudo-gaps: like the gap, in known lines, and none where there is no room."""

import numpy as np

from bcdi_inpaint.gaps.artificial import lines_from_peak
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.pseudo_planes import PseudoPlaneSettings, find_pseudo_planes

PEAK = (20, 24, 30)


def known(*gaps: Gap) -> list[np.ndarray]:
    lines = [np.ones(n, dtype=bool) for n in (40, 50, 60)]
    for gap in gaps:
        lines[gap.axis][gap.start : gap.stop] = False
    return lines


def test_places_are_as_wide_and_as_far_as_the_gap_and_known() -> None:
    gap = Gap(1, 30, 36)
    places = find_pseudo_planes([gap], known(gap), PEAK)
    assert {(place.axis, place.start > PEAK[place.axis]) for place in places} == {
        (0, False),
        (0, True),
        (1, False),
        (1, True),
        (2, False),
        (2, True),
    }
    for place in places:
        assert place.width == 6
        assert known(gap)[place.axis][place.start - 4 : place.stop + 4].all()
    wanted = lines_from_peak(30, 36, PEAK[1])
    assert lines_from_peak(places[0].start, places[0].stop, PEAK[places[0].axis]) == wanted


def test_gaps_take_turns_and_one_far_from_the_peak_is_left_out() -> None:
    near, other, far = Gap(1, 30, 34), Gap(2, 36, 42), Gap(2, 52, 55)
    settings = PseudoPlaneSettings(from_peak=10)
    widths = [
        p.width for p in find_pseudo_planes([near, other, far], known(near, other), PEAK, settings)
    ]
    assert widths[:4] == [4, 6, 4, 6]
    assert set(widths) == {4, 6}


def test_there_is_no_place_where_too_few_lines_are_known() -> None:
    gap = Gap(2, 5, 55)
    assert find_pseudo_planes([gap], known(gap), PEAK) == ()
    assert find_pseudo_planes([], known(), PEAK) == ()


def test_a_place_whose_friedel_mates_are_in_the_gap_comes_last() -> None:
    """In the gap itself the network has its mates: without them it seems worse than it is."""
    gap = Gap(1, 30, 36)
    mates = set(range(2 * PEAK[1] - 35, 2 * PEAK[1] - 29))
    places = find_pseudo_planes([gap], known(gap), PEAK)
    missing = [
        place.axis == 1 and bool(mates & {*range(place.start, place.stop)}) for place in places
    ]
    assert not any(missing[:-1])
    narrow = PseudoPlaneSettings(farthest=0)  # nowhere else on that side
    places = find_pseudo_planes([gap], known(gap), PEAK, narrow)
    assert {*range(places[-1].start, places[-1].stop)} == mates
