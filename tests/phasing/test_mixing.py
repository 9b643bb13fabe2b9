"""How a computed intensity is mixed into a fill, and how that is judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.ndimage

from bcdi_inpaint.phasing.evidence import Evidence
from bcdi_inpaint.phasing.mixing import MixingSettings, fit_mixture, fit_shares
from bcdi_inpaint.photons import log_noise_bias

SHAPE = (24, 24, 24)
BY_CLASS = MixingSettings(rule="classes")
BY_VOXEL = MixingSettings(rule="voxels")


def some_evidence(noise: float = 0.05) -> tuple[Evidence, np.ndarray]:
    """A computed intensity that is good where the starts agree, bad elsewhere; and the gap."""
    rng = np.random.default_rng(3)
    truth = rng.uniform(1.5, 2.5, SHAPE)
    agree = np.indices(SHAPE).sum(axis=0) % 4 < 2
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, 8:16] = True
    fill = truth + rng.normal(0, 0.2, SHAPE) * gap
    found = truth + rng.normal(0, np.where(agree, noise, 1.0)) * gap
    spread = np.where(agree, 0.0, 1.0)
    one, two, three, four = (each.astype(np.float32) for each in (truth, fill, found, spread))
    return Evidence(one, ~gap, two, three, four), gap


def test_a_share_is_that_of_least_squared_error_of_logarithms() -> None:
    rng = np.random.default_rng(3)
    truth = rng.uniform(1.5, 2.5, (8, 8, 8)).astype(np.float32)
    log_fill = truth + rng.normal(0, 0.1, truth.shape).astype(np.float32)
    log_found = truth + rng.normal(0, 0.3, truth.shape).astype(np.float32)
    classes, everywhere = np.full(truth.shape, 3), np.ones(truth.shape, dtype=bool)
    shares = fit_shares(truth, log_fill, log_found, classes, everywhere)
    assert shares[3] == pytest.approx(0.01 / (0.01 + 0.09), abs=0.03)
    assert (np.delete(shares, 3) == 0).all()
    few = np.zeros_like(everywhere)
    few[0, 0] = True
    assert not fit_shares(truth, log_fill, log_found, classes, few).any()


def test_voxels_of_which_the_starts_agree_are_believed_more() -> None:
    evidence, gap = some_evidence()
    voxels, classes = (fit_mixture(evidence, gap, rule) for rule in (BY_VOXEL, BY_CLASS))
    assert voxels.error < 0.8 * classes.error
    left = np.square(evidence.log_counts - voxels.log_counts)
    agree = evidence.spread == 0
    assert left[gap & agree].mean() < 0.5 * left[gap & ~agree].mean()
    assert left[gap & ~agree].mean() < 0.06  # about the fill's own 0.04, not the other's 1


@pytest.mark.parametrize("settings", [BY_VOXEL, BY_CLASS])
def test_an_intensity_that_knows_nothing_gains_nothing(settings: MixingSettings) -> None:
    """Judged on other blocks than those it was fitted on: chance does not pass for knowledge."""
    evidence, gap = some_evidence()
    rng = np.random.default_rng(4)
    fill = np.where(gap, evidence.log_counts + rng.normal(0, 0.2, SHAPE), evidence.log_counts)
    noise = fill + gap * rng.normal(0, 0.5, SHAPE)
    blind = replace(evidence, log_fill=fill.astype(np.float32), log_found=noise.astype(np.float32))
    error = fit_mixture(blind, gap, settings).error
    assert error > 0.99 * np.sqrt(np.square(fill - evidence.log_counts)[gap].mean())


def test_chance_is_seldom_taken_for_help() -> None:
    """Smooth errors of one kind in the fill, of another in an intensity that knows nothing."""
    gap = np.zeros((24, 48, 48), dtype=bool)
    gap[:, 20:26] = True
    helped = left_out = 0
    for seed in range(24):
        rng = np.random.default_rng(seed)
        errors = scipy.ndimage.gaussian_filter(rng.normal(size=(2, *gap.shape)), (0, 1.5, 1.5, 1.5))
        errors /= errors.std()
        counts = np.log1p(rng.poisson(5.0, gap.shape)).astype(np.float32)
        counts += log_noise_bias(np.array([5.0]))
        fill = (np.log1p(5.0) + 0.3 * errors[0]).astype(np.float32)
        found = (fill + 0.5 * errors[1]).astype(np.float32)
        nothing = np.zeros_like(fill)
        mixture = fit_mixture(Evidence(counts, ~gap, fill, found, nothing), gap, BY_CLASS)
        helped += mixture.helps
        left_out += not mixture.shares.any()
    assert helped <= 6
    assert left_out >= 8  # classes that gain nothing on other blocks get no share


@pytest.mark.parametrize("settings", [BY_VOXEL, BY_CLASS])
def test_an_intensity_that_is_better_than_the_fill_helps(settings: MixingSettings) -> None:
    evidence, gap = some_evidence()
    assert fit_mixture(evidence, gap, settings).helps
    assert not fit_mixture(replace(evidence, log_found=evidence.log_fill), gap, settings).helps


@pytest.mark.parametrize("settings", [BY_VOXEL, BY_CLASS])
def test_a_rule_mixes_other_voxels_as_it_did_those(settings: MixingSettings) -> None:
    """The mirror image of a pseudo-gap is mixed like it; what was measured is left alone."""
    evidence, gap = some_evidence()
    mixture = fit_mixture(evidence, gap, settings)
    np.testing.assert_array_equal(mixture.log_counts[~gap], evidence.log_fill[~gap])
    names = ("log_counts", "seen", "log_fill", "log_found", "spread")
    turned = Evidence(*(np.ascontiguousarray(getattr(evidence, name)[::-1]) for name in names))
    there = np.zeros(SHAPE, dtype=np.float32)
    there[gap[::-1]] = mixture.rule.mix(turned, gap[::-1])
    np.testing.assert_allclose(there[::-1][gap], mixture.log_counts[gap], rtol=1e-4)


def test_the_share_of_each_class_is_told_of_both_rules() -> None:
    evidence, gap = some_evidence()
    for settings in (BY_VOXEL, BY_CLASS):
        shares = fit_mixture(evidence, gap, settings).shares
        assert shares.shape == (7,)
        assert 0 < shares[3] < 0.5


def test_few_held_out_voxels_are_no_fault() -> None:
    evidence, _ = some_evidence()
    one = np.zeros(SHAPE, dtype=bool)
    one[3, 10, 3] = True
    found = fit_mixture(evidence, one)
    assert found.error == pytest.approx(abs(evidence.log_counts - evidence.log_fill)[one].max())
