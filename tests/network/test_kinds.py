from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from bcdi_inpaint.network.channels import CHANNEL_ORDER
from bcdi_inpaint.network.kinds import (
    KINDS,
    AnyNetworkConfig,
    make_network,
    read_config,
    read_stored_config,
)
from bcdi_inpaint.network.units import LOG_UNIT

SMALL = {
    "gap_unet": '"channels": [8, 8], "dilations": [[1, 1], [1, 2]]',
    "unet": '"filters": [4, 8]',
    "unet_dilated": '"filters": [4, 8]',
    "msdnet": '"first": 2, "width": 2, "blocks": 3',
    "patch_unet": "",
    "autoencoder": '"base": 4',
    "tunet": '"base": 4, "depth": 3',
    "partial_conv": '"base": 4, "depth": 2',
    "msdnet_chavez": '"layers": 4, "largest_rate": 3',
}
"""Settings of a small network of each kind."""


def small(kind: str, n_dim: int = 2, **more: str) -> AnyNetworkConfig:
    own = [SMALL[kind], *(f'"{key}": "{value}"' for key, value in more.items())]
    return read_config(
        "{" + ", ".join([f'"kind": "{kind}", "n_dim": {n_dim}', *filter(None, own)]) + "}"
    )


def example(n_dim: int) -> torch.Tensor:
    """A batch of two patches of 16 voxels, with a gap of 3 lines."""
    generator = torch.Generator().manual_seed(1)
    channels = torch.rand(2, len(CHANNEL_ORDER), *(16,) * n_dim, generator=generator)
    channels[:, 1] = 0
    channels[:, 1, 6:9] = 1
    return channels


COUNTS_2D = {
    "unet": (31_567_153, 31_827_673),
    "unet_dilated": (32_739_610, 32_652_337),
    "msdnet": (322_689, 322_458),
    "tunet": (8_556_353, 8_556_353),
    "msdnet_chavez": (181_302, 181_302),
}
"""Parameters of ours, and what the papers print; Chavez rounds to 8.556 and 0.181 million."""


@pytest.mark.parametrize("kind", COUNTS_2D)
def test_parameters_are_those_of_the_papers(kind: str) -> None:
    with torch.device("meta"):
        network = make_network(read_config(f'{{"kind": "{kind}", "n_dim": 2}}'))
    ours, printed = COUNTS_2D[kind]
    assert sum(parameter.numel() for parameter in network.parameters()) == ours
    assert ours == pytest.approx(printed, rel=0.01)
    page = Path(__file__).parents[2] / "docs" / "methods.md"
    assert f"{ours:_}".replace("_", " ") in page.read_text()


def test_the_patch_networks_parameters_in_3d() -> None:
    with torch.device("meta"):
        network = make_network(read_config('{"kind": "patch_unet"}'))
    assert sum(parameter.numel() for parameter in network.parameters()) == 2_772_845


@pytest.mark.parametrize("n_dim", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_every_kind_gives_expectation_and_scale_in_two_and_three_dimensions(
    kind: str, n_dim: int
) -> None:
    torch.manual_seed(0)
    network, channels = make_network(small(kind, n_dim)), example(n_dim)
    prediction, scale = network(channels)
    assert prediction.shape == scale.shape == channels[:, :1].shape
    assert torch.isfinite(prediction).all()
    assert (scale > 0).all()


@pytest.mark.parametrize("kind", KINDS[1:])
@torch.no_grad()
def test_as_published_a_network_sees_known_counts_alone(kind: str) -> None:
    torch.manual_seed(0)
    network, channels = make_network(small(kind)), example(2)
    other = channels.clone()
    other[:, 0, 6:9] += 3  # the guess in the gap
    other[:, 2:] += 1  # its uncertainty, and the mate
    assert torch.equal(network(other)[0], network(channels)[0])
    other[:, 0, 5] += 3
    assert not torch.equal(network(other)[0], network(channels)[0])


@pytest.mark.parametrize("kind", ["unet", "msdnet", "unet_dilated", "patch_unet"])
@torch.no_grad()
def test_a_sigmoid_stays_between_the_known_counts(kind: str) -> None:
    torch.manual_seed(0)
    channels = example(2) * 10
    channels[:, 1, 6:9] = 1
    prediction, _ = make_network(small(kind))(channels)
    known = channels[:, 1] == 0
    for patch, logs, where in zip(prediction, channels[:, 0], known, strict=True):
        assert patch.min() >= logs[where].min() - 1e-5
        assert patch.max() <= logs[where].max() + 1e-5


@pytest.mark.parametrize("kind", KINDS[1:])
@torch.no_grad()
def test_twice_the_range_gives_twice_the_fill(kind: str) -> None:
    """Published networks see 0..1, whatever the counts."""
    torch.manual_seed(0)
    network, channels = make_network(small(kind)), example(2)
    brighter = channels.clone()
    brighter[:, 0] = 2 * channels[:, 0] + 0.5
    torch.testing.assert_close(
        network(brighter)[0], 2 * network(channels)[0] + 0.5, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("kind", KINDS[1:])
@torch.no_grad()
def test_with_our_inputs_an_untrained_network_is_the_first_guess(kind: str) -> None:
    network, channels = make_network(small(kind, inputs="ours")), example(2)
    prediction, scale = network(channels)
    assert torch.equal(prediction, channels[:, :1])
    torch.testing.assert_close(scale, torch.full_like(scale, 0.2 / LOG_UNIT))


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_a_patch_without_a_known_voxel_is_finite(kind: str) -> None:
    channels = example(2)
    channels[:, 1] = 1
    assert torch.isfinite(make_network(small(kind))(channels)[0]).all()


@pytest.mark.parametrize("inputs", ["published", "ours"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_configuration_comes_back_from_its_json(kind: str, inputs: str) -> None:
    config = small(kind, **({} if kind == KINDS[0] else {"inputs": inputs}))
    assert read_config(config.model_dump_json()) == config
    assert read_stored_config(config.model_dump_json()) == config


def test_a_file_without_a_kind_is_ours() -> None:
    assert read_config('{"channels": [8, 8], "dilations": [[1, 1], [1, 2]]}').kind == "gap_unet"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"kind": "resnet"}', "expected a kind of gap_unet, unet, msdnet"),
        ("[1]", "expected a kind of gap_unet"),
        ('{"kind": "tunet", "filters": [1]}', "filters"),
        ('{"kind": "unet", "filters": [6]}', "multiples of 4"),
        ('{"kind": "unet", "inputs": "mine"}', "inputs"),
        ('{"kind": "partial_conv", "inputs": "ours", "revision": 1}', "expected 2"),
    ],
)
def test_an_unknown_kind_or_setting_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        read_config(text)
