import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.images import fill_image, see_image
from bcdi_inpaint.network.channels import CHANNEL_ORDER
from bcdi_inpaint.network.kinds import make_network
from bcdi_inpaint.network.published.chavez import TuNetConfig
from bcdi_inpaint.network.unet import GapUNet, NetworkConfig
from bcdi_inpaint.network.weights import Model

FLAT = NetworkConfig(n_dim=2, channels=(8, 8), dilations=((1, 1), (1, 2)))


def image() -> tuple[np.ndarray, np.ndarray]:
    """Counts of 30 photons, (33, 42), with a gap of rows."""
    counts = np.random.default_rng(0).poisson(30, (33, 42))
    gap = np.zeros(counts.shape, dtype=bool)
    gap[10:14] = True
    return counts, gap


@pytest.mark.parametrize(
    "config", [FLAT, TuNetConfig(n_dim=2, depth=3, base=4)], ids=lambda config: config.kind
)
def test_only_the_gap_changes_and_nothing_in_it_is_seen(
    config: NetworkConfig | TuNetConfig,
) -> None:
    torch.manual_seed(0)
    model = Model(make_network(config).eval(), "tiny", "")
    counts, gap = image()
    filled = fill_image(counts, gap, model, device="cpu")
    assert_array_equal(filled[~gap], counts[~gap])
    assert np.isfinite(filled).all()
    spoilt = np.where(gap, 10**6, counts)
    assert_array_equal(fill_image(spoilt, gap, model, device="cpu")[gap], filled[gap])


def test_several_networks_may_share_what_they_see() -> None:
    torch.manual_seed(0)
    model = Model(make_network(TuNetConfig(n_dim=2, depth=2, base=4)).eval(), "tiny", "")
    counts, gap = image()
    seen = see_image(np.where(gap, 10**6, counts), gap)
    shared = fill_image(counts, gap, model, device="cpu", seen=seen)
    assert_array_equal(shared, fill_image(counts, gap, model, device="cpu"))


def test_an_untrained_network_of_ours_fills_a_constant_with_itself() -> None:
    counts, gap = np.full((33, 42), 7), image()[1]
    filled = fill_image(counts, gap, Model(GapUNet(FLAT).eval(), "tiny", ""), device="cpu")
    assert_allclose(filled, 7, rtol=1e-4)


def test_a_model_or_an_array_of_other_dimensions_is_refused() -> None:
    counts, gap = image()
    solid = Model(GapUNet(NetworkConfig(channels=(8,), dilations=((1, 1),))), "solid", "")
    with pytest.raises(InputError, match="has 3 dimensions, expected 2 for an image"):
        fill_image(counts, gap, solid)
    with pytest.raises(InputError, match="expected the same with two sides"):
        fill_image(counts[None], gap, Model(GapUNet(FLAT), "tiny", ""))


class Shown(GapUNet):
    """A network as published that remembers the patches it was shown, and fills with 0."""

    def __init__(self) -> None:
        super().__init__(FLAT)
        self.config = TuNetConfig(n_dim=2)  # type: ignore[assignment]
        self.shown: list[torch.Tensor] = []

    def forward(self, channels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.shown += [*channels]
        return torch.zeros_like(channels[:, :1]), torch.ones_like(channels[:, :1])


def test_a_network_as_published_is_shown_patches_of_its_training_centred_on_the_gaps() -> None:
    counts = np.random.default_rng(0).poisson(30, (64, 90))
    gap = np.zeros(counts.shape, dtype=bool)
    gap[30:34] = gap[:, 60:66] = True
    gap[12, 12] = True
    network = Shown()
    filled = fill_image(counts, gap, Model(network, "tiny", "", patch=16), device="cpu")
    assert {each.shape[1:] for each in network.shown} == {(16, 16)}
    assert len(network.shown) > 10
    assert (filled[gap] == 0).all()  # so that every voxel of the gap was in some patch
    assert_array_equal(filled[~gap], counts[~gap])
    for patch in network.shown:
        unknown = patch[CHANNEL_ORDER.index("unknown")] > 0
        lies_across = unknown[6:10].all() or unknown[:, 5:11].all()  # seen from both sides
        assert lies_across or unknown[8, 8]


def test_an_image_smaller_than_the_patches_is_padded() -> None:
    counts, gap = image()
    network = Shown()
    fill_image(counts, gap, Model(network, "tiny", "", patch=64), device="cpu")
    assert [each.shape[1:] for each in network.shown] == [(64, 64)]
