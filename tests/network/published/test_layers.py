"""The layers of published networks: their gradients are those of whole precision."""

import pytest
import torch

from bcdi_inpaint.network.published.layers import CONV


def gradients(layer: torch.nn.Module, images: torch.Tensor, *, half: bool) -> list[torch.Tensor]:
    """The output, and the gradients of the weights and of the images."""
    given = images.clone().requires_grad_()
    layer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        output = layer(given)
    torch.manual_seed(1)
    output.float().backward(torch.randn(output.shape))
    weight, of_images = layer.weight.grad, given.grad
    assert isinstance(weight, torch.Tensor)
    assert of_images is not None
    return [output.detach().float(), weight.clone(), of_images]


@pytest.mark.parametrize(("n_dim", "side", "stride"), [(3, 2, 1), (3, 1, 2), (2, 1, 2), (3, 4, 1)])
def test_gradients_in_bfloat16_hold_nothing_that_was_in_memory(
    n_dim: int, side: int, stride: int
) -> None:
    torch.manual_seed(0)
    layer = CONV[n_dim](64, 64, 3, stride=stride, padding=1)
    images = torch.randn(4, 64, *(side,) * n_dim)
    expected = gradients(layer, images, half=False)
    for _ in range(4):
        left = [torch.full((2**size,), torch.nan) for size in (12, 14, 16, 18, 20)]
        del left
        for found, whole in zip(gradients(layer, images, half=True), expected, strict=True):
            assert float((found - whole).abs().max()) < 0.05 * float(whole.abs().max())
