"""Densely connected layers: each sees the input and what all earlier layers made of it.

Pelt & Sethian, PNAS 115, 254 (2018). Laying each layer's input together anew would hold hundreds of
copies of the same images for the backward pass, so all layers write into one array.

A layer sees hundreds of channels and makes few, down to one, which convolutions of torch are not
made for: on a processor they use a part of it, and copy all that the layer sees. Here a convolution
is one product of matrices, of its weights with that array as it lies in memory, and then the sum of
the kernel's taps, each shifted by its dilation: the same numbers, in a quarter of a step's time or
less.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
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
        batch, n_in, *sides = images.shape
        n_out = n_in + sum(len(bias) for bias in biases)
        values = images.new_empty(batch, n_out, *sides)
        values[:, :n_in] = images
        for weight, bias, rate in zip(weights, biases, rates, strict=True):
            width, seen = weight.shape[:2]
            taps = _Taps(sides, rate)
            matrix = taps.matrix(weight)
            for one in values:  # what a layer sees of one image lies in one piece
                made = taps.gather((matrix @ one[:seen].flatten(1)).unflatten(0, (width, -1)))
                made += bias.reshape(width, *(1,) * len(sides))
                torch.where(made > 0, made, made * slope, out=one[seen : seen + width])
        ctx.save_for_backward(values, *weights)
        ctx.rates, ctx.slope = rates, slope
        return values

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        values, *weights = ctx.saved_tensors
        grad = grads[0].clone(memory_format=torch.contiguous_format)
        of_weights = [torch.zeros_like(weight) for weight in weights]
        of_biases: list[Tensor] = []
        for number in reversed(range(len(weights))):
            weight, taps = weights[number], _Taps(values.shape[2:], ctx.rates[number])
            width, seen = weight.shape[:2]
            own = slice(seen, seen + width)
            passed = grad[:, own] * torch.where(values[:, own] > 0, 1.0, ctx.slope).to(grad)
            of_biases.insert(0, passed.flatten(2).sum(dim=(0, 2)))
            matrix = taps.matrix(weight)
            of_matrix = torch.zeros_like(matrix)
            for one, of_one, made in zip(values, grad, passed, strict=True):
                spread = taps.scatter(made)
                of_matrix.addmm_(spread, one[:seen].flatten(1).T)
                of_one[:seen].flatten(1).addmm_(matrix.T, spread)
            taps.store(of_matrix, of_weights[number])
        n_in = weights[0].shape[1]
        return (grad[:, :n_in], None, None, *of_weights, *of_biases)


class _Taps:
    """The voxels of a dilated kernel of side 3 that reach from one voxel of an image to another.

    Parameters
    ----------
    sides : of the image.
    rate : the dilation.
    """

    def __init__(self, sides: Sequence[int], rate: int) -> None:
        self._sides, self._rate = tuple(sides), rate
        reaching = [range(3) if rate < side else (1,) for side in sides]
        self._taps = tuple(product(*reaching))

    def matrix(self, weight: Tensor) -> Tensor:
        """A kernel (width, seen, *kernel) as (width * taps, seen)."""
        return torch.stack([weight[tap] for tap in self._in_kernel()], dim=1).flatten(0, 1)

    def store(self, matrix: Tensor, weight: Tensor) -> None:
        """Write a matrix (width * taps, seen) to a kernel (width, seen, *kernel)."""
        parts = matrix.unflatten(0, (len(weight), -1)).unbind(dim=1)
        for tap, part in zip(self._in_kernel(), parts, strict=True):
            weight[tap] = part

    def gather(self, products: Tensor) -> Tensor:
        """The taps' products (width, taps, voxels), added up where they belong."""
        products = products.unflatten(-1, self._sides)
        found = products.new_zeros(len(products), *self._sides)
        for target, source in self._shifts():
            found[target] += products[source]
        return found

    def scatter(self, images: Tensor) -> Tensor:
        """The transpose of `gather`: (width, *sides) to (width * taps, voxels)."""
        found = images.new_zeros(len(images), len(self._taps), *self._sides)
        for target, source in self._shifts():
            found[source] = images[target]
        return found.flatten(2).flatten(0, 1)

    def _in_kernel(self) -> list[Any]:
        """Where the weights of each tap are in a kernel."""
        return [(..., *tap) for tap in self._taps]

    def _shifts(self) -> Iterator[tuple[Any, Any]]:
        """Of each tap, the voxels that it adds to, and those of its products."""
        for number, tap in enumerate(self._taps):
            steps = [(place - 1) * self._rate for place in tap]
            pairs = [*zip(steps, self._sides, strict=True)]
            target = (slice(max(-step, 0), side - max(step, 0)) for step, side in pairs)
            source = (slice(max(step, 0), side + min(step, 0)) for step, side in pairs)
            yield (slice(None), *target), (slice(None), number, *source)
