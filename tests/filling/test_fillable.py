import numpy as np

from bcdi_inpaint.filling.fillable import fillable_part
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import gap_mask

WIDEST, ONE_SIDED = FillingSettings.widest, FillingSettings.one_sided
SHAPE = (6, 80, 70)


def test_a_cross_is_filled_whole() -> None:
    gap = gap_mask([Gap(1, 30, 36), Gap(2, 40, 64)], SHAPE)
    plan = fillable_part(gap)
    assert plan.targets == (Gap(1, 30, 36), Gap(2, 40, 64))
    assert plan.warnings == ()
    np.testing.assert_array_equal(plan.fillable, gap)


def test_a_gap_at_the_edge_stays_masked_also_where_another_crosses_it() -> None:
    edge, inner = Gap(1, 0, 5), Gap(2, 40, 46)
    plan = fillable_part(gap_mask([edge, inner], SHAPE))
    expected = gap_mask([inner], SHAPE)
    expected[:, :5] = False
    np.testing.assert_array_equal(plan.fillable, expected)
    assert len(plan.warnings) == 1
    assert "rows 0:5" in plan.warnings[0]


def test_of_a_wide_gap_the_rims_are_filled() -> None:
    start, stop = 20, 20 + WIDEST + 1
    plan = fillable_part(gap_mask([Gap(1, start, stop)], SHAPE))
    rows = plan.fillable[0, :, 0]
    expected = np.zeros(80, dtype=bool)
    expected[start : start + ONE_SIDED] = expected[stop - ONE_SIDED : stop] = True
    np.testing.assert_array_equal(rows, expected)
    assert f"{WIDEST + 1} wide" in plan.warnings[0]


def test_where_a_narrow_gap_crosses_the_middle_of_a_wide_one_it_stays_masked() -> None:
    stop = 20 + WIDEST + 1
    plan = fillable_part(gap_mask([Gap(1, 20, stop), Gap(2, 40, 46)], SHAPE))
    assert not plan.fillable[:, 20 + ONE_SIDED : stop - ONE_SIDED].any()
    assert plan.fillable[:, :24, 40:46].all()


def test_a_gap_of_frames_is_a_gap_too() -> None:
    gap = gap_mask([Gap(0, 2, 4)], SHAPE)
    np.testing.assert_array_equal(fillable_part(gap).fillable, gap)


def test_voxels_in_no_plane_are_filled_where_they_are_enclosed() -> None:
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, 10:14, 20:50] = True  # a part of a line: enclosed across it
    plan = fillable_part(gap)
    assert plan.targets == ()
    np.testing.assert_array_equal(plan.fillable, gap)
    corner = np.zeros(SHAPE, dtype=bool)
    corner[:, :30, :30] = True  # open on every axis
    plan = fillable_part(corner)
    assert not plan.fillable.any()
    assert "stay masked" in plan.warnings[0]


def test_a_gap_with_only_masked_lines_on_one_side_stays_masked() -> None:
    gap = gap_mask([Gap(1, 5, 11)], SHAPE)
    border = gap_mask([Gap(1, 0, 5)], SHAPE)
    plan = fillable_part(gap, border)
    assert not plan.fillable.any()
    assert "masked border" in plan.warnings[0]
    border[0, 2, 7] = False  # one voxel of it is known
    np.testing.assert_array_equal(fillable_part(gap, border).fillable, gap)


def test_masked_lines_beside_a_gap_make_it_wider() -> None:
    gap, widest = gap_mask([Gap(1, 20, 30)], SHAPE), 20 + WIDEST
    assert fillable_part(gap, gap_mask([Gap(1, 30, widest)], SHAPE)).fillable[0, :, 0].sum() == 10
    plan = fillable_part(gap, gap_mask([Gap(1, 30, widest + 1)], SHAPE))
    np.testing.assert_array_equal(np.flatnonzero(plan.fillable[0, :, 0]), [20, 21, 22, 23])
    assert f"is {WIDEST + 1} wide with the masked lines beside it" in plan.warnings[0]


def test_a_blob_beside_bad_voxels_is_not_enclosed_by_them() -> None:
    gap, bad = np.zeros(SHAPE, dtype=bool), np.zeros(SHAPE, dtype=bool)
    gap[:, :50, 40:50] = True  # open at the edge of the rows
    bad[:, :50, 20:64] = True
    assert fillable_part(gap).fillable.all(where=gap)
    assert not fillable_part(gap, bad).fillable.any()


def test_the_widest_gap_that_is_filled_whole() -> None:
    gap = gap_mask([Gap(2, 20, 20 + WIDEST)], SHAPE)
    plan = fillable_part(gap)
    assert plan.warnings == ()
    np.testing.assert_array_equal(plan.fillable, gap)


def test_settings_say_how_wide_a_gap_may_be_and_how_deep_a_rim_is_filled() -> None:
    gap = gap_mask([Gap(1, 20, 30)], SHAPE)
    plan = fillable_part(gap, settings=FillingSettings(widest=9, one_sided=2))
    assert plan.targets == (Gap(1, 20, 22), Gap(1, 28, 30))
    assert "10 wide, expected at most 9" in plan.warnings[0]
