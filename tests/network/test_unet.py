import math
from itertools import chain

import pytest
import torch
from pydantic import ValidationError

from bcdi_inpaint.network.channels import CHANNEL_ORDER
from bcdi_inpaint.network.unet import (
    FIRST_SCALE,
    SCALE_RANGE,
    GapUNet,
    NetworkConfig,
    in_quickest_layout,
)

TINY = {"channels": (8, 16), "dilations": ((1, 1), (1, 2))}


def trained_looking(n_dim: int, seed: int = 0) -> GapUNet:
    """A tiny network whose last layer is not zero, as after training."""
    torch.manual_seed(seed)
    network = GapUNet(NetworkConfig(n_dim=n_dim, **TINY)).eval()
    torch.nn.init.normal_(network.head.weight)
    return network


def example(n_dim: int, size: int = 8) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, len(CHANNEL_ORDER), *(size,) * n_dim, generator=generator)


@pytest.mark.parametrize("n_dim", [2, 3])
def test_an_untrained_network_is_the_first_guess(n_dim: int) -> None:
    channels = example(n_dim)
    prediction, scale = GapUNet(NetworkConfig(n_dim=n_dim, **TINY)).eval()(channels)
    assert torch.equal(prediction, channels[:, :1])
    torch.testing.assert_close(scale, torch.full_like(prediction, FIRST_SCALE))


@torch.no_grad()
def test_a_guess_that_is_off_by_a_constant_is_corrected_by_the_same() -> None:
    """The correction is added to the guess: the head's bias moves the whole prediction."""
    channels, network = example(3), GapUNet(NetworkConfig(**TINY)).eval()
    network.head.bias[0] = 0.25
    prediction, _ = network(channels)
    torch.testing.assert_close(prediction, channels[:, :1] + 0.25)


@pytest.mark.parametrize("bias", [-1e4, -1.0, 0.0, 1.0, 1e4])
@torch.no_grad()
def test_the_scale_is_positive_and_bounded(bias: float) -> None:
    network = trained_looking(3)
    network.head.bias[1] = bias
    _, scale = network(example(3) * 100)
    assert (scale >= FIRST_SCALE * math.exp(-SCALE_RANGE) * 0.999).all()
    assert (scale <= FIRST_SCALE * math.exp(SCALE_RANGE) * 1.001).all()
    assert (scale > 0).all()


@pytest.mark.parametrize("channel", CHANNEL_ORDER)
@torch.no_grad()
def test_it_sees_every_channel(channel: str) -> None:
    network, channels = trained_looking(3), example(3)
    changed = channels.clone()
    changed[:, CHANNEL_ORDER.index(channel), 3:5] += 1
    for before, after in zip(network(channels), network(changed), strict=True):
        assert not torch.allclose(before, after)


@torch.no_grad()
def test_patches_of_a_batch_do_not_see_each_other() -> None:
    channels, network = example(3), trained_looking(3)
    for together, alone in zip(network(channels), network(channels[:1]), strict=True):
        torch.testing.assert_close(together[:1], alone, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("dilations", "convolutions"),
    [(((1, 1), (1, 2)), [2, 2, 2]), (((1,), (1, 2)), [1, 2, 1]), (((1,), (2,)), [1, 1, 1])],
)
def test_a_decoder_has_as_many_convolutions_as_its_encoder(
    dilations: tuple[tuple[int, ...], ...], convolutions: list[int]
) -> None:
    network = GapUNet(NetworkConfig(channels=(8, 16), dilations=dilations))
    blocks = [
        [layer for layer in block if isinstance(layer, torch.nn.Conv3d)]
        for block in (*network.encoder, *network.decoder)
    ]
    assert [len(block) for block in blocks] == convolutions
    assert [layer.dilation[0] for block in blocks[:2] for layer in block] == [*chain(*dilations)]
    assert {layer.dilation[0] for layer in blocks[2]} == {1}


@pytest.mark.parametrize(("n_dim", "last"), [(2, (0, 2, 3, 1)), (3, (0, 2, 3, 4, 1))])
def test_the_layout_in_memory_is_the_quicker_one_and_changes_nothing(
    n_dim: int, last: tuple[int, ...]
) -> None:
    """Learning in bfloat16 on a CPU is slow with the channels last, all else is quick."""
    channels, network = example(n_dim), trained_looking(n_dim)
    with torch.autocast("cpu", torch.bfloat16):
        learning = in_quickest_layout(channels)
        learned, _ = network(channels)
        with torch.no_grad():
            filling = in_quickest_layout(channels)
            filled, _ = network(channels)
    assert learning.is_contiguous()
    assert torch.equal(learning, filling)
    for other in (filling, in_quickest_layout(channels)):
        assert other.permute(last).is_contiguous()
    torch.testing.assert_close(learned, filled, rtol=0.05, atol=0.05)


@torch.no_grad()
def test_it_takes_any_size_that_the_divisor_divides() -> None:
    network = trained_looking(3)
    assert network.config.divisor == 2
    channels = torch.rand(1, len(CHANNEL_ORDER), 6, 10, 12)
    for output in network(channels):
        assert output.shape == (1, 1, 6, 10, 12)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"channels": (8, 16, 32)}, "dilations"),
        ({"channels": (8, 12), "dilations": ((1, 1), (1, 1))}, "multiples of 8"),
        ({"channels": (8, 16), "dilations": ((), (1,))}, "at least one convolution"),
        ({"channels": (8, 16), "dilations": ((1,), (0,))}, "dilations"),
        ({"n_dim": 4}, "n_dim"),
        ({"filters": 3}, "filters"),
    ],
)
def test_impossible_shapes_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        NetworkConfig.model_validate(values)


@torch.no_grad()
def test_what_is_hidden_makes_no_difference_and_the_rest_does() -> None:
    shown = trained_looking(3)
    blind = GapUNet(NetworkConfig(**TINY, hidden=("mate", "mate_known"))).eval()
    blind.load_state_dict(shown.state_dict())
    channels = example(3)
    for name in CHANNEL_ORDER:
        changed = channels.clone()
        changed[:, CHANNEL_ORDER.index(name)] += 1
        moved = not torch.equal(blind(changed)[1], blind(channels)[1])
        assert moved == (name not in ("mate", "mate_known")), name
        assert not torch.equal(shown(changed)[1], shown(channels)[1]), name
    zeroed = channels.clone()
    zeroed[:, [CHANNEL_ORDER.index(name) for name in ("mate", "mate_known")]] = 0
    assert torch.equal(blind(channels)[0], shown(zeroed)[0])


def test_the_guess_cannot_be_hidden() -> None:
    with pytest.raises(ValidationError, match="hidden"):
        NetworkConfig(hidden=("guess",))  # type: ignore[arg-type]
