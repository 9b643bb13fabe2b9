import pytest
import torch
from torch import nn

from bcdi_inpaint.network.published.dense import CONVOLVE, DenseLayers


def laid_together(layers: DenseLayers, images: torch.Tensor) -> torch.Tensor:
    """What the layers do, each seeing a new array of all that came before."""
    for weight, bias, rate in zip(layers.weights, layers.biases, layers.rates, strict=True):
        convolve = CONVOLVE[images.ndim - 2]
        made = convolve(images, weight, bias, padding=rate, dilation=rate)
        images = torch.cat([images, nn.functional.leaky_relu(made, layers.slope)], dim=1)
    return images


@pytest.mark.parametrize(("n_dim", "width", "slope"), [(2, 1, 0.0), (2, 3, 0.2), (3, 2, 0.2)])
def test_one_array_for_all_layers_gives_the_same_and_the_same_gradients(
    n_dim: int, width: int, slope: float
) -> None:
    torch.manual_seed(0)
    layers = DenseLayers(n_dim, 2, width, (1, 2, 3), slope).double()
    images = torch.randn(2, 2, *(6,) * n_dim, dtype=torch.float64, requires_grad=True)
    found, wanted = layers(images), laid_together(layers, images)
    torch.testing.assert_close(found, wanted)
    weighing = torch.randn_like(found)
    inputs = [images, *layers.parameters()]
    for one, other in zip(
        torch.autograd.grad((found * weighing).sum(), inputs),
        torch.autograd.grad((wanted * weighing).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(one, other)
