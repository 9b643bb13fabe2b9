import math

import numpy as np
import pytest

from bcdi_inpaint.evaluation.crystals import judging as crystal_scores
from bcdi_inpaint.evaluation.crystals.judging import (
    ADVICE_COLUMNS,
    FLUX_COLUMNS,
    CrystalScoresConfig,
    Shown,
    Subject,
    default_by_flux,
    judge,
    summary,
    with_default,
)
from bcdi_inpaint.evaluation.crystals.treatments import COMPLETE, MASKED, TREATMENTS
from bcdi_inpaint.evaluation.scores import pearson_log
from bcdi_inpaint.gaps.artificial import SETTINGS, place_beside_middle
from bcdi_inpaint.network.weights import load_weights
from bcdi_inpaint.pynx_engine import pynx_version
from simulation.crystals import CrystalConfig, draw_crystals


@pytest.mark.parametrize("width", [3, 12])
def test_gaps_lie_beside_the_peak_and_inside_the_array(width: int) -> None:
    config = CrystalScoresConfig(distances=(3, 8), cross_share=0.5)
    n_crossing = 0
    for seed in range(40):
        gaps = place_beside_middle(
            (48, 48, 48), width, config.distances, config.cross_share, np.random.default_rng(seed)
        )
        n_crossing += len(gaps) > 1
        for gap in gaps:
            assert gap.stop - gap.start == width
            assert gap.start >= SETTINGS.known_beside_crystal
            assert gap.stop <= 48 - SETTINGS.known_beside_crystal
            nearest = min(abs(gap.start - 24), abs(gap.stop - 1 - 24))
            assert 3 < nearest <= 9
    assert 8 < n_crossing < 32


def test_a_gap_without_room_is_left_out() -> None:
    rng = np.random.default_rng(0)
    assert place_beside_middle((48, 48, 48), 24, (3, 12), 0.3, rng) == []


def _record(
    way: str, ratio: float, width: int = 6, fringes: float = 1.0, counts_beside: float = 10.0
) -> dict[str, object]:
    return {
        "fringes": fringes,
        "counts_beside": counts_beside,
        "setting": "known support",
        "width": width,
        "way": way,
        "phase_rms_rad": 0.1 * ratio,
        "ratio_phase_rms_rad": ratio,
        "ratio_modulus_rms": ratio,
        "ratio_gradient_rms": ratio,
        "pearson_gap": 0.9,
    }


def test_the_summary_tells_median_quartiles_and_the_worst() -> None:
    records = [_record("soft", ratio) for ratio in (0.2, 0.4, 0.6, 0.8, 3.0)]
    records += [_record(MASKED, 1.0)]
    rows = summary(records)
    assert [row["way"] for row in rows] == [MASKED, "soft"]  # in the order of the ways
    soft = rows[1]
    assert (soft["lower_quartile"], soft["ratio"], soft["upper_quartile"]) == (0.4, 0.6, 0.8)
    assert soft["worst"] == 3.0
    assert soft["cases"] == 5


def test_the_summary_by_advice_is_in_its_order() -> None:
    records = [
        _record(MASKED, 1.0, fringes=fringes, counts_beside=counts)
        for fringes, counts in ((9.0, 5.0), (9.0, 0.1), (1.0, 5.0))
    ]
    rows = summary(records, "advice")
    assert [row["advice"] for row in rows] == ["mask", "compare", "fill"]
    assert set(ADVICE_COLUMNS) == set(rows[0])


