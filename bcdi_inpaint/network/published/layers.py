"""The layers that published networks are made of, in 2D and 3D."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


class Convolution2d(nn.Conv2d):
    """A convolution of images; see `_exact`."""

    def forward(self, images: Tensor) -> Tensor:
        """The output of (batch, channel, n_y, n_x)."""
        return _exact(self, super().forward, images)


class Convolution3d(nn.Conv3d):
    """A convolution of volumes; see `_exact`."""

    def forward(self, images: Tensor) -> Tensor:
        """The output of (batch, channel, n_rock, n_y, n_x)."""
        return _exact(self, super().forward, images)


def _exact(
    layer: nn.Conv2d | nn.Conv3d, forward: Callable[[Tensor], Tensor], images: Tensor
) -> Tensor:
    """The output, in whole precision where a side is shorter than the kernel.

    There torch's weight gradient in bfloat16 on a CPU (2.13) holds what was in memory before, which
    a training takes for a gradient, and which becomes NaN sooner or later.
    """
    if images.device.type != "cpu" or min(images.shape[2:]) >= max(layer.kernel_size):
        return forward(images)
    with torch.autocast("cpu", enabled=False):
        return forward(images.to(layer.weight.dtype))


CONV: dict[int, type[Convolution2d | Convolution3d]] = {2: Convolution2d, 3: Convolution3d}
UPSAMPLE: dict[int, type[nn.ConvTranspose2d | nn.ConvTranspose3d]] = {
    2: nn.ConvTranspose2d,
    3: nn.ConvTranspose3d,
}
POOL: dict[int, type[nn.MaxPool2d | nn.MaxPool3d]] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}


class ZeroPad(nn.Module):
    """Zeros around the spatial axes of (batch, channel, *spatial).

    Parameters
    ----------
    n_dim : 2 or 3.
    before, after : voxels in front of and behind each axis.
    """

    def __init__(self, n_dim: int, before: int, after: int) -> None:
        super().__init__()
        self.sides = [before, after] * n_dim

    def forward(self, images: Tensor) -> Tensor:
        """The images, larger."""
        return nn.functional.pad(images, self.sides)


def same_convolution(n_dim: int, n_in: int, n_out: int, kernel: int, rate: int = 1) -> nn.Module:
    """A convolution whose output is as large as its input, whatever the kernel.

    Of an even kernel the longer half reaches to higher indices, as TensorFlow pads.

    Parameters
    ----------
    n_dim : 2 or 3.
    n_in, n_out : channels.
    kernel : its side in voxels.
    rate : voxels between the kernel's voxels, the dilation.
    """
    around = rate * (kernel - 1)
    if around % 2 == 0:
        return CONV[n_dim](n_in, n_out, kernel, padding=around // 2, dilation=rate)
    pad = ZeroPad(n_dim, around // 2, around - around // 2)
    return nn.Sequential(pad, CONV[n_dim](n_in, n_out, kernel, dilation=rate))


def doubling(n_dim: int, n_in: int, n_out: int) -> nn.Module:
    """A transposed convolution of kernel 3 that doubles every side.

    Parameters
    ----------
    n_dim : 2 or 3.
    n_in, n_out : channels.
    """
    return UPSAMPLE[n_dim](n_in, n_out, 3, stride=2, padding=1, output_padding=1)


def spatial(images: Tensor) -> Sequence[int]:
    """The axes of (batch, channel, *spatial) behind the channel."""
    return range(2, images.ndim)


def last_convolution(module: nn.Module) -> nn.Conv2d | nn.Conv3d:
    """The convolution itself of what `same_convolution` returns."""
    found = module[-1] if isinstance(module, nn.Sequential) else module
    assert isinstance(found, nn.Conv2d | nn.Conv3d)
    return found
