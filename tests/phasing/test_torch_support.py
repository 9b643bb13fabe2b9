"""Supports that shrink to a crystal and stand clear of it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
import torch

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.torch_support import (
    SMALLEST_SUPPORT,
    first_support,
    shrink_support,
    widen_support,
)

SHAPE = (24, 24, 24)


def block() -> torch.Tensor:
    """Across the array's edges, as all objects with their centre at index 0."""
    inside = np.zeros(SHAPE, dtype=bool)
    inside[8:16, 7:17, 9:15] = True
    return torch.from_numpy(np.fft.ifftshift(inside))


def test_the_support_shrinks_to_the_object() -> None:
    everywhere = torch.ones(SHAPE, dtype=torch.bool)
    found = shrink_support(block().to(torch.complex64), everywhere, 0.5)
    assert (found == block()).float().mean() > 0.97


def test_the_first_support_holds_the_object() -> None:
    intensity = torch.fft.fftn(block().to(torch.complex64)).abs() ** 2
    found = first_support(intensity, 0.1)
    assert found[block()].all()
    assert not found.all()


@pytest.mark.parametrize("voxels", [0, 1, 2])
def test_it_is_widened_across_the_edges_of_the_array(voxels: int) -> None:
    middle = np.fft.fftshift(block().numpy())
    wanted = scipy.ndimage.binary_dilation(middle, iterations=voxels) if voxels else middle
    np.testing.assert_array_equal(np.fft.fftshift(widen_support(block(), voxels).numpy()), wanted)


def test_a_lost_support_is_told_in_one_line() -> None:
    lonely = torch.zeros(SHAPE, dtype=torch.complex64)
    lonely[0, 0, 0] = 1
    with pytest.raises(InputError, match=f"expected {SMALLEST_SUPPORT} to"):
        shrink_support(lonely, torch.ones(SHAPE, dtype=torch.bool), 0.1)
