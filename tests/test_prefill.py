import numpy as np
import pytest
import torch

from bcdi_inpaint.prefill import prefill


def ramp(*slopes: float, size: int = 12) -> torch.Tensor:
    """A linear function of the indices, (1, 1, *size)."""
    grids = torch.meshgrid(*[torch.arange(size, dtype=torch.float32)] * len(slopes), indexing="ij")
    total = sum(slope * grid for slope, grid in zip(slopes, grids, strict=True))
    return torch.as_tensor(total)[None, None]


@pytest.mark.parametrize("dim", [2, 3, 4])
def test_a_ramp_is_restored_across_a_plane(dim: int) -> None:
    values = ramp(0.3, -1.0, 2.0)
    unknown = torch.zeros_like(values, dtype=torch.bool)
    unknown.narrow(dim, 4, 5)[...] = True
    torch.testing.assert_close(prefill(torch.where(unknown, 99, values), unknown), values)


def test_it_works_in_two_dimensions() -> None:
    values = ramp(0.5, 1.5)
    unknown = torch.zeros_like(values, dtype=torch.bool)
    unknown[..., 3:7] = True
    torch.testing.assert_close(prefill(torch.where(unknown, 0, values), unknown), values)


def test_where_two_planes_cross_a_ramp_is_restored_too() -> None:
    values = ramp(0.0, 1.0, -2.0)
    unknown = torch.zeros_like(values, dtype=torch.bool)
    unknown[:, :, :, 4:7] = True
    unknown[..., 5:9] = True
    torch.testing.assert_close(prefill(torch.where(unknown, 7, values), unknown), values)


def test_the_shorter_run_weighs_more() -> None:
    values = torch.zeros(1, 1, 9, 9)
    values[0, 0, 4, :] = 1.0  # along the row all ends are 1, along the column 0
    unknown = torch.zeros_like(values, dtype=torch.bool)
    unknown[0, 0, 4, 2:7] = True  # five along the row, one along the column
    weight_row, weight_column = 1 / 6**2, 1 / 2**2
    expected = weight_row / (weight_row + weight_column)
    np.testing.assert_allclose(prefill(values, unknown)[0, 0, 4, 2:7], expected, rtol=1e-6)


def test_known_voxels_stay_and_what_is_open_becomes_zero() -> None:
    values = ramp(1.0, 1.0) + 1
    unknown = torch.zeros_like(values, dtype=torch.bool)
    unknown[..., 8:] = True  # open to the edge: nothing on the other side
    filled = prefill(values, unknown)
    torch.testing.assert_close(filled[..., :8], values[..., :8])
    assert (filled[..., 8:] == 0).all()


def test_where_three_planes_cross_a_ramp_is_restored_too() -> None:
    values = ramp(0.7, 1.0, -2.0)
    unknown = torch.zeros_like(values, dtype=torch.bool)
    unknown[:, :, 3:5] = unknown[:, :, :, 4:7] = unknown[..., 5:9] = True
    hidden = torch.where(unknown, torch.nan, values)
    torch.testing.assert_close(prefill(hidden, unknown), values)
    assert torch.isnan(hidden[unknown]).all(), "the input was changed"


def test_all_unknown_becomes_zero() -> None:
    values = ramp(1.0, 1.0)
    assert (prefill(values, torch.ones_like(values, dtype=torch.bool)) == 0).all()
