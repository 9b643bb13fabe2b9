"""Densely connected layers: each sees the input and what all earlier layers made of it.

Pelt & Sethian, PNAS 115, 254 (2018). Laying each layer's input together anew would hold hundreds of
copies of the same images for the backward pass, so all layers write into one array.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

CONVOLVE = {2: nn.functional.conv2d, 3: nn.functional.conv3d}


class DenseLayers(nn.Module):
    """Layers of kernel 3 that all see the input and every earlier layer.

    Parameters
    ----------
    n_dim : 2 or 3.
    n_in : channels of the input.
    width : channels that each layer adds.
    rates : the dilation of each layer.
    slope : of the LeakyReLU behind each layer, 0 for a ReLU.
    """

    def __init__(
        self, n_dim: int, n_in: int, width: int, rates: Iterable[int], slope: float = 0.0
    ) -> None:
        super().__init__()
        self.rates, self.slope = tuple(rates), slope
        self.n_out = n_in + width * len(self.rates)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for number in range(len(self.rates)):
            seen = n_in + width * number
            bound = 1 / math.sqrt(seen * 3**n_dim)  # as torch's own convolutions begin
            weight = torch.empty(width, seen, *(3,) * n_dim).uniform_(-bound, bound)
            self.weights.append(nn.Parameter(weight * math.sqrt(6)))  # He et al. (2015)
            self.biases.append(nn.Parameter(torch.zeros(width)))

    def forward(self, images: Tensor) -> Tensor:
        """(batch, n_in, *spatial) to (batch, n_out, *spatial): the input, then each layer's."""
        with torch.autocast(images.device.type, enabled=False):  # in single precision throughout
            found: Tensor = _Dense.apply(
                images.to(self.weights[0].dtype),
                self.rates,
                self.slope,
                *self.weights,
                *self.biases,
            )
        return found


class _Dense(torch.autograd.Function):
    """All layers of `DenseLayers` at once, on one array."""

    @staticmethod
    def forward(
        ctx: Any, images: Tensor, rates: tuple[int, ...], slope: float, *parameters: Tensor
    ) -> Tensor:
        weights, biases = parameters[: len(rates)], parameters[len(rates) :]
        n_in, n_dim = images.shape[1], images.ndim - 2
        n_out = n_in + sum(len(bias) for bias in biases)
        values = images.new_empty(images.shape[0], n_out, *images.shape[2:])
        values[:, :n_in] = images
        for weight, bias, rate in zip(weights, biases, rates, strict=True):
            seen, width = weight.shape[1], len(bias)
            made = CONVOLVE[n_dim](values[:, :seen], weight, bias, padding=rate, dilation=rate)
            values[:, seen : seen + width] = nn.functional.leaky_relu(made, slope)
        ctx.save_for_backward(values, *weights)
        ctx.rates, ctx.slope = rates, slope
        return values

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        values, *weights = ctx.saved_tensors
        grad, n_dim = grads[0].clone(), values.ndim - 2
        of_weights: list[Tensor] = []
        of_biases: list[Tensor] = []
        for weight, rate in zip(reversed(weights), reversed(ctx.rates), strict=True):
            width, seen = weight.shape[:2]
            own = slice(seen, seen + width)
            passed = grad[:, own] * torch.where(values[:, own] > 0, 1.0, ctx.slope).to(grad)
            of_input, of_weight, of_bias = torch.ops.aten.convolution_backward(
                passed,
                values[:, :seen],
                weight,
                [width],
                [1] * n_dim,
                [rate] * n_dim,
                [rate] * n_dim,
                False,
                [0] * n_dim,
                1,
                [True, True, True],
            )
            grad[:, :seen] += of_input
            of_weights.insert(0, of_weight)
            of_biases.insert(0, of_bias)
        n_in = weights[0].shape[1]
        return (grad[:, :n_in], None, None, *of_weights, *of_biases)
