"""Random cubes with a gap in their middle."""

from __future__ import annotations

import numpy as np
import pytest
from small_subjects import subject_of

from bcdi_inpaint.evaluation.fills import (
    Guess,
    Subject,
    as_config,
    average_cubes,
    fillers,
    judge_cubes,
)


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

    def fill(counts: np.ndarray, gap: np.ndarray, *, bad_mask: np.ndarray) -> Guess:
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

    def fill(counts: np.ndarray, gap: np.ndarray, *, bad_mask: np.ndarray) -> Guess:
        seen.append(bad_mask.mean())
        return Guess(counts, gap)

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
    (row,) = average_cubes(records, config)
    assert row["pearson_log"].mean == pytest.approx((0.4 + 1.0) / 2)
    assert row["unbinned"].mean == pytest.approx(0.55)
    assert (row["bins"], row["cubes"]) == (2, 4)
