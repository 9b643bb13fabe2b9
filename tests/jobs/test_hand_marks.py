from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import read_mask
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.jobs.hand_marks import HandMarks

SHAPE = (3, 8, 9)


@pytest.fixture
def marks() -> HandMarks:
    marks = HandMarks(SHAPE)
    marks.put(None, 1, 2, 4)
    return marks


@pytest.mark.parametrize(
    ("part", "line", "gap"),
    [
        ("start", 1.2, Gap(1, 1, 4)),
        ("start", 7.0, Gap(1, 3, 4)),
        ("stop", 6.4, Gap(1, 2, 6)),
        ("stop", -5.0, Gap(1, 2, 3)),
        ("middle", 5.0, Gap(1, 4, 6)),
        ("middle", -3.0, Gap(1, 0, 2)),
        ("middle", 30.0, Gap(1, 7, 8)),
    ],
)
def test_a_gap_is_dragged_by_its_parts_and_stays_in_the_scan(
    marks: HandMarks, part: str, line: float, gap: Gap
) -> None:
    marks.drag(0, part, line)
    assert marks.gaps == [gap]
    assert marks.is_by_hand


def test_a_gap_that_covers_all_lines_is_refused(marks: HandMarks) -> None:
    with pytest.raises(InputError, match="covers all 8 lines"):
        marks.put(0, 1, 0, 8)
    assert marks.gaps == [Gap(1, 2, 4)]


def test_what_is_drawn_in_all_frames_and_in_one_is_kept_apart(marks: HandMarks) -> None:
    assert marks.drawn is None
    plane = np.zeros(SHAPE[1:], dtype=bool)
    plane[1, 1] = True
    marks.draw(0, plane, everywhere=True)
    assert marks.drawn is not None
    assert marks.drawn.shape == SHAPE[1:]
    plane = plane.copy()
    plane[5, 6] = True
    marks.draw(2, plane, everywhere=False)
    bad = np.zeros(SHAPE, dtype=bool)
    bad[:, 1, 1] = bad[2, 5, 6] = True
    np.testing.assert_array_equal(marks.drawn, bad)
    marks.draw(1, np.zeros_like(plane), everywhere=False)  # taken out of one frame: out of all
    np.testing.assert_array_equal(np.argwhere(marks.drawn), [[2, 5, 6]])


def test_marks_are_saved_and_loaded(marks: HandMarks, tmp_path: Path) -> None:
    path = tmp_path / "bad.npy"
    with pytest.raises(InputError, match="no voxel is marked"):
        marks.save(path)
    plane = np.zeros(SHAPE[1:], dtype=bool)
    plane[3, 4] = True
    marks.draw(1, plane, everywhere=False)
    marks.save(path)
    assert int(read_mask(path, SHAPE).sum()) == 1
    with pytest.raises(InputError, match="exists"):
        marks.save(path)
    other = HandMarks(SHAPE)
    other.load_file(path)
    np.testing.assert_array_equal(other.drawn, marks.drawn)
