"""Regions: every lit patch is in one, none overlap, and a fill by regions is that of the whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_network import tiny_network

from bcdi_inpaint.filling import work as work_module
from bcdi_inpaint.filling.inpainting import inpaint_scan
from bcdi_inpaint.filling.light_map import LightMap, map_light
from bcdi_inpaint.filling.patches import PatchLocation
from bcdi_inpaint.filling.regions import Region, lit_regions
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.filling.work import plan_work
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import GapRegion
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.scan import Scan

SHAPE = (40, 230, 60)
GAP = GapRegion(SHAPE, (Gap(2, 36, 42),))


@pytest.fixture(scope="module")
def scan() -> Scan:
    """A peak of fringes on one side, single photons everywhere."""
    z, y, x = np.ogrid[-20:20, -40:190, -28:32]
    fringes = 1.3 + np.cos(x / 1.5 + y / 2.5) * np.cos(z / 2)
    expected = 3e3 * fringes * np.exp(-(z**2 + y**2 + x**2) / 60)
    counts = np.random.default_rng(3).poisson(expected + 0.05).astype(np.int32)
    return Scan(counts, np.zeros(SHAPE, dtype=bool))


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    network = tiny_network()
    torch.nn.init.normal_(network.head.weight, std=0.05)
    return Model(network, "tiny", "0" * 64)


def test_the_boxes_hold_the_lit_patches_with_their_margin_and_no_more(scan: Scan) -> None:
    work = plan_work(scan, GAP)
    (region,) = work.regions
    assert 0 < work.n_lit < work.n_patches
    assert region.box[1].stop < 230
    for place in region.lit:
        margins = FillingSettings.along, FillingSettings.along, FillingSettings.across
        for start, part, n, margin in zip(place.start, region.box, SHAPE, margins, strict=True):
            assert part.start <= max(start - margin, 0)
            assert part.stop >= min(start + 32 + margin, n)


def test_a_fill_by_regions_is_that_of_the_whole(
    scan: Scan, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_regions = inpaint_scan(scan, GAP, model, "cpu")
    lit = np.zeros(SHAPE, dtype=bool)
    for place in by_regions_lit(scan):
        lit[place.inside(SHAPE)[0]] = True

    def one(places: list, light: LightMap, **_: object) -> list[Region]:
        shown = [p for p in places if light.is_lit(p.inside(SHAPE)[0])]  # type: ignore[arg-type]
        others = [p for p in places if p not in shown]
        return [Region(whole(SHAPE), tuple(shown), tuple(others))]

    monkeypatch.setattr(work_module, "lit_regions", one)
    at_once = inpaint_scan(scan, GAP, model, "cpu")
    filled = by_regions.filled
    np.testing.assert_array_equal(filled, at_once.filled)
    assert (lit & filled).sum() > 1000
    for name in ("counts", "sigma"):
        mine, theirs = getattr(by_regions, name), getattr(at_once, name)
        np.testing.assert_array_equal(mine[~filled], theirs[~filled])
        np.testing.assert_allclose(np.log1p(mine), np.log1p(theirs), rtol=0.02, atol=0.01)


def by_regions_lit(scan: Scan) -> list:
    return [place for region in plan_work(scan, GAP).regions for place in region.lit]


def test_a_part_of_a_filling_is_that_part_of_all_of_it(scan: Scan, model: Model) -> None:
    filling = inpaint_scan(scan, GAP, model, "cpu")
    everything = filling.whole
    box = slice(3, 4), slice(100, 200), slice(10, 60)
    part, alone = filling.part(box), filling.alone(box)
    for name in ("counts", "sigma", "filled"):
        np.testing.assert_array_equal(getattr(part, name), getattr(everything, name)[box])
    np.testing.assert_array_equal(alone.counts, np.where(part.filled, part.counts, 0))
    np.testing.assert_array_equal(everything.alone(box).counts, alone.counts)
    assert filling.n_filled == everything.n_filled == 40 * 230 * 6


def test_a_patch_that_knows_nothing_is_lit_where_there_is_light_across_its_gap() -> None:
    counts = np.zeros((8, 160, 200), dtype=np.int32)
    counts[:, 52:64, :64] = 40  # on one side of the gap, and of the columns
    light = map_light(Scan(counts, counts < 0), GapRegion(counts.shape, (Gap(1, 64, 106),)))
    near, far = (PatchLocation((0, 72, column), (8, 32, 32)) for column in (16, 160))
    (region,) = lit_regions({near: 1, far: 1}, light)
    assert region.lit == (near,)


def test_a_patch_that_sees_the_dark_side_of_a_gap_is_lit_from_the_other() -> None:
    counts = np.zeros((8, 160, 200), dtype=np.int32)
    counts[:, 52:64, :64] = 40
    light = map_light(Scan(counts, counts < 0), GapRegion(counts.shape, (Gap(1, 64, 100),)))
    near, far = (PatchLocation((0, 76, column), (8, 32, 32)) for column in (16, 160))
    (region,) = lit_regions({near: 1, far: 1}, light)
    assert region.lit == (near,)


def test_dim_voxels_are_expected_to_be_as_dim_as_those_around(scan: Scan, model: Model) -> None:
    filling = inpaint_scan(scan, GAP, model, "cpu")
    assert filling.report.n_unlit > 0
    far = filling.alone((slice(0, 40), slice(180, 230), slice(36, 42)))
    np.testing.assert_allclose(far.counts.mean(), 0.05, rtol=0.2)
    assert (far.sigma > 0).all()
