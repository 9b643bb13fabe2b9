"""Where gaps are put, how fills are judged in them, and what is said of the averages."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation import fills as evaluation
from bcdi_inpaint.evaluation.fills import (
    CEILING,
    Bootstrap,
    Case,
    EvaluationConfig,
    Guess,
    ScanConfig,
    Subject,
    as_config,
    cases,
    coverage,
    fillers,
    judge,
    judge_all,
    judge_cubes,
    measured,
    simulated,
    summary,
    summary_of_cubes,
)
from bcdi_inpaint.files.patterns import StoredPattern, write_patterns
from bcdi_inpaint.gaps.artificial import PLACEMENTS, SETTINGS, place_near_peak
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.photons import predicted_ranks
from bcdi_inpaint.training.plan import read_yaml
from simulation.recipe import as_recipe

REPOSITORY = Path(__file__).resolve().parents[3]
SHAPE = (12, 40, 44)


def expectation_of(shape: tuple[int, ...] = SHAPE, brightest: float = 1e5) -> np.ndarray:
    """A peak with fringes, a little off the middle."""
    z, y, x = (np.indices(shape).T - np.array(shape) / 2 + [1, 2, -1]).T
    light = np.exp(-(z**2 / 40 + y**2 / 90 + x**2 / 100)) * (1 + 0.9 * np.cos(1.3 * x) * np.cos(y))
    return (brightest * light / light.max() + 0.5).astype(np.float32)


def subject_of(rng: np.random.Generator, **changes: object) -> Subject:
    expectation = expectation_of()
    counts = rng.poisson(expectation).astype(np.float32)
    values = {
        "group": "simulated",
        "index": 0,
        "cluster": "particle 0",
        "counts": counts,
        "bad": np.zeros(SHAPE, dtype=bool),
        "expectation": expectation,
    }
    return Subject(**(values | changes))  # type: ignore[arg-type]


def case_of(subject: Subject, width: int = 4) -> Case:
    gap = gap_mask([Gap(1, 25, 25 + width)], SHAPE)
    return Case(subject, "row", width, 0, gap)


# --- where gaps lie


@pytest.mark.parametrize("kind", PLACEMENTS)
@pytest.mark.parametrize("width", [3, 24, 38])
def test_gaps_lie_beside_the_peak_and_clear_of_the_edge(kind: str, width: int) -> None:
    shape, peak = (64, 96, 128), (30, 49, 70)
    axes, distances = set(), set()
    for seed in range(60):
        gaps = place_near_peak(kind, width, shape, peak, np.random.default_rng(seed))  # type: ignore[arg-type]
        assert len(gaps) == (2 if kind == "cross" else 1)
        axes.add(tuple(gap.axis for gap in gaps))
        for gap in gaps:
            assert gap.width == width
            assert gap.start >= SETTINGS.known_beside
            assert gap.stop <= shape[gap.axis] - SETTINGS.known_beside
            above = gap.start > peak[gap.axis]
            distances.add(gap.start - peak[gap.axis] - 1 if above else peak[gap.axis] - gap.stop)
    expected = {"row": {(1,)}, "column": {(2,)}, "cross": {(1, 2)}}.get(kind, {(1,), (2,)})
    assert axes == expected
    assert min(distances) >= 0  # the peak itself is never covered
    if width == 3:
        limits = {"off_centre": (19, 45), "shoulder": (0, 2)}.get(kind, (4, 12))
        assert (min(distances), max(distances)) >= (limits[0], 0)
        assert max(distances) <= limits[1]
        assert len(distances) > 2


def test_a_gap_takes_the_side_that_has_room_and_none_where_there_is_none() -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        assert place_near_peak("row", 10, (8, 40, 40), (4, 30, 20), rng)[0].stop <= 30 - 4
        assert place_near_peak("shoulder", 20, (8, 40, 40), (4, 20, 20), rng) == ()
        only = place_near_peak(
            "row", 15, (8, 40, 40), (4, 20, 20), rng
        )  # 21:36, or 5:20 and nearer
        assert only in {(Gap(1, 21, 36),), (Gap(1, 4, 19),), (Gap(1, 5, 20),)}


def test_each_case_has_its_own_stream(rng: np.random.Generator) -> None:
    subject = subject_of(rng)
    all_of, missing = cases(subject, EvaluationConfig(widths=(3, 6, 38)))
    assert missing == [
        "simulated 0: a gap of 38 does not fit beside the peak in (12, 40, 44), left out "
        f"({', '.join(PLACEMENTS)})"
    ]
    few, _ = cases(subject, EvaluationConfig(widths=(6,), kinds=("cross", "row")))
    places = {(case.kind, case.width): case.gap for case in all_of}
    assert set(places) == {(kind, width) for kind in PLACEMENTS for width in (3, 6)}
    for case in few:
        assert_array_equal(case.gap, places[case.kind, 6])
    other, _ = cases(subject, EvaluationConfig(widths=(6,), seed=2))
    assert any((case.gap != places[case.kind, 6]).any() for case in other)


def test_kinds_by_turns_are_equally_often(rng: np.random.Generator) -> None:
    config = EvaluationConfig(widths=(3, 6), kinds_per_pattern=2)
    found = [
        (case.width, case.kind)
        for index in range(10)
        for case in cases(subject_of(rng, index=index), config)[0]
    ]
    assert {kind: found.count((6, kind)) for kind in PLACEMENTS} == dict.fromkeys(PLACEMENTS, 4)


def test_a_measured_scan_has_several_gaps_of_each_kind(rng: np.random.Generator) -> None:
    subject = subject_of(rng, group="one", expectation=None)
    found, _ = cases(subject, EvaluationConfig(widths=(3,), placements=4, kinds_per_pattern=1))
    assert len(found) == 4 * len(PLACEMENTS)
    assert len({case.cluster for case in found}) == len(found)


# --- judging


def exact(subject: Subject, part: np.ndarray | None = None):
    """A method that knows the truth, in a part of the gap."""

    def fill(counts: np.ndarray, gap: np.ndarray, bad: np.ndarray) -> Guess:
        return Guess(subject.counts.copy(), gap if part is None else gap & part)

    return fill


def test_scores_of_known_fills(rng: np.random.Generator) -> None:
    subject = subject_of(rng)
    case = case_of(subject)
    methods = {
        "exact": exact(subject),
        "flat": lambda counts, gap, bad: Guess(np.full(SHAPE, 5, np.float32), gap),
    }
    records, view = judge(case, methods, 1)
    of = {record["method"]: record for record in records}
    assert list(of) == ["exact", "flat", CEILING]
    assert_allclose([of["exact"][n] for n in ("pearson_log", "accuracy", "ssim")], 1, atol=1e-6)
    assert of["exact"]["poisson_deviance"] == pytest.approx(0, abs=1e-9)
    assert of["flat"]["pearson_log"] == 0
    assert 0.9 < of[CEILING]["pearson_log"] < 1
    assert 0.8 < of[CEILING]["poisson_deviance"] < 1.2
    assert {record["judged"] for record in records} == {1.0}
    assert_allclose(of["flat"]["mean_counts"], subject.counts[:, 25:29].mean(), rtol=1e-6)
    assert of["flat"]["brightest"] == subject.expectation.max()  # type: ignore[union-attr]
    assert math.isnan(of["exact"]["inside_68"])
    brightest = subject.counts[:, 25:29].sum(axis=(1, 2)).argmax()
    assert view.frame == brightest
    assert_array_equal(view.images["counts"], subject.counts[brightest])
    assert_array_equal(view.images["flat"], np.full(SHAPE[1:], 5))
    assert view.images["exact"].base is None  # a picture does not keep the scan


def test_methods_see_neither_gap_nor_bad_voxels(rng: np.random.Generator) -> None:
    bad = rng.random(SHAPE) < 0.1
    subject = subject_of(rng, bad=bad)
    seen = {}

    def fill(counts: np.ndarray, gap: np.ndarray, masked: np.ndarray) -> Guess:
        seen.update(counts=counts, gap=gap, bad=masked)
        return Guess(np.where(masked, 1e9, subject.counts).astype(np.float32), gap)

    case = case_of(subject)
    records, _ = judge(case, {"spoilt": fill}, 1)
    hidden = case.gap | bad
    assert not seen["counts"][hidden].any()
    assert_array_equal(seen["counts"][~hidden], subject.counts[~hidden])
    assert records[0]["pearson_log"] == pytest.approx(1)  # bad voxels are not scored


def test_only_what_all_methods_fill_is_judged_and_the_part_is_told(
    rng: np.random.Generator,
) -> None:
    subject = subject_of(rng)
    case = case_of(subject, 8)  # rows 25:33
    rims = np.zeros(SHAPE, dtype=bool)
    rims[:, 25:27] = rims[:, 31:33] = True

    def good_at_the_rims(counts: np.ndarray, gap: np.ndarray, bad: np.ndarray) -> Guess:
        return Guess(np.where(rims, subject.counts, 1e6).astype(np.float32), gap)

    methods = {"rims": exact(subject, rims), "whole": good_at_the_rims}
    records, view = judge(case, methods, 1)
    assert {record["judged"] for record in records} == {0.5}
    assert records[1]["poisson_deviance"] == pytest.approx(0, abs=1e-6)
    unknown = np.isnan(view.images["rims"])
    assert_array_equal(unknown, case.gap[0] & ~rims[0])
    assert not np.isnan(view.images["whole"]).any()
    with pytest.raises(InputError, match="no voxel is valid and filled"):
        judge(case, {"none": exact(subject, np.zeros(SHAPE, dtype=bool))}, 1)


def test_coverage_of_the_expectation(rng: np.random.Generator) -> None:
    """Log counts that are off by a known sigma lie inside as often as the level says."""
    subject = subject_of(rng)
    expectation = subject.expectation
    assert expectation is not None
    log_guess = np.log1p(expectation.astype(float)) + rng.normal(0, 0.3, SHAPE)

    def interval_of(sigma: float):
        def interval(level: float) -> tuple[np.ndarray, np.ndarray]:
            reach = sigma * {0.68: 0.994458, 0.95: 1.959964}[level]
            return np.expm1(log_guess - reach), np.expm1(log_guess + reach)

        return interval

    methods = {
        name: lambda counts, gap, bad, s=sigma: Guess(
            np.expm1(log_guess).clip(0).astype(np.float32), gap, interval_of(s)
        )
        for name, sigma in (("right", 0.3), ("proud", 0.15))
    }
    of = {record["method"]: record for record in judge(case_of(subject, 8), methods, 1)[0]}
    assert of["right"]["inside_68"] == pytest.approx(0.68, abs=0.03)
    assert of["right"]["inside_95"] == pytest.approx(0.95, abs=0.015)
    assert of["proud"]["inside_68"] == pytest.approx(0.38, abs=0.03)
    assert math.isnan(of[CEILING]["inside_95"])
    decades = of["right"]["by_counts"]
    assert sum(voxels for voxels, *_ in decades.values()) == of["right"]["voxels"]
    inside = sum(within for _, within, _ in decades.values())
    assert inside / of["right"]["voxels"] == pytest.approx(of["right"]["inside_68"])


@pytest.mark.parametrize("counts_per_voxel", [0.05, 3.0, 1e4])
def test_ranks_of_counts_are_uniform_where_the_prediction_is_right(
    counts_per_voxel: float, rng: np.random.Generator
) -> None:
    """Also where most voxels hold no photon, and where noise is negligible."""
    shape, sigma = (20, 20, 20), 0.4
    log_expected = np.log1p(counts_per_voxel) + rng.normal(0, sigma, shape)
    counts = rng.poisson(np.expm1(log_expected).clip(0))

    def interval_of(own_sigma: float):
        def interval(level: float) -> tuple[np.ndarray, np.ndarray]:
            from scipy.special import ndtri

            reach = own_sigma * ndtri((1 + level) / 2)
            ends = (np.full(shape, np.log1p(counts_per_voxel) + s * reach) for s in (-1, 1))
            low, high = (np.expm1(end).clip(0) for end in ends)
            return low, high

        return interval

    everywhere = np.ones(shape, dtype=bool)
    ranks = predicted_ranks(counts, interval_of(sigma), everywhere, rng)
    assert ranks.shape == (8000,)
    assert kstest(ranks, "uniform").pvalue > 1e-3
    if counts_per_voxel > 1:
        proud = predicted_ranks(counts, interval_of(sigma / 4), everywhere, rng)
        assert (np.abs(2 * proud - 1) <= 0.68).mean() < 0.6


def test_coverage_of_measured_counts(rng: np.random.Generator) -> None:
    """The expectation is known exactly; photon noise is what is left."""
    expectation = expectation_of()
    subject = subject_of(rng, expectation=None, group="measured")

    def fill(counts: np.ndarray, gap: np.ndarray, bad: np.ndarray) -> Guess:
        return Guess(expectation, gap, lambda level: (expectation, expectation))

    record = judge(case_of(subject, 8), {"ideal": fill}, 1)[0][0]
    assert record["inside_68"] == pytest.approx(0.68, abs=0.03)
    assert record["inside_95"] == pytest.approx(0.95, abs=0.015)


def test_the_network_fills_with_or_without_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, gap = np.ones(SHAPE, np.float32), np.zeros(SHAPE, dtype=bool)
    plain = SimpleNamespace(counts=counts, filled=gap)
    knowing = SimpleNamespace(counts=counts, filled=gap, sigma=counts, interval=lambda level: level)
    for fill, answer in ((plain, None), (knowing, 0.5)):
        monkeypatch.setattr(evaluation.methods, "inpaint", lambda *_, fill=fill, **__: fill)
        network = fillers(("network",), object())["network"]  # type: ignore[arg-type]
        guess = network(counts, gap, gap)
        assert (guess.interval and guess.interval(0.5)) == answer


def test_all_subjects_are_judged_until_time_is_up(rng: np.random.Generator) -> None:
    config = EvaluationConfig(widths=(3, 38), kinds=("row",), methods=("linear",))
    subjects = [subject_of(rng, index=i) for i in range(3)]
    seen: list[int] = []
    outcome = judge_all(
        iter(subjects), config, fillers(("linear",), None), progress=lambda s: seen.append(s.index)
    )
    assert seen == [0, 1, 2]
    assert [r["index"] for r in outcome.records if r["method"] == "linear"] == [0, 1, 2]
    assert len(outcome.remarks) == 3  # 38 lines fit on none of them
    assert [(view.group, view.width) for view in outcome.views] == [("simulated", 3)]
    short = judge_all(iter(subjects), config, fillers(("linear",), None), minutes=1e-9)
    assert {record["index"] for record in short.records} == {0}
    assert "time was up after 1 " in short.remarks[-1]


def test_a_case_that_a_method_refuses_is_left_out_and_told(rng: np.random.Generator) -> None:
    def refuse(counts: np.ndarray, gap: np.ndarray, bad: np.ndarray) -> Guess:
        raise InputError("no part of the gaps can be filled")

    config = EvaluationConfig(widths=(3,), kinds=("row",))
    outcome = judge_all(iter([subject_of(rng)]), config, {"refuses": refuse})
    assert outcome.records == []
    assert outcome.remarks == [
        "simulated 0: a gap of 3 (row) was left out: no part of the gaps can be filled"
    ]


# --- averages


def test_the_bootstrap_goes_by_clusters(rng: np.random.Generator) -> None:
    n_clusters, n_each = 60, 5
    of_cluster = rng.normal(2, 1, n_clusters)
    values = np.repeat(of_cluster, n_each)  # the cases of a particle are all alike
    names = np.repeat([f"p{i}" for i in range(n_clusters)], n_each).tolist()
    found = Bootstrap(names, 4000, 1)
    interval = found.interval(found.means(values))
    error = of_cluster.std() / math.sqrt(n_clusters)
    assert interval.mean == pytest.approx(of_cluster.mean())
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * error, rel=0.1)
    alone = Bootstrap([str(i) for i in range(len(values))], 4000, 1)
    narrow = alone.interval(alone.means(values))
    ratio = (interval.high - interval.low) / (narrow.high - narrow.low)
    assert ratio == pytest.approx(math.sqrt(n_each), rel=0.1)


def test_the_bootstrap_leaves_nan_out_and_repeats_itself() -> None:
    values = [1.0, math.nan, 3.0, 5.0]
    pairs = []
    for _ in range(2):
        found = Bootstrap(["a", "a", "b", "c"], 200, 7)
        pairs.append(found.interval(found.means(values)))
    assert pairs[0] == pairs[1]
    assert pairs[0].mean == 3
    assert 1 <= pairs[0].low < 3 < pairs[0].high <= 5
    one = Bootstrap(["a", "a"], 10, 1)
    alone = one.interval(one.means([1.0, 2.0]))
    assert alone.mean == 1.5
    assert math.isnan(alone.low)  # one particle tells nothing of others


def record_of(method: str, pearson: float, **changes: object) -> dict[str, object]:
    record = dict.fromkeys((*evaluation.SCORES, *evaluation.INSIDE), 0.5)
    where = {"scan": "s", "index": 0, "cluster": "a", "kind": "row", "width": 3, "placement": 0}
    rest = {"judged": 1.0, "mean_counts": 1.0, "brightest": 2e4, "voxels": 100, "method": method}
    return {**record, **where, **rest, "pearson_log": pearson, **changes}


def test_the_summary_pools_kinds_and_tells_the_share_of_the_way() -> None:
    records = []
    for kind, cluster, shift in (("row", "a", 0.0), ("row", "b", 0.02), ("cross", "a", 0.04)):
        for method, pearson in (("linear", 0.8), ("good", 0.875), ("bad", 0.7), ("ceiling", 0.9)):
            records.append(record_of(method, pearson + shift, kind=kind, cluster=cluster))
    rows = summary(records, EvaluationConfig(kinds=("row", "cross"), widths=(3,), resamples=300))
    keys = [(row["kind"], row["method"]) for row in rows]
    assert keys[:4] == [("all", m) for m in ("linear", "good", "bad", "ceiling")]
    assert len(rows) == 12
    of = {key: row for key, row in zip(keys, rows, strict=True)}
    assert of["all", "good"]["cases"] == 3
    assert of["all", "good"]["clusters"] == 2
    assert of["cross", "good"]["pearson_log"].mean == pytest.approx(0.915)
    shares = {m: of["all", m]["of_the_way"].mean for m in ("linear", "good", "bad", "ceiling")}
    assert shares == pytest.approx({"linear": 0, "good": 0.75, "bad": -1, "ceiling": 1})
    # Linear and good differ by as much in every case, so the share is certain.
    share = of["all", "good"]["of_the_way"]
    assert share.low == pytest.approx(0.75)
    assert share.high == pytest.approx(0.75)


def test_coverage_is_by_width_and_by_decade_of_the_peak_and_of_the_fill() -> None:
    dim, bright = {-1: (10, 1, 5), 2: (90, 60, 80)}, {2: (10, 10, 10), 4: (90, 60, 90)}
    records = [
        record_of("n", 1, brightest=2e4, inside_68=0.6, cluster="a", by_counts=dim),
        record_of("n", 1, brightest=9e4, inside_68=0.8, cluster="b", by_counts=dim, index=1),
        record_of("n", 1, brightest=1e5, inside_68=0.1, cluster="b", by_counts=bright, index=2),
        record_of("n", 1, width=6, inside_68=0.3, cluster="b", by_counts=bright),
        record_of("linear", 1, inside_68=math.nan, by_counts={}),
    ]
    rows = coverage(records, EvaluationConfig(resamples=50))
    narrow = [row for row in rows if row["width"] == 3]
    assert {row["width"] for row in rows} == {3, 6}
    assert {row["method"] for row in rows} == {"n"}
    names = ("by", "band", "patterns", "clusters", "cases", "voxels")
    found = [(*(row[name] for name in names), row["inside_68"].mean) for row in narrow]
    assert found == [
        ("all", "", 3, 2, 3, 300, pytest.approx(0.5)),
        ("peak", "1e4 to 1e5", 2, 2, 2, 200, pytest.approx(0.7)),
        ("peak", "1e5 to 1e6", 1, 1, 1, 100, pytest.approx(0.1)),
        ("fill", "below 1", 2, 2, 2, 20, pytest.approx(2 / 20)),
        ("fill", "1e2 to 1e3", 3, 2, 3, 190, pytest.approx(130 / 190)),
        ("fill", "1e4 to 1e5", 1, 1, 1, 90, pytest.approx(60 / 90)),
    ]
    of = {(row["by"], row["band"]): row for row in narrow}
    assert of["peak", "1e4 to 1e5"]["inside_68"].low == pytest.approx(0.6)
    assert of["fill", "1e2 to 1e3"]["inside_68"].low == pytest.approx(60 / 90)
    assert of["fill", "1e2 to 1e3"]["inside_95"].mean == pytest.approx(170 / 190)
    assert math.isnan(of["peak", "1e5 to 1e6"]["inside_68"].low)  # one particle


# --- the published protocol


def test_cubes_have_their_gap_in_the_middle(rng: np.random.Generator) -> None:
    subject = subject_of(rng)
    published = {"patches": 12, "size": 12, "widths": [4]}
    config = as_config({"published": published | {"size": 16, "widths": [4]}}, "test")
    wide = Subject(
        **{
            **vars(subject),
            **{
                n: np.tile(getattr(subject, n), (2, 1, 1)) for n in ("counts", "bad", "expectation")
            },
        }
    )
    gaps, cubes = [], []

    def fill(counts: np.ndarray, gap: np.ndarray, bad: np.ndarray) -> Guess:
        gaps.append(gap)
        cubes.append(counts)
        return Guess(np.ones_like(counts), gap)

    second = Subject(**{**vars(wide), "index": 1, "cluster": "particle 1"})
    records, remarks = judge_cubes(iter([wide, second]), 2, config, {"flat": fill})
    assert remarks == []
    assert [r["method"] for r in records] == ["flat", "ceiling"] * 12
    assert [r["index"] if "index" in r else r["cube"].split(".")[0] for r in records[::2]] == (
        ["0"] * 6 + ["1"] * 6
    )
    line = np.array([False] * 6 + [True] * 4 + [False] * 6)
    expected = [np.broadcast_to(line[:, None], (16, 16, 16)), np.broadcast_to(line, (16, 16, 16))]
    assert {any((gap == e).all() for e in expected) for gap in gaps} == {True}
    assert len({gap[0, 0].sum() for gap in gaps}) == 2  # of rows and of columns
    assert not any(cube[gap].any() for cube, gap in zip(cubes, gaps, strict=True))
    assert {r["pearson_log"] for r in records if r["method"] == "flat"} == {0.0}
    assert all(r["pearson_log"] > 0.3 for r in records if r["method"] == "ceiling")
    again, _ = judge_cubes(iter([wide, second]), 2, config, {"flat": fill})
    assert again == records


def test_cubes_that_tell_nothing_are_not_drawn(rng: np.random.Generator) -> None:
    config = as_config({"published": {"size": 16, "widths": [3], "patches": 4}}, "test")
    counts = np.zeros((20, 40, 40), np.float32)
    dark = subject_of(rng, counts=counts, bad=counts > 0, expectation=None)
    records, remarks = judge_cubes(iter([dark]), 1, config, fillers(("linear",), None))
    assert records == []
    assert "no cube of 16 voxels" in remarks[0]
    lit = rng.poisson(5, counts.shape).astype(np.float32)
    bad = np.zeros(counts.shape, dtype=bool)
    bad[:, :, 20:] = True
    half = subject_of(rng, counts=lit, bad=bad, expectation=None, group="scan")
    seen: list[float] = []

    def fill(shown: np.ndarray, gap: np.ndarray, masked: np.ndarray) -> Guess:
        seen.append(masked.mean())
        return Guess(shown, gap)

    judge_cubes(iter([half]), 1, config, {"any": fill})
    assert len(seen) == 4
    assert max(seen) <= 0.1


def test_the_mean_over_bins_weighs_dim_and_bright_cubes_alike() -> None:
    config = as_config({"published": {"bins": 2, "widths": [3]}, "resamples": 50}, "test")
    cubes = [(1.0, 0.2), (2.0, 0.4), (3.0, 0.6), (1e4, 1.0)]  # mean counts, Pearson
    records = [
        {
            "scan": "s",
            "cube": str(i),
            "cluster": str(i),
            "width": 3,
            "method": "m",
            "mean_counts": light,
            "pearson_log": pearson,
        }
        for i, (light, pearson) in enumerate(cubes)
    ]
    (row,) = summary_of_cubes(records, config)
    assert row["pearson_log"].mean == pytest.approx((0.4 + 1.0) / 2)
    assert row["unbinned"].mean == pytest.approx(0.55)
    assert (row["bins"], row["cubes"]) == (2, 4)


# --- what is read


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"colour": 1}, "test: colour is 1"),
        ({"methods": ["linear", "magic"]}, "'magic' is no method, expected some of nearest"),
        ({"methods": []}, "at least one method"),
        ({"methods": ["linear", "linear"]}, "each once"),
        ({"widths": [3, 0]}, "at least 1 voxel"),
        ({"widths": []}, "at least one"),
        ({"kinds": ["diagonal"]}, "kinds.0 is 'diagonal'"),
        ({"published": {"widths": [25]}}, "width 25 does not fit, expected 1 to 24"),
        ({"measured": [{"name": "a"}]}, "measured.0.file is missing"),
        ([1], "test"),
    ],
)
def test_a_wrong_configuration_is_one_line(values: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        as_config(values, "test")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["evaluate", "evaluate_small"])
def test_shipped_configurations_are_valid(name: str) -> None:
    config = as_config(read_yaml(REPOSITORY / "configs" / f"{name}.yaml"), name)
    recipe = as_recipe(config.held_out, name)
    assert len(recipe.shape) == 3
    for other in REPOSITORY.glob("configs/*.yaml"):  # held out: no other recipe has its seed
        values = read_yaml(other)
        recipes = [values, values.get("patterns"), values.get("held_out")]
        if not other.stem.startswith("evaluate"):
            assert recipe.seed not in [r.get("seed") for r in recipes if isinstance(r, dict)]


def test_patterns_are_read_with_their_particles(tmp_path: Path, rng: np.random.Generator) -> None:
    shape = (16, 16, 16)
    expectation = expectation_of(shape, 1000)
    stored = [
        StoredPattern(
            index=5 + i,
            expectation=expectation * np.float32(1 + i),
            counts=rng.poisson(expectation).astype(np.uint32),
            bad=rng.random(shape) < 0.1,
            parameters={},
            particle=particle,
        )
        for i, particle in enumerate((3, None))
    ]
    path = tmp_path / "p.h5"
    write_patterns(path, {"shape": shape, "seed": 1}, stored)
    first, second = simulated(path)
    assert (first.cluster, second.cluster) == ("particle 3", "pattern 6")
    assert_array_equal(first.counts, stored[0].counts)
    assert_array_equal(second.bad, stored[1].bad)
    assert_allclose(first.expectation, expectation, rtol=2e-4)
    assert [s.index for s in simulated(path, [1])] == [1]
    assert evaluation.bright_rows(path, 1500) == [1]
    flat = tmp_path / "flat.h5"
    kinds = {"expectation": np.float32, "counts": np.uint32, "bad": np.bool_}
    planes = {name: np.ones((16, 16), kind) for name, kind in kinds.items()}
    write_patterns(flat, {"shape": (16, 16)}, [StoredPattern(index=0, parameters={}, **planes)])
    with pytest.raises(InputError, match="expected 3 axes"):
        next(simulated(flat))


def test_measured_scans_are_cut_and_masked(tmp_path: Path, rng: np.random.Generator) -> None:
    counts = rng.poisson(5, (6, 8, 9))
    mask, block = (rng.random(counts.shape) < 0.2 for _ in range(2))
    np.savez(tmp_path / "a.npz", counts=counts, mask=mask, block=block, other=np.arange(3))
    scans = (
        ScanConfig(name="absent", file="b.npz"),
        ScanConfig(name="a", file="a.npz", mask_key="block", frames=(1, None), columns=(2, 7)),
    )
    (subject,) = measured(scans, tmp_path)
    assert subject.group == "a"
    assert_array_equal(subject.counts, counts[1:, :, 2:7])
    assert_array_equal(subject.bad, (mask | block)[1:, :, 2:7])
    assert subject.expectation is None
    for key in ("none", "other"):
        with pytest.raises(InputError, match=f"holds no array '{key}'"):
            next(measured([ScanConfig(name="a", file="a.npz", mask_key=key)], tmp_path))
    with pytest.raises(InputError, match="leave nothing"):
        next(measured([ScanConfig(name="a", file="a.npz", rows=(5, 5))], tmp_path))


def test_without_a_folder_there_are_no_measured_scans_and_a_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans = (ScanConfig(name="a", file="a.npz"), ScanConfig(name="b", file="b.npz"))
    for value in (None, ""):
        monkeypatch.delenv("BCDI_INPAINT_DATA", raising=False)
        if value is not None:
            monkeypatch.setenv("BCDI_INPAINT_DATA", value)
        folder = evaluation.measured_folder()
        assert folder is None
        assert list(measured(scans, folder)) == []
        (line,) = evaluation.missing_folder(scans, folder)
        assert line == "BCDI_INPAINT_DATA is not set: no measured scans (a, b left out)"
        assert evaluation.missing_folder((), folder) == []
    monkeypatch.setenv("BCDI_INPAINT_DATA", str(tmp_path))
    assert evaluation.measured_folder() == tmp_path
    assert evaluation.missing_folder(scans, tmp_path) == []


def test_no_data_set_is_known_to_the_package() -> None:
    assert EvaluationConfig().measured == ()
    for path in REPOSITORY.glob("bcdi_inpaint/**/*.py"):
        text = path.read_text()
        assert not any(word in text for word in ("S1398", "ft_crop", "shared/data")), path


def test_the_measured_scans_that_are_known(real_data: Path) -> None:
    config = as_config(read_yaml(REPOSITORY / "configs" / "evaluate.yaml"), "evaluate")
    found = {subject.group: subject for subject in measured(config.measured, real_data)}
    if set(found) != {"S1398", "ft_crop_64"}:
        pytest.skip("not all of the measured scans are here")
    bright, dim = found["ft_crop_64"], found["S1398"]
    assert bright.counts.sum(dtype=float) == pytest.approx(829e6, rel=1e-2)
    assert bright.bad.sum() == 744
    for others in ((1, 2), (0, 2), (0, 1)):  # its own gap, 254:260, is cut off
        assert not dim.bad.all(axis=others).any()
