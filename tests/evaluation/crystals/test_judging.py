"""Every treatment of a gap is phased, and judged against the true object."""

import math

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals import judging, retrieving
from bcdi_inpaint.evaluation.crystals.config import CrystalScoresConfig, Setting
from bcdi_inpaint.evaluation.crystals.gap_on_crystal import GapOnCrystal
from bcdi_inpaint.evaluation.crystals.judging import judge_crystal
from bcdi_inpaint.evaluation.crystals.known_crystal import CrystalView, KnownCrystal
from bcdi_inpaint.evaluation.crystals.records import OVER_MASKING
from bcdi_inpaint.evaluation.crystals.treatments import (
    COMPLETE,
    INTERPOLATED,
    MASKED,
    ZERO,
    Treatment,
)
from bcdi_inpaint.evaluation.scores import pearson_log
from bcdi_inpaint.gaps.artificial import SETTINGS, place_beside_middle
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.phasing.reconstruction import Reconstruction
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


TREATMENTS = (COMPLETE, MASKED, ZERO, INTERPOLATED, "soft", "prior")
"""What a retrieval gets of the others is tested where it is made."""


CONFIG = CrystalScoresConfig(
    widths=(3,),
    settings=("known support",),
    treatments=TREATMENTS,
    hio=0,
    raar=30,
    er=20,
    cross_share=0,
    distances=(2, 3),
)


def small_crystal() -> KnownCrystal:
    """A bright crystal of 32 voxels a side."""
    made = next(draw_crystals(CrystalConfig(count=1, atomistic=0, size=32, flux=(1e6, 1e6)), 3))
    return KnownCrystal(made.name, made.truth, made.expectation, made.counts, made.kind)


@pytest.mark.skipif(pynx_version() is None, reason="PyNX is not there")
def test_every_treatment_is_phased_and_compared_with_masking(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Model
) -> None:
    crystal, config = small_crystal(), CONFIG
    seen: list[CrystalView] = []
    (records,) = judge_crystal(crystal, config, tiny_model, show=seen.append)
    (shown,) = seen
    assert [*shown.calculated] == [*shown.objects][1:] == list(TREATMENTS)
    assert shown.gap.sum() == 3 * 32**2
    for record in records:
        found = pearson_log(
            shown.expectation, shown.calculated[str(record["treatment"])], shown.gap
        )
        assert record["pearson_gap"] == found
    assert [record["treatment"] for record in records] == list(TREATMENTS)
    by_treatment = {record["treatment"]: record for record in records}
    assert by_treatment[MASKED]["ratio_phase_rms_rad"] == 1
    for record in records:
        assert not record["failed"]
        assert record["kind"] == "coherent, even"
        assert record["kept"] == 1
        assert record["upper_rad"] == record["worst_rad"] == record["phase_rms_rad"]
        assert record["ratio_worst_rad"] == record["ratio_phase_rms_rad"]
        assert record["ratio_phase_rms_rad"] == pytest.approx(
            record["phase_rms_rad"] / by_treatment[MASKED]["phase_rms_rad"]
        )
        assert 0 < record["resolution"] <= 1
    assert by_treatment[COMPLETE]["pearson_gap"] > 0.9
    assert by_treatment["zero"]["gap_intensity"] < by_treatment[COMPLETE]["gap_intensity"]
    assert not math.isnan(by_treatment["soft"]["llk_free"]) or min(crystal.counts.shape) < 12

    fewer = config.model_copy(update={"treatments": (COMPLETE, MASKED, "soft")})
    monkeypatch.setattr(retrieving, "retrieve_best", None)  # what is known is not done again
    (again,) = judge_crystal(crystal, fewer, tiny_model, known=records, show=seen.append)
    assert len(seen) == 1
    assert again == [by_treatment[treatment] for treatment in fewer.treatments]


@pytest.mark.skipif(pynx_version() is None, reason="PyNX is not there")
def test_complete_counts_are_phased_once_whatever_the_gaps(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Model
) -> None:
    crystal = small_crystal()
    config = CONFIG.model_copy(update={"widths": (3, 5), "treatments": (COMPLETE, MASKED)})
    phased: list[str] = []

    def watched(gap: GapOnCrystal, setting: Setting, treatment: Treatment) -> list[Reconstruction]:
        phased.append(treatment.name)
        return retrieving.retrieve_gap(gap, setting, treatment)

    monkeypatch.setattr(judging, "retrieve_gap", watched)
    narrow, wide = judge_crystal(crystal, config, tiny_model)
    assert sorted(phased) == [COMPLETE, MASKED, MASKED]
    assert narrow[0]["phase_rms_rad"] == wide[0]["phase_rms_rad"]
    assert narrow[0]["pearson_gap"] != wide[0]["pearson_gap"]
    # The wide gap alone, as where a stopped evaluation goes on: the same starts, the same object.
    (alone,) = judge_crystal(crystal, config.model_copy(update={"widths": (5,)}), tiny_model)
    assert repr(alone) == repr(wide)  # some scores are not a number


def test_a_retrieval_that_fails_is_recorded_as_infinitely_far_off(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Model
) -> None:
    crystal = small_crystal()
    config = CONFIG.model_copy(update={"treatments": (MASKED, ZERO, "prior")})
    failing = {ZERO}

    def answer(gap: GapOnCrystal, setting: Setting, treatment: Treatment) -> list[Reconstruction]:
        if treatment.name in failing:
            raise InputError("every start failed")
        obj = crystal.truth * np.exp(0.3j * np.arange(32) ** 2 / 32)
        return [Reconstruction(obj.astype(np.complex64), crystal.inside(0.1), 1.0, 1.0, ())]

    monkeypatch.setattr(judging, "retrieve_gap", answer)
    ((masked, zero, prior),) = judge_crystal(crystal, config, tiny_model)
    assert masked["ratio_phase_rms_rad"] == prior["ratio_phase_rms_rad"] == 1
    assert zero["failed"] == "every start failed"
    for name in OVER_MASKING:
        assert zero[name] == zero[f"ratio_{name}"] == math.inf
    failing.add(MASKED)
    (records,) = judge_crystal(crystal, config, tiny_model)
    for record in records:
        assert all(math.isnan(record[f"ratio_{name}"]) for name in OVER_MASKING)
        assert math.isinf(record["phase_rms_rad"]) == (record["treatment"] in failing)
