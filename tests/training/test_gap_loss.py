import numpy as np
import pytest
import torch
from scipy import stats
from skimage.metrics import structural_similarity

from bcdi_inpaint.network.units import LOG_UNIT
from bcdi_inpaint.training.gap_loss import LOSSES, LossWeights, gap_loss, ssim_map


def images(seed: int, size: int = 24) -> torch.Tensor:
    return torch.rand(1, 1, size, size, size, generator=torch.Generator().manual_seed(seed))


def plane_gap(like: torch.Tensor) -> torch.Tensor:
    gap = torch.zeros_like(like, dtype=torch.bool)
    gap[:, :, :, 10:14] = True
    return gap


def scales(like: torch.Tensor, scale: float = 0.02) -> torch.Tensor:
    return torch.full_like(like, scale)


def test_the_truth_itself_costs_nothing() -> None:
    truth = images(0)
    terms = gap_loss(truth, scales(truth), truth, plane_gap(truth), LossWeights(likelihood=0))
    for name in ("mse", "ssim", "gradient", "loss"):
        assert float(terms[name]) == pytest.approx(0, abs=1e-5)


def test_likelihood_is_that_of_scipys_laplace_distribution() -> None:
    truth, prediction = images(0), images(1)
    scale, gap = 0.01 + 0.1 * images(2), plane_gap(truth)
    terms = gap_loss(prediction, scale, truth, gap, LossWeights())
    value, middle, width = (LOG_UNIT * x[gap].double().numpy() for x in (truth, prediction, scale))
    expected = -stats.laplace.logpdf(value, loc=middle, scale=width).mean()
    assert float(terms["likelihood"]) == pytest.approx(expected, rel=1e-5)


def test_likelihood_is_best_where_the_scale_is_the_mean_absolute_error() -> None:
    """What makes the network learn it: the maximum-likelihood scale of Laplace errors."""
    truth, prediction = images(0), images(1)
    gap = plane_gap(truth)
    best = float((prediction - truth).abs()[gap].mean())
    terms = {
        factor: float(
            gap_loss(prediction, scales(truth, factor * best), truth, gap, LossWeights())[
                "likelihood"
            ]
        )
        for factor in (0.5, 0.9, 1.0, 1.1, 2.0)
    }
    assert min(terms, key=terms.__getitem__) == 1.0


def test_the_scale_moves_nothing_but_the_likelihood() -> None:
    truth, prediction = images(0), images(1)
    gap = plane_gap(truth)
    first, second = (
        gap_loss(prediction, scales(truth, scale), truth, gap, LossWeights())
        for scale in (0.01, 0.1)
    )
    for name in ("mse", "ssim", "gradient"):
        torch.testing.assert_close(first[name], second[name])
    assert float(first["likelihood"]) != pytest.approx(float(second["likelihood"]), rel=0.01)


def test_only_the_gap_counts() -> None:
    truth, prediction = images(0), images(1)
    gap = plane_gap(truth)
    elsewhere = torch.where(gap, prediction, images(2))
    scale = scales(truth)
    first = gap_loss(prediction, scale, truth, gap, LossWeights())
    other_scale = torch.where(gap, scale, images(3))
    second = gap_loss(elsewhere, other_scale, truth, gap, LossWeights())
    for name in first:
        torch.testing.assert_close(first[name], second[name])


def test_mse_is_in_natural_logarithms() -> None:
    truth = images(0)
    terms = gap_loss(truth + 0.1, scales(truth), truth, plane_gap(truth), LossWeights())
    assert float(terms["mse"]) == pytest.approx((0.1 * LOG_UNIT) ** 2, rel=1e-4)


def test_gradient_of_a_constant_error_is_at_the_gaps_two_borders() -> None:
    truth = images(0)
    terms = gap_loss(truth + 0.1, scales(truth), truth, plane_gap(truth), LossWeights())
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
    weights = LossWeights(mse=2, ssim=3, gradient=0, likelihood=5)
    terms = gap_loss(prediction, scales(truth), truth, gap, weights)
    mse, ssim, likelihood = (float(terms[name]) for name in ("mse", "ssim", "likelihood"))
    assert float(terms["loss"]) == pytest.approx(2 * mse + 3 * ssim + 5 * likelihood)


def test_half_precision_around_it_changes_nothing() -> None:
    truth, prediction = images(0), images(1)
    gap = plane_gap(truth)
    plain = gap_loss(prediction, scales(truth), truth, gap, LossWeights())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = gap_loss(prediction, scales(truth), truth, gap, LossWeights())
    for name in plain:
        torch.testing.assert_close(mixed[name], plain[name])


def test_gradient_of_a_growing_error_is_its_slope() -> None:
    truth = images(0)
    slope = 0.02 * torch.arange(24, dtype=torch.float32).reshape(1, 1, 1, 1, 24)
    gap = torch.ones_like(truth, dtype=torch.bool)
    terms = gap_loss(truth + slope, scales(truth), truth, gap, LossWeights())
    assert float(terms["gradient"]) == pytest.approx((0.02 * LOG_UNIT) ** 2 / 3, rel=1e-3)


def test_no_gap_costs_nothing_and_is_finite() -> None:
    truth, prediction = images(0), images(1)
    nothing = torch.zeros_like(truth, dtype=torch.bool)
    terms = gap_loss(prediction, scales(truth), truth, nothing, LossWeights())
    for name in ("mse", "gradient", "likelihood"):
        assert float(terms[name]) == 0
    assert torch.isfinite(terms["loss"])


def test_mae_is_in_natural_logarithms() -> None:
    truth = images(1)
    terms = gap_loss(truth + 0.1, scales(truth), truth, plane_gap(truth), LOSSES["mae"])
    assert float(terms["loss"]) == float(terms["mae"]) == pytest.approx(0.1 * LOG_UNIT, rel=1e-4)


def test_the_adopted_sum_is_of_logarithms_in_0_to_1() -> None:
    """MSE + (1 - SSIM) + MSE of the gradients, all in network units."""
    truth, gap = images(1), plane_gap(images(1))
    prediction = images(2)
    terms = gap_loss(prediction, scales(truth), truth, gap, LOSSES["mse+ssim+gradient"])
    squares = ((prediction - truth)[gap] ** 2).mean()
    gradients = float(terms["gradient"]) / LOG_UNIT**2
    expected = float(squares) + float(terms["ssim"]) + gradients
    assert float(terms["loss"]) == pytest.approx(expected, rel=1e-4)


def test_a_name_moves_no_other_term() -> None:
    for name in ("mse", "mae", "ssim"):
        weights = LOSSES[name].model_dump()
        assert [key for key, weight in weights.items() if weight] == [name]
