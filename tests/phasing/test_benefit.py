import math
from dataclasses import replace

import numpy as np
import pytest

from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.peak.fringes import HALF_WINDOW
from bcdi_inpaint.phasing import benefit
from bcdi_inpaint.phasing.benefit import (
    FAR,
    NOWHERE,
    VERDICTS,
    Benefit,
    BenefitSettings,
    benefit_record,
    expected_benefit,
    read_advice,
    read_verdict,
    verdict_of,
)

SHAPE = (48, 64, 64)


def _pattern(side: int, peak: tuple[int, int, int] = (24, 30, 32)) -> np.ndarray:
    """A cube's pattern (48, 64, 64): fringes are 48 / side frames, 64 / side lines apart."""
    axes = [np.sinc((np.arange(n) - c) * side / n) ** 2 for n, c in zip(SHAPE, peak, strict=True)]
    return 1e7 * axes[0][:, None, None] * axes[1][None, :, None] * axes[2][None, None, :]


def _seen(counts: np.ndarray, *gaps: Gap) -> Benefit | None:
    unknown = gap_mask(gaps, counts.shape)
    return expected_benefit(np.where(unknown, 0, counts), unknown, gaps)


@pytest.mark.parametrize(
    ("gap", "fringes", "distance"),
    [
        (Gap(1, 36, 42), 6 / 4, 5),  # the peak is in row 30: rows 31 to 35 lie between
        (Gap(1, 14, 26), 12 / 4, 4),
        (Gap(2, 36, 60), 24 / 4, 3),
        (Gap(0, 28, 34), 6 / 3, 3),
    ],
)
def test_a_gap_is_told_in_fringes_and_lines_from_the_peak(
    gap: Gap, fringes: float, distance: int
) -> None:
    counts = np.random.default_rng(0).poisson(_pattern(16)).astype(np.float32)
    seen = _seen(counts, gap)
    assert seen is not None
    assert seen.fringes == pytest.approx(fringes, rel=0.1)
    assert abs(seen.distance - distance) <= 1
    beside = [line for line in (gap.start - 2, gap.start - 1, gap.stop, gap.stop + 1)]
    means = np.moveaxis(counts, gap.axis, 0)[beside].mean(axis=(1, 2))
    assert seen.counts_beside == pytest.approx(means.max(), rel=0.3)
    assert str(gap.width) in str(seen)


@pytest.mark.parametrize(
    ("width", "fringes", "counts", "expected"),
    [
        (24, 6.0, 10.0, "fill"),
        (24, 6.0, BenefitSettings.counts / 2, "mask"),  # dark beside it
        (12, 3.5, 10.0, "fill"),
        (12, 1.4, 10.0, "compare"),
        (6, 1.4, BenefitSettings.counts / 2, "mask"),
        (6, math.nan, 10.0, "compare"),
        (12, math.nan, 10.0, "fill"),
        (6, 1.5, BenefitSettings.counts, "fill"),  # the limits themselves
    ],
)
def test_the_wider_in_fringes_the_more_a_fill_helps(
    width: int, fringes: float, counts: float, expected: str
) -> None:
    assert verdict_of(width, fringes, counts) == expected


@pytest.mark.parametrize("gap", [Gap(1, 36, 42), Gap(2, 36, 60), Gap(0, 28, 34)])
def test_where_in_a_large_scan_the_peak_is_does_not_matter(gap: Gap) -> None:
    offset = (5, 50, 30)
    large = np.zeros((60, 120, 110), dtype=np.float32)
    own = np.random.default_rng(0).poisson(_pattern(16)).astype(np.float32)
    large[tuple(slice(o, o + n) for o, n in zip(offset, SHAPE, strict=True))] = own
    moved = Gap(gap.axis, gap.start + offset[gap.axis], gap.stop + offset[gap.axis])
    alone, seen = _seen(own, gap), _seen(large, moved)
    assert alone is not None
    assert seen is not None
    assert seen.gap == moved
    assert seen.fringes == pytest.approx(alone.fringes, rel=0.02)
    assert abs(seen.distance - alone.distance) <= 1
    begun = 0, 40, 20  # a part of it, told where it begins
    part = large[tuple(slice(b, None) for b in begun)]
    unknown = gap_mask([moved], large.shape)[tuple(slice(b, None) for b in begun)]
    assert expected_benefit(np.where(unknown, 0, part), unknown, [moved], begun) == seen


