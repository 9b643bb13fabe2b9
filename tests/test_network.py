import pytest
import torch
from pydantic import ValidationError

from bcdi_inpaint.network import GapUNet, NetworkConfig
from bcdi_inpaint.prefill import prefill

TINY = {"channels": (8, 16), "dilations": ((1, 1), (1, 2))}


def trained_looking(n_dim: int, seed: int = 0) -> GapUNet:
    """A tiny network whose last layer is not zero, as after training."""
    torch.manual_seed(seed)
    network = GapUNet(NetworkConfig(n_dim=n_dim, **TINY)).eval()
    torch.nn.init.normal_(network.head.weight)
    return network


def example(n_dim: int, size: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    log_counts = torch.rand(2, 1, *(size,) * n_dim, generator=generator)
    unknown = torch.zeros_like(log_counts, dtype=torch.bool)
    unknown[..., 3:5] = True
    return log_counts, unknown


@pytest.mark.parametrize("n_dim", [2, 3])
def test_an_untrained_network_is_linear_interpolation(n_dim: int) -> None:
    log_counts, unknown = example(n_dim)
    network = GapUNet(NetworkConfig(n_dim=n_dim, **TINY)).eval()
    torch.testing.assert_close(network(log_counts, unknown), prefill(log_counts, unknown))


@pytest.mark.parametrize("n_dim", [2, 3])
@torch.no_grad()
def test_it_does_not_look_at_unknown_voxels(n_dim: int) -> None:
    log_counts, unknown = example(n_dim)
    network = trained_looking(n_dim)
    for hidden in (5.0, torch.nan):
        other = torch.where(unknown, hidden, log_counts)
        torch.testing.assert_close(network(other, unknown), network(log_counts, unknown))


@torch.no_grad()
def test_it_sees_the_mask() -> None:
    log_counts = torch.zeros(1, 1, 8, 8, 8)  # the first guess is zero with any mask
    network = trained_looking(3)
    unknown = torch.zeros_like(log_counts, dtype=torch.bool)
    without = network(log_counts, unknown)
    unknown[..., 3:5] = True
    assert not torch.allclose(network(log_counts, unknown), without)


@torch.no_grad()
def test_patches_of_a_batch_do_not_see_each_other() -> None:
    log_counts, unknown = example(3)
    network = trained_looking(3)
    torch.testing.assert_close(
        network(log_counts, unknown)[:1],
        network(log_counts[:1], unknown[:1]),
        rtol=1e-3,
        atol=1e-4,
    )


@torch.no_grad()
def test_it_takes_any_size_that_the_divisor_divides() -> None:
    network = trained_looking(3)
    assert network.config.divisor == 2
    log_counts = torch.rand(1, 1, 6, 10, 12)
    unknown = torch.zeros_like(log_counts, dtype=torch.bool)
    assert network(log_counts, unknown).shape == log_counts.shape


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"channels": (8, 16, 32)}, "dilations"),
        ({"channels": (8, 12), "dilations": ((1, 1), (1, 1))}, "multiples of 8"),
        ({"n_dim": 4}, "n_dim"),
        ({"filters": 3}, "filters"),
    ],
)
def test_impossible_shapes_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        NetworkConfig.model_validate(values)
