"""What there is to do: the patches, counted and laid."""

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.fillable import fillable_part
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.filling.work import lay_patches, plan_work
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import GapRegion, gap_mask
from bcdi_inpaint.scan.scan import Scan

SHAPE = (8, 120, 90)


def test_the_patches_cover_all_that_can_be_filled_and_know_their_axis() -> None:
    gap = gap_mask([Gap(1, 40, 46), Gap(2, 50, 54)], SHAPE)
    plan = fillable_part(gap)
    for stride in (16, 32):
        places = lay_patches(plan, None, settings=FillingSettings(stride=stride))
        covered = np.zeros(SHAPE, dtype=bool)
        for place in places:
            covered[place.inside(SHAPE)[0]] = True
        assert covered[plan.fillable].all()
        assert set(places.values()) == {1, 2}
    assert len(lay_patches(plan, None)) > len(places)


def test_work_is_counted_and_dim_patches_are_none_of_the_networks() -> None:
    counts = np.zeros(SHAPE, dtype=np.uint16)
    counts[:, :50] = 9
    region = GapRegion(SHAPE, (Gap(2, 40, 46),))
    work = plan_work(Scan(counts, np.zeros(SHAPE, dtype=bool)), region)
    assert 0 < work.n_lit < work.n_patches == len(lay_patches(work.plan, None))


def test_no_part_that_can_be_filled_is_refused() -> None:
    scan = Scan(np.ones(SHAPE, dtype=np.uint16), np.zeros(SHAPE, dtype=bool))
    with pytest.raises(InputError, match="no part of the gaps can be filled: gap rows 0:5"):
        plan_work(scan, GapRegion(SHAPE, (Gap(1, 0, 5),)))


@pytest.mark.parametrize("stride", [0, -1, 33])
def test_a_stride_that_leaves_holes_is_refused(stride: int) -> None:
    with pytest.raises(InputError, match=f"stride is {stride}, expected 1 to 32"):
        FillingSettings(stride=stride)
