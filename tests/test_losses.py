import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from bcdi_inpaint.losses import LossWeights, gap_loss, ssim_map
from bcdi_inpaint.scaling import LOG_UNIT


def images(seed: int, size: int = 24) -> torch.Tensor:
    return torch.rand(1, 1, size, size, size, generator=torch.Generator().manual_seed(seed))


def plane_gap(like: torch.Tensor) -> torch.Tensor:
    gap = torch.zeros_like(like, dtype=torch.bool)
    gap[:, :, :, 10:14] = True
    return gap


def test_the_truth_itself_costs_nothing() -> None:
    truth = images(0)
    terms = gap_loss(truth, truth, plane_gap(truth), LossWeights())
    for term in terms.values():
        assert float(term) == pytest.approx(0, abs=1e-5)


def test_only_the_gap_counts() -> None:
    truth, prediction = images(0), images(1)
    gap = plane_gap(truth)
    elsewhere = torch.where(gap, prediction, images(2))
    first = gap_loss(prediction, truth, gap, LossWeights())
    second = gap_loss(elsewhere, truth, gap, LossWeights())
    for name in first:
        torch.testing.assert_close(first[name], second[name])


def test_mse_is_in_natural_logarithms() -> None:
    truth = images(0)
    terms = gap_loss(truth + 0.1, truth, plane_gap(truth), LossWeights())
    assert float(terms["mse"]) == pytest.approx((0.1 * LOG_UNIT) ** 2, rel=1e-4)


def test_gradient_of_a_constant_error_is_at_the_gaps_two_borders() -> None:
    truth = images(0)
    terms = gap_loss(truth + 0.1, truth, plane_gap(truth), LossWeights())
    # Across the gap 5 differences touch its 4 rows, and 2 of them jump; none do along it.
    expected = (0.1 * LOG_UNIT) ** 2 * (2 / 5) / 3
    assert float(terms["gradient"]) == pytest.approx(expected, rel=1e-4)


def test_ssim_is_scikit_images() -> None:
    truth, prediction = images(0), images(1)
    _, expected = structural_similarity(
        truth[0, 0].numpy(),
        prediction[0, 0].numpy(),
        data_range=1.0,
        full=True,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        truncate=5 / 1.5,
    )
    inner = (slice(6, -6),) * 3  # ends are treated in another way
    np.testing.assert_allclose(ssim_map(prediction, truth)[0, 0][inner], expected[inner], atol=1e-4)


def test_weights_weigh() -> None:
    truth, prediction = images(0), images(1)
    gap = plane_gap(truth)
    terms = gap_loss(prediction, truth, gap, LossWeights(mse=2, ssim=3, gradient=0))
    assert float(terms["loss"]) == pytest.approx(2 * float(terms["mse"]) + 3 * float(terms["ssim"]))


def test_half_precision_around_it_changes_nothing() -> None:
    truth, prediction = images(0), images(1)
    gap = plane_gap(truth)
    plain = gap_loss(prediction, truth, gap, LossWeights())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = gap_loss(prediction, truth, gap, LossWeights())
    for name in plain:
        torch.testing.assert_close(mixed[name], plain[name])


def test_the_bright_term_weighs_by_the_root_of_the_photons() -> None:
    photons = torch.tensor([0.0, 100.0, 400.0])
    truth = (torch.log1p(photons) / LOG_UNIT).reshape(1, 1, 3, 1).expand(1, 1, 3, 12)
    error = torch.tensor([5.0, 1.0, 2.0]).reshape(1, 1, 3, 1) / LOG_UNIT
    gap = torch.ones_like(truth, dtype=torch.bool)
    found = gap_loss(truth + error, truth, gap, LossWeights())["bright"]
    assert float(found) == pytest.approx((10 * 1 + 20 * 4) / (10 + 20), rel=1e-4)
