"""Lessons: what of a scan is learned from."""

from __future__ import annotations

import numpy as np
import pytest
from small_training import CROSS

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.training.lessons import Lesson, lesson


def test_a_lesson_has_the_scans_own_gaps(given: Lesson) -> None:
    assert given.gaps == CROSS
    assert given.kinds == ((1, 3), (2, 2))


def test_widths_may_be_given_and_directions_stay(scan: Scan) -> None:
    assert lesson(scan, "s", widths=(6, 4)).kinds == ((1, 4), (1, 6), (2, 4), (2, 6))
    rows = lesson(scan, "s", gaps=CROSS[:1], widths=(5,))
    assert rows.kinds == ((1, 5),)
    columns = gap_mask(CROSS[1:], scan.shape)
    one_way = Scan(np.where(columns, 0, np.maximum(scan.counts, 1)), columns)
    assert lesson(one_way, "s", widths=(5,)).kinds == ((2, 5),)


def test_without_gaps_widths_must_be_given_and_empty_lines_are_no_truth(scan: Scan) -> None:
    counts = np.where(scan.bad_mask, 1, scan.counts)
    counts[:, 20] = 0  # a single dead row: no gap, and no truth
    whole = Scan(counts, np.zeros(scan.shape, dtype=bool))
    with pytest.raises(InputError, match=r"^s: no gap found.*--widths") as error:
        lesson(whole, "s")
    assert "\n" not in str(error.value)
    found = lesson(whole, "s", widths=(3,))
    assert found.kinds == ((1, 3), (2, 3))
    assert found.gaps == (Gap(1, 20, 21),)