@pytest.mark.parametrize("width", [3, 4, 5])
def test_a_hot_pixel_does_not_change_the_verdict(width: int) -> None:
    rock, y, x = (np.sinc((np.arange(64) - c) / 4.3) ** 2 for c in (32, 30, 33))
    expected_counts = 36_000 * rock[:, None, None] * y[:, None] * x
    counts = np.random.default_rng(0).poisson(expected_counts).astype(np.float32)
    before = _seen(counts, Gap(1, 36, 36 + width))
    assert before is not None
    assert before.verdict == "compare"
    for pixel in ((10, 12), (50, 20), (33, 50), (60, 3)):
        hot = counts.copy()
        hot[:, pixel[0], pixel[1]] = 2_000_000
        after = _seen(hot, Gap(1, 36, 36 + width))
        assert after is not None
        assert after.verdict == before.verdict, pixel
        assert after.fringes == pytest.approx(before.fringes, rel=0.05), pixel
        assert after.counts_beside == pytest.approx(before.counts_beside, rel=0.05), pixel


def test_every_verdict_has_its_words() -> None:
    seen = _seen(_pattern(16), Gap(1, 36, 42))
    assert seen is not None
    for verdict, words in VERDICTS.items():
        assert str(replace(seen, verdict=verdict)).endswith(words)


def test_of_several_gaps_the_widest_near_the_peak_counts() -> None:
    counts = _pattern(16)
    seen = _seen(counts, Gap(1, 36, 42), Gap(2, 10, 22))
    assert seen is not None
    assert seen.gap == Gap(2, 10, 22)


@pytest.mark.parametrize(
    ("frames", "rows", "fringes", "wider", "verdict"),
    [
        (4, 12, 3.0, 1, "fill"),  # lines are no fringes: four of the nine that a fill needs
        (4, 12, 1.0, 1, "compare"),
        (8, 12, 1.0, 0, "compare"),
        (9, 6, 1.0, 0, "fill"),
    ],
)
def test_gaps_with_and_without_fringes_are_compared_by_their_own_limits(
    monkeypatch: pytest.MonkeyPatch,
    frames: int,
    rows: int,
    fringes: float,
    wider: int,
    verdict: str,
) -> None:
    period = np.array([math.nan, rows / fringes, math.nan])
    monkeypatch.setattr(benefit, "_period", lambda *_: period)
    gaps = Gap(0, 28, 28 + frames), Gap(1, 36, 36 + rows)
    for given in (gaps, gaps[::-1]):
        seen = _seen(_pattern(16), *given)
        assert seen is not None
        assert (seen.gap, seen.verdict) == (gaps[wider], verdict)


def test_a_gap_over_the_peak_has_no_distance() -> None:
    seen = _seen(_pattern(16), Gap(1, 28, 34))
    assert seen is not None
    assert seen.distance == 0


def test_where_no_gap_is_near_the_peak_or_all_is_dark_there_is_nothing_to_say() -> None:
    wide = np.zeros((8, 16, 160), dtype=np.float32)
    wide[4, 8, 20] = 1000
    assert _seen(wide, Gap(2, 120, 126)) is None
    assert _seen(np.zeros(SHAPE), Gap(1, 28, 34)) is None
    assert benefit_record(None) == {"advice": NOWHERE, "advice_verdict": FAR}
    assert read_verdict(benefit_record(None)) == FAR
    assert f"no gap of whole lines within {HALF_WINDOW} voxels of a Bragg peak" in NOWHERE


def test_gaps_on_two_sides_of_the_rule_never_print_the_same_number() -> None:
    """Two crops of one scan printed "1.5 fringes", and one of them was not worth a fill."""
    rule = BenefitSettings()
    narrow = Benefit(Gap(1, 3, 9), 1.4996, 4, 20.0, verdict_of(6, 1.4996, 20.0))
    wide = Benefit(Gap(1, 3, 9), 1.5004, 4, 20.0, verdict_of(6, 1.5004, 20.0))
    assert (narrow.verdict, wide.verdict) == ("compare", "fill")
    assert f"{rule.fringes} fringes" not in str(narrow)
    assert f"{rule.fringes} fringes" in str(wide)
    dim = Benefit(Gap(1, 3, 9), 2.0, 4, 0.9999, verdict_of(6, 2.0, 0.9999))
    assert dim.verdict == "mask"
    assert " 1 counts" not in str(dim)


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_verdict_is_read_back(verdict: str) -> None:
    seen = Benefit(Gap(1, 3, 9), 2.0, 4, 20.0, verdict)
    assert read_verdict(benefit_record(seen)) == verdict
    assert read_advice(benefit_record(seen)) == str(seen)
    assert read_verdict({}) == ""


def test_the_file_has_the_line_and_its_numbers() -> None:
    seen = _seen(_pattern(16), Gap(1, 36, 48))
    assert seen is not None
    kept = benefit_record(seen)
    assert "3.0 fringes" in kept["advice"]
    for verdict in VERDICTS:  # PyNX would look for the word
        assert "mask" not in str(benefit_record(replace(seen, verdict=verdict)))
    assert kept["advice_verdict"] == seen.verdict == "fill"
    assert kept["advice_fringes"] == pytest.approx(3, rel=0.1)
