"""A fill that is made part by part: its parts are those of the whole."""

import numpy as np

from bcdi_inpaint.filling.fill import FillReport
from bcdi_inpaint.filling.fillable import fillable_part
from bcdi_inpaint.filling.light_map import map_light
from bcdi_inpaint.filling.streamed_fill import FilledRegion, StreamedFill
from bcdi_inpaint.gaps.masks import GapRegion
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.scan.scan import Scan

ALL = slice(0, 20), slice(0, 24), slice(0, 30)
REGION = slice(0, 12), slice(4, 20), slice(8, 24)


def streamed() -> StreamedFill:
    """Rows 10 to 13 of a dim scan (20, 24, 30), of which one region was filled with 7 counts."""
    counts = np.random.default_rng(0).poisson(0.05, (20, 24, 30)).astype(np.uint16)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, 10:14] = True
    scan, region = Scan(counts, np.zeros_like(gap)), GapRegion.of(gap)
    own = np.where(gap[REGION], np.float32(7), np.float32(0))
    filled = FilledRegion(REGION, own, own / 70)
    plan, light = fillable_part(gap), map_light(scan, region)
    return StreamedFill(scan, plan, light, (filled,), Calibration(), "tiny", "", FillReport())


def test_a_part_is_that_of_the_whole_whether_it_meets_the_region_or_not() -> None:
    fill = streamed()
    for box in (
        ALL,
        (slice(3, 9), slice(11, 24), slice(20, 30)),
        (slice(15, 20), slice(0, 24), slice(0, 5)),
    ):
        part, whole = fill.part(box), fill.whole.part(box)
        for name in ("counts", "filled", "sigma"):
            np.testing.assert_array_equal(getattr(part, name), getattr(whole, name))


def test_the_region_is_filled_by_its_own_counts_and_the_rest_from_the_dim_light() -> None:
    fill = streamed()
    inside = np.zeros(fill.scan.shape, dtype=bool)
    inside[REGION] = True
    np.testing.assert_array_equal(fill.counts[fill.filled & inside], 7)
    assert (fill.counts[fill.filled & ~inside] < 0.2).all()
    assert (fill.sigma[fill.filled] > 0).all()
    np.testing.assert_array_equal(
        fill.counts[~fill.filled], fill.scan.part(ALL).counts[~fill.filled]
    )


def test_it_counts_its_voxels_and_prints_itself_without_being_made() -> None:
    fill = streamed()
    assert fill.n_filled == 20 * 4 * 30
    assert repr(fill) == "StreamedFill: rows 10:14 of 20 x 24 x 30 voxels filled by model tiny"
    assert "whole" not in vars(fill)
