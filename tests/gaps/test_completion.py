"""Nothing that is empty amid light stays a measured zero, however the gaps were given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bcdi_inpaint.checks.gap_search import find_gaps
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.fillable import fillable_part_of, known_lines
from bcdi_inpaint.gaps.detectors import Detector
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.gap_finding import BY_MASK, BY_USER, GapFinding
from bcdi_inpaint.gaps.masks import mask_in_box
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.scan import Scan, as_scan

SHAPE = (24, 40, 44)


@pytest.fixture(scope="module")
def bright() -> np.ndarray:
    """A Bragg peak, bright all over."""
    z, y, x = (np.arange(n) - n / 2 + 0.3 for n in SHAPE)
    radius = np.sqrt(z[:, None, None] ** 2 + y[:, None] ** 2 + x**2)
    rate = 4000 / (1 + radius**3 / 20) + 1.5
    return np.random.default_rng(5).poisson(rate).astype(np.uint32)


def lost(counts: np.ndarray, *holes: tuple[slice, slice, slice]) -> np.ndarray:
    counts = counts.copy()
    for hole in holes:
        counts[hole] = 0
    return counts


ALL = slice(None)
ROWS, COLUMNS = (ALL, slice(26, 32)), (ALL, ALL, slice(30, 36))


def kinds(finding: GapFinding) -> list[str]:
    return [remark.kind for remark in finding.remarks]


def unmeasured(finding: GapFinding, scan: Scan) -> np.ndarray:
    box = whole(SHAPE)
    return finding.seen(scan).bad_in(box) | finding.region.part(box)


def test_nothing_is_said_of_a_whole_cross(bright: np.ndarray):
    finding = find_gaps(as_scan(lost(bright, ROWS, COLUMNS)))
    assert finding.gaps == (Gap(1, 26, 32), Gap(2, 30, 36))
    assert finding.remarks == ()
    assert finding.empty is None


def test_the_arm_that_a_mask_forgets_is_filled(bright: np.ndarray):
    counts = lost(bright, ROWS, COLUMNS)
    mask = np.zeros(SHAPE[1:], bool)
    mask[26:32] = True
    finding = find_gaps(as_scan(counts, mask))
    assert finding.gaps == (Gap(1, 26, 32), Gap(2, 30, 36))
    assert kinds(finding) == ["added-gap"]
    assert finding.how == BY_MASK
    assert finding.origin == f"{finding.how}, and empty lines"


@pytest.mark.parametrize(
    ("hole", "kind", "option"),
    [
        ((ALL, ALL, slice(30, 37)), "empty-lines", "--gap cols=30:37"),
        ((slice(9, 11),), "empty-frames", "--gap frames=9:11"),
        ((slice(9, 15),), "empty-frames", "--axes yxn"),
        ((slice(20, None),), "empty-edge", "stopped"),
        ((slice(0, 10), ALL, slice(30, 36)), "empty-part", "--fill-empty"),
        ((ALL, slice(32, None), slice(30, None)), "empty-pixels", "--fill-empty"),
        ((ALL, slice(5, 12), slice(10, 20)), "empty-pixels", "--fill-empty"),
    ],
)
def test_what_is_no_gap_is_masked_and_named(bright: np.ndarray, hole, kind: str, option: str):
    scan = as_scan(lost(bright, ROWS, hole))
    finding = find_gaps(scan)
    assert finding.gaps == (Gap(1, 26, 32),)
    assert kind in kinds(finding)
    assert any(option in remark.text for remark in finding.remarks)
    assert unmeasured(finding, scan)[hole].all()


def test_all_that_is_empty_is_filled_where_that_is_wished(bright: np.ndarray):
    hole = ALL, slice(5, 12), slice(10, 20)
    scan = as_scan(lost(bright, ROWS, hole, (slice(9, 11),)))
    finding = find_gaps(scan, fill_empty=True)
    assert finding.region.part(whole(SHAPE))[hole].all()
    assert finding.gaps == (Gap(0, 9, 11), Gap(1, 26, 32))
    assert finding.rest is not None
    assert not (finding.rest & mask_in_box(finding.gaps, whole(SHAPE))).any()
    plan = fillable_part_of(finding.region, known_lines(finding.mask))
    assert plan.warnings == ()
    np.testing.assert_array_equal(plan.fillable, finding.mask)


@pytest.mark.parametrize("hidden", [True, False])
def test_frames_that_a_mask_covers_whole_are_named(bright: np.ndarray, hidden: bool) -> None:
    mask = np.zeros(SHAPE, bool)
    mask[:, 26:32] = mask[:2] = mask[9:11] = mask[15] = mask[22:] = True
    counts = np.where(mask, 0, bright) if hidden else lost(bright, ROWS)
    finding = find_gaps(as_scan(counts, mask))
    assert kinds(finding) == ["masked-frames"]
    text = finding.remarks[0].text
    assert "the mask covers frames 9:11, frames 15:16 whole: they stay masked" in text
    options = "--gap frames=9:11 --gap frames=15:16"
    assert f"{options}{'' if hidden else ' --trust-gaps'} fills them" in text
    given = [*finding.gaps, Gap(0, 9, 11)]
    (remark,) = find_gaps(as_scan(counts, mask), given, trust=not hidden).remarks
    assert "the mask covers frames 15:16 whole" in remark.text
    assert find_gaps(as_scan(counts, mask), [*given, Gap(0, 15, 16)], trust=True).remarks == ()


def test_of_many_masked_frames_the_first_are_named(bright: np.ndarray) -> None:
    mask = np.zeros(SHAPE, bool)
    mask[:, 26:32] = mask[3:15:2] = True
    (remark,) = find_gaps(as_scan(np.where(mask, 0, bright), mask)).remarks
    assert "frames 3:4 and 5 more such places whole" in remark.text
    mask = np.zeros(SHAPE, bool)
    mask[9:15] = True
    with pytest.raises(InputError, match=r"no gap found.*frames 9:15 whole.*--axes yxn"):
        find_gaps(as_scan(np.where(mask, 0, bright), mask))


def moving() -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[:12, 26:32] = mask[12:, 29:35] = True
    return mask


def test_a_gap_that_moves_is_named_and_filled_by_its_mask(bright: np.ndarray):
    mask = moving()
    scan = as_scan(np.where(mask, 0, bright), mask)
    finding = find_gaps(scan)
    assert "rows 26:32 in frames 0:12, rows 29:35 in frames 12:24" in finding.remarks[0].text
    for frame in range(12):  # a mask that was drawn frame by frame
        mask[frame, 32 : 33 + frame % 2] = True
    drawn = find_gaps(as_scan(np.where(mask, 0, bright), mask)).remarks[0].text
    assert "rows 26:33 in frames 0:1 and 12 more such places: they stay masked" in drawn
    mask = moving()
    finding = find_gaps(scan, gap_mask=mask)
    np.testing.assert_array_equal(finding.mask, mask)
    assert finding.remarks == ()
    with pytest.raises(InputError, match="hold counts"):
        find_gaps(as_scan(np.where(mask, 0, bright)), gap_mask=mask[:, ::-1])


def test_a_gap_mask_without_any_whole_line_is_filled_as_it_is(bright: np.ndarray) -> None:
    """The file's own mask has a gap, which the user's comes before."""
    slanted = np.zeros(SHAPE, bool)
    _, rows, columns = np.indices(SHAPE)
    slanted[abs(rows - columns) <= 1] = True
    own = np.zeros(SHAPE[1:], bool)
    own[26:32] = True
    counts = np.where(slanted | own, 0, bright)
    finding = find_gaps(as_scan(counts, own), gap_mask=slanted)
    assert finding.gaps == ()
    assert finding.how == BY_USER
    np.testing.assert_array_equal(finding.mask, slanted)
    with pytest.raises(InputError, match="hold"):
        find_gaps(as_scan(bright), gap_mask=slanted)


@pytest.mark.parametrize(
    ("shape_mask", "words"),
    [
        (lambda mask: mask[::-1], "upside down"),
        (lambda mask: mask[:, ::-1], "left to right"),
        (lambda mask: np.roll(mask, (2, -5), (0, 1)), "moved by -2 rows and 5 cols"),
    ],
)
def test_a_mask_that_lies_is_refused_with_what_was_done_to_it(bright, shape_mask, words: str):
    counts = lost(bright, (ALL, slice(24, 30)), COLUMNS)
    mask = np.zeros(SHAPE[1:], bool)
    mask[24:30] = mask[:, 30:36] = True
    with pytest.raises(InputError, match=words):
        find_gaps(as_scan(counts, shape_mask(mask)))
    find_gaps(as_scan(counts, shape_mask(mask)), trust=True)


def test_a_wider_margin_than_usual_is_refused_and_the_usual_one_is_not(bright: np.ndarray):
    scan = as_scan(lost(bright, ROWS))
    assert find_gaps(scan, [Gap(1, 24, 34)]).gaps == (Gap(1, 24, 34),)
    with pytest.raises(InputError, match=r"rows 22:26, rows 32:35 .* --gap rows=26:32"):
        find_gaps(scan, [Gap(1, 22, 35)])


def test_lit_lines_at_the_edge_are_no_gap(bright: np.ndarray) -> None:
    scan = as_scan(lost(bright, ROWS))
    for edge in (Gap(1, 34, 40), Gap(2, 0, 1), Gap(0, 20, 24)):
        with pytest.raises(InputError, match=rf"{edge} hold counts as their neighbours do"):
            find_gaps(scan, [Gap(1, 26, 32), edge])
    mask = np.zeros(SHAPE, bool)  # the file's own may cover whatever it likes there
    mask[:, 26:32] = mask[:, 34:] = True
    assert find_gaps(as_scan(bright * ~mask, mask)).gaps == (Gap(1, 26, 32), Gap(1, 34, 40))


@pytest.mark.parametrize(("begin", "refused"), [(10, False), (8, True)])
def test_a_table_at_the_edge_is_held_against_the_counts(
    bright: np.ndarray, begin: int, refused: bool
) -> None:
    """Of a gap that the crop cuts its lit rim may be left, but no more."""
    detector = Detector("toy", (60, 60), ((6, 12), (36, 42)), (), 55e-6)
    scan = as_scan(lost(bright, (ALL, slice(36 - begin, 42 - begin))))
    expected = Gap(1, 0, 12 - begin), Gap(1, 36 - begin, 42 - begin)
    if not refused:
        assert find_gaps(scan, detector=detector, roi=(begin, 0)).gaps == expected
        return
    with pytest.raises(InputError, match=r"rows 0:4 hold counts as their neighbours do"):
        find_gaps(scan, detector=detector, roi=(begin, 0))


@pytest.mark.parametrize("step", [-2, -1, 1, 2])
def test_a_gap_a_line_beside_its_place_is_refused(bright: np.ndarray, step: int):
    scan = as_scan(lost(bright, ROWS))
    with pytest.raises(InputError, match=r"--gap rows=26:32"):
        find_gaps(scan, [Gap(1, 26 + step, 32 + step)])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_nothing_empty_amid_light_is_left_as_measured(bright: np.ndarray, data: st.DataObject):
    """Over slabs along any axis, of any width, in all or a part of the frames, and any mask."""
    empty = np.zeros(SHAPE, bool)
    for _ in range(data.draw(st.integers(1, 3))):
        axis = data.draw(st.integers(0, 2))
        width = data.draw(st.integers(2, 8))
        start = data.draw(st.integers(4, SHAPE[axis] - 12))
        hole = mask_in_box([Gap(axis, start, start + width)], whole(SHAPE))
        if data.draw(st.booleans()) and axis != 0:
            hole[data.draw(st.integers(10, 20)) :] = False
        empty |= hole
    mask = empty & (np.arange(SHAPE[2]) < data.draw(st.sampled_from([0, 12, 44])))
    mask = np.roll(mask, data.draw(st.sampled_from([0, 0, 3])), axis=1)
    scan = as_scan(np.where(empty, 0, bright), mask)
    try:
        finding = find_gaps(scan)
    except InputError:
        assume(False)
    left = empty & ~unmeasured(finding, scan)
    assert not left.any(), f"{np.count_nonzero(left)} of {np.count_nonzero(empty)}"


@pytest.mark.parametrize("row", [12, 25])
def test_a_single_dead_pixel_is_masked_and_named(bright: np.ndarray, row: int) -> None:
    hole = ALL, slice(row, row + 1), slice(17, 18)
    scan = as_scan(lost(bright, ROWS, hole))
    finding = find_gaps(scan)
    assert kinds(finding) == ["empty-pixels"]
    assert f"rows {row}:{row + 1} cols 17:18 hold no count" in finding.remarks[0].text
    assert unmeasured(finding, scan)[hole].all()
    assert unmeasured(finding, scan).sum() == SHAPE[0] * (6 * SHAPE[2] + 1)
    assert find_gaps(scan, fill_empty=True).region.part(whole(SHAPE))[hole].all()


@pytest.mark.parametrize("value", [2**16 - 1, 2**20 - 1, 2**32 - 1])
def test_a_mark_in_one_pixel_of_every_frame_is_masked(bright: np.ndarray, value: int) -> None:
    counts = lost(bright, ROWS)
    counts[:, 25, 17] = value
    scan = as_scan(counts)
    finding = find_gaps(scan)
    assert kinds(finding) == ["mark"]
    assert f"row 25 col 17 holds {value} in every frame" in finding.remarks[0].text
    assert unmeasured(finding, scan)[:, 25, 17].all()
    assert finding.survey is not None
    finding.survey.check.finish()  # no voxel is refused


def test_a_hot_pixel_that_is_no_mark_is_named(bright: np.ndarray) -> None:
    counts = lost(bright, ROWS)
    counts[:, 12, 17] = 300_000
    scan = as_scan(counts)
    finding = find_gaps(scan)
    assert kinds(finding) == ["hot-pixels"]
    assert not unmeasured(finding, scan)[:, 12, 17].any()


@pytest.mark.parametrize("value", [-1, -2])
def test_a_value_below_zero_in_one_pixel_of_every_frame_is_a_mark(bright, value: int) -> None:
    counts = lost(bright, ROWS).astype(np.int32)
    counts[:, 25, 17] = counts[:, 5:7, 8:11] = value
    scan = as_scan(counts)
    finding = find_gaps(scan)
    assert kinds(finding) == ["mark"]
    assert unmeasured(finding, scan)[counts < 0].all()
    assert unmeasured(finding, scan).sum() == SHAPE[0] * (6 * SHAPE[2] + 7)
    assert finding.survey is not None
    finding.survey.check.finish()
    counts[3, 9, 9] = value  # not in every frame
    check = find_gaps(as_scan(counts)).survey
    assert check is not None
    with pytest.raises(InputError, match=r"1 of .* hold no valid count"):
        check.check.finish()


def test_a_marked_pixel_in_the_dark_is_no_light() -> None:
    """The dark pixels between it and the edge are measured."""
    z, y, x = (np.arange(n) - n / 2 for n in (40, *SHAPE[1:]))
    spread = (z[:, None, None] / 4) ** 2 + (y[:, None] / 4) ** 2 + (x / 4) ** 2
    counts = np.random.default_rng(0).poisson(1e4 / (1 + spread) ** 4).astype(np.uint32)
    counts[:, 26:32] = 0
    assert find_gaps(as_scan(counts)).remarks == ()
    counts[:, 5, 5] = 65535
    scan = as_scan(counts)
    finding = find_gaps(scan)
    assert kinds(finding) == ["mark"]
    np.testing.assert_array_equal(finding.seen(scan).bad_in(whole(scan.shape)), counts == 65535)