def test_the_default_masks_where_a_fill_has_little_to_win() -> None:
    records = [
        _record(way, ratio, fringes=fringes, counts_beside=counts)
        for fringes, counts, ratio in ((9.0, 0.1, 2.5), (1.0, 3.0, 2.0), (9.0, 9.0, 0.4))
        for way, ratio in ((MASKED, 1.0), ("prior", ratio))
    ]
    rows = {row["way"]: row for row in summary(with_default(records))}
    assert (rows["auto"]["cases"], rows["auto"]["ratio"], rows["auto"]["worst"]) == (3, 1.0, 1.0)
    assert rows["auto"]["lower_quartile"] == 0.7
    assert rows["prior"]["worst"] == 2.5
    assert "auto refined" not in rows
    refined = records + [
        _record("refined prior", ratio, fringes=fringes, counts_beside=counts)
        for fringes, counts, ratio in ((9.0, 0.1, 3.0), (1.0, 3.0, 0.6), (9.0, 9.0, 0.3))
    ]
    rows = {row["way"]: row for row in summary(with_default(refined))}
    refined_row = rows["auto refined"]
    assert (refined_row["ratio"], refined_row["worst"]) == (0.6, 1.0)
    assert rows["auto"]["lower_quartile"] == 0.7
    without = [record for record in records if record["way"] != "prior"]
    assert with_default(without) == without


def test_the_default_is_told_by_flux() -> None:
    records = [
        _record(way, ratio) | {"flux": flux}
        for flux, ratio in ((1e5, 0.5), (1e6, 0.7), (1e7, 0.9), (1e8, 2.0))
        for way in ("auto", "prior")
    ]
    rows = default_by_flux(records)
    assert [(row["flux"], row["way"]) for row in rows] == [("low", "auto"), ("high", "auto")]
    assert [row["ratio"] for row in rows] == pytest.approx([0.6, 1.45])
    assert set(rows[0]) == set(FLUX_COLUMNS)
    assert default_by_flux([_record("prior", 0.5) | {"flux": 1.0}]) == []


def test_a_turned_phase_is_told_by_its_gradient(rng: np.random.Generator) -> None:
    """A ramp of 0.1 rad a voxel along y has that gradient, one along x none."""
    truth = np.ones((12, 12, 12), dtype=np.complex128)
    inside = np.zeros((12, 12, 12), dtype=bool)
    inside[3:9, 3:9, 3:9] = True
    _, y, x = np.ogrid[:12, :12, :12]
    assert crystal_scores._gradient_rms(truth * np.exp(0.1j * y), truth, inside) == pytest.approx(
        0.1
    )
    assert crystal_scores._gradient_rms(truth * np.exp(0.1j * x), truth, inside) < 1e-9


@pytest.mark.skipif(pynx_version() is None, reason="PyNX is not there")
def test_every_way_is_phased_and_told_as_a_ratio_to_masking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = next(draw_crystals(CrystalConfig(count=1, atomistic=0, size=32, flux=(1e6, 1e6)), 3))
    subject = Subject(made.name, made.truth, made.expectation, made.counts)
    config = CrystalScoresConfig(
        widths=(3,),
        settings=("known support",),
        hio=0,
        raar=30,
        er=20,
        cross_share=0,
        distances=(2, 3),
    )
    seen: list[Shown] = []
    (records,) = judge(subject, config, load_weights(), show=seen.append)
    (shown,) = seen
    assert [*shown.calculated] == [*shown.objects][1:] == list(TREATMENTS)
    assert shown.gap.sum() == 3 * 32**2
    for record in records:
        found = pearson_log(shown.expectation, shown.calculated[str(record["way"])], shown.gap)
        assert record["pearson_gap"] == found
    assert [record["way"] for record in records] == list(TREATMENTS)
    by_way = {record["way"]: record for record in records}
    assert by_way[MASKED]["ratio_phase_rms_rad"] == 1
    for record in records:
        assert not record["failed"]
        assert record["ratio_phase_rms_rad"] == pytest.approx(
            record["phase_rms_rad"] / by_way[MASKED]["phase_rms_rad"]
        )
        assert 0 < record["resolution"] <= 1
    assert by_way[COMPLETE]["pearson_gap"] > 0.9
    assert not math.isnan(by_way["soft"]["llk_free"]) or min(subject.counts.shape) < 12

    fewer = config.model_copy(update={"ways": (COMPLETE, MASKED, "soft")})
    monkeypatch.setattr(crystal_scores, "retrieve_best", None)  # what is known is not done again
    (again,) = judge(subject, fewer, load_weights(), known=records, show=seen.append)
    assert len(seen) == 1
    assert again == [by_way[way] for way in fewer.ways]
