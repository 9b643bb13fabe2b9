"""Losses inside the gap: the published sum of MSE, SSIM and gradient terms.

Masto et al., J. Appl. Cryst. 57, 966 (2024): the image that is compared is the truth with the gap
replaced by the prediction; SSIM as in Wang et al., IEEE Trans. Image Process. 13, 600 (2004), with
a Gaussian window of 11 voxels and sigma 1.5. All three are averaged over the gap voxels alone.
"""

from __future__ import annotations

from typing import Annotated, Any

import torch
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from torch import Tensor

from bcdi_inpaint.network.units import LOG_UNIT, logs_from_network

WINDOW, SIGMA = 11, 1.5
"""Voxels of Wang's window, and its standard deviation."""
C1, C2 = 0.01**2, 0.03**2  # Wang's constants for a data range of 1 network unit


class LossWeights(BaseModel):
    """Weight of each term of the loss; unknown keys are errors.

    Attributes
    ----------
    mse, ssim, gradient : as published. All but SSIM are taken on natural logarithms.
    mae : mean absolute error, which Masto's thesis and Chavez et al. (2022) tried.
    likelihood : of a Laplace distribution about the prediction, which teaches the scale.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mse: float = Field(1.0, ge=0)
    mae: float = Field(0.0, ge=0)
    ssim: float = Field(1.0, ge=0)
    gradient: float = Field(1.0, ge=0)
    likelihood: float = Field(0.3, ge=0)


_NONE = {"mse": 0.0, "mae": 0.0, "ssim": 0.0, "gradient": 0.0, "likelihood": 0.0}
_SQUARED_UNIT = 1 / LOG_UNIT**2
LOSSES = {
    "mse": LossWeights(**_NONE | {"mse": 1.0}),
    "mae": LossWeights(**_NONE | {"mae": 1.0}),
    "ssim": LossWeights(**_NONE | {"ssim": 1.0}),
    "mse+ssim+gradient": LossWeights(
        **_NONE | {"mse": _SQUARED_UNIT, "ssim": 1.0, "gradient": _SQUARED_UNIT}
    ),
    "ours": LossWeights(),
}
"""Losses by the name that a plan may give. The published sum is of logarithms in 0..1: squares of
natural logarithms weigh a 64th, one network unit being 1. A network as published has its patch's
range for that unit (`GapNetwork.loss_range`), ours the same unit for all patches."""


def _named(value: Any) -> Any:
    """The weights of a loss's name; anything else as it is."""
    if not isinstance(value, str):
        return value
    if value not in LOSSES:
        raise ValueError(f"expected one of {', '.join(LOSSES)}, or a weight for each term")
    return LOSSES[value]


Loss = Annotated[LossWeights, BeforeValidator(_named)]
"""Weights of the terms of a loss, or the name of one of `LOSSES`."""


def _mean_in(values: Tensor, mask: Tensor) -> Tensor:
    """The mean of values where a mask is True; 0 where it is empty."""
    return (values * mask).sum() / mask.sum().clamp(min=1)


def _window_matrix(n: int, device: torch.device) -> Tensor:
    """(n, n) Gaussian smoothing along one axis, rows normalised at the ends too."""
    index = torch.arange(n, device=device, dtype=torch.float32)
    distance = index[:, None] - index[None, :]
    kernel = torch.exp(-0.5 * (distance / SIGMA) ** 2) * (distance.abs() <= WINDOW // 2)
    return kernel / kernel.sum(dim=1, keepdim=True)


def _smooth(images: Tensor) -> Tensor:
    """Gaussian window over all spatial axes of (batch, channel, *spatial).

    As matrix products: on 32 voxels they beat any depthwise convolution.
    """
    for dim in range(2, images.ndim):
        matrix = _window_matrix(images.shape[dim], images.device)
        images = (images.movedim(dim, -1) @ matrix.T).movedim(-1, dim)
    return images


def ssim_map(prediction: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity at every voxel of two images, 1 where they agree.

    Both are (batch, 1, *spatial) in network units, and so is the result.

    Examples
    --------
    >>> image = torch.linspace(0, 1, 64).reshape(1, 1, 8, 8)
    >>> bool((ssim_map(image, image) > 0.999).all())
    True
    """
    both = torch.cat([prediction, truth, prediction**2, truth**2, prediction * truth], dim=1)
    mean_p, mean_t, square_p, square_t, product = _smooth(both).split(1, dim=1)
    variance_p, variance_t = square_p - mean_p**2, square_t - mean_t**2
    covariance = product - mean_p * mean_t
    luminance = (2 * mean_p * mean_t + C1) / (mean_p**2 + mean_t**2 + C1)
    return luminance * (2 * covariance + C2) / (variance_p + variance_t + C2)


def _gradient_mse(prediction: Tensor, truth: Tensor, gap: Tensor) -> Tensor:
    """Mean squared error of the differences between neighbours that touch the gap."""
    error = prediction - truth
    terms = []
    for dim in range(2, error.ndim):
        n = error.shape[dim]
        touches = gap.narrow(dim, 0, n - 1) | gap.narrow(dim, 1, n - 1)
        terms.append(_mean_in(error.diff(dim=dim) ** 2, touches))
    return torch.stack(terms).mean()


def _laplace(prediction: Tensor, scale: Tensor, truth: Tensor, gap: Tensor) -> Tensor:
    """Mean negative log-likelihood of the truth in a Laplace distribution of this scale."""
    scale = logs_from_network(scale)
    error = logs_from_network((prediction - truth).abs())
    return _mean_in(error / scale + torch.log(2 * scale), gap)


def gap_loss(
    prediction: Tensor, scale: Tensor, truth: Tensor, gap: Tensor, weights: LossWeights
) -> dict[str, Tensor]:
    """The terms of the loss in the gap, and their weighted sum.

    All is computed in single precision: SSIM takes small differences of large squares.

    Parameters
    ----------
    prediction : (batch, 1, *spatial), log(1 + expected counts) in network units.
    scale : the same shape, the scale of the prediction's error in network units.
    truth : the same shape, what is learned towards, in network units.
    gap : the same shape, bool, True where the loss is taken.
    weights : of the terms.

    Returns
    -------
    ``loss``, the weighted sum, and the terms ``mse``, ``mae``, ``ssim`` (as 1 - SSIM), ``gradient``
    and ``likelihood`` (negative logarithm, of a Laplace distribution).

    Examples
    --------
    >>> truth = torch.zeros(1, 1, 8, 8)
    >>> gap = torch.ones_like(truth, dtype=torch.bool)
    >>> terms = gap_loss(truth, torch.full_like(truth, 0.1), truth, gap, LossWeights())
    >>> float(terms["mse"]), float(terms["gradient"])
    (0.0, 0.0)
    """
    with torch.autocast(prediction.device.type, enabled=False):
        prediction, scale, truth = prediction.float(), scale.float(), truth.float()
        composed = torch.where(gap, prediction, truth)
        logs, true_logs = logs_from_network(composed), logs_from_network(truth)
        terms = {
            "mse": _mean_in((logs - true_logs) ** 2, gap),
            "mae": _mean_in((logs - true_logs).abs(), gap),
            "ssim": 1 - _mean_in(ssim_map(composed, truth), gap),
            "gradient": _gradient_mse(logs, true_logs, gap),
            "likelihood": _laplace(prediction, scale, truth, gap),
        }
    total = sum(getattr(weights, name) * term for name, term in terms.items())
    return {"loss": torch.as_tensor(total), **terms}
