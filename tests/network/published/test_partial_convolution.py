import pytest
import torch

from bcdi_inpaint.network.channels import CHANNEL_ORDER
from bcdi_inpaint.network.kinds import make_network
from bcdi_inpaint.network.published.partial_convolution import PartialConfig, PartialConvolution


@torch.no_grad()
def averaging() -> PartialConvolution:
    """A partial convolution that takes the mean of the known voxels of a window of 3 x 3."""
    layer = PartialConvolution(2, (1,), 1)
    layer.convolution.weight.fill_(1 / 9)
    assert layer.convolution.bias is not None
    layer.convolution.bias.zero_()
    return layer


def drawn(*rows: str) -> torch.Tensor:
    """A mask of the voxels drawn as x, (1, 1, rows, columns)."""
    return torch.tensor([[float(c == "x") for c in row] for row in rows])[None, None]


@torch.no_grad()
def test_the_mask_shrinks_by_a_voxel_on_each_side() -> None:
    known = drawn("xx.....xx", "xx.....xx", "xx.....xx")
    _, after = averaging()((torch.ones(1, 1, 3, 9), known))
    assert torch.equal(after, drawn("xxx...xxx", "xxx...xxx", "xxx...xxx"))


@torch.no_grad()
def test_a_constant_comes_out_where_any_voxel_is_known_whatever_the_rest_holds() -> None:
    known = drawn("xxx...x", "xxx...x", "xxx...x")
    images = torch.where(known > 0, 5.0, 1e6)
    output, after = averaging()((images, known))
    assert torch.allclose(output[after > 0], torch.tensor(5.0))
    assert (output[after == 0] == 0).all()


@torch.no_grad()
def test_images_beside_each_other_keep_their_own_masks() -> None:
    """What one does not know does not count, nor does it hide what the other knows."""
    layer = PartialConvolution(2, (1, 1), 1)
    layer.convolution.weight.fill_(1 / 18)
    assert layer.convolution.bias is not None
    layer.convolution.bias.zero_()
    nothing, all_known = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    output, after = layer((torch.full((1, 1, 4, 4), 99.0), nothing), (all_known * 3, all_known))
    assert torch.allclose(output, torch.tensor(3.0))
    assert (after == 1).all()


@pytest.mark.parametrize("name", ["guess", "guess_sigma", "mate"])
@torch.no_grad()
def test_with_our_inputs_what_is_said_of_the_gap_changes_the_correction(name: str) -> None:
    torch.manual_seed(0)
    network = make_network(PartialConfig(n_dim=2, inputs="ours", base=4, depth=2))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    channels = torch.rand(1, len(CHANNEL_ORDER), 16, 16)
    channels[:, [CHANNEL_ORDER.index("unknown"), CHANNEL_ORDER.index("mate_known")]] = 0
    channels[:, CHANNEL_ORDER.index("unknown"), 6:9] = 1
    channels[:, CHANNEL_ORDER.index("mate_known"), :8] = 1
    other = channels.clone()
    other[:, CHANNEL_ORDER.index(name), 6:8] += 1
    found, changed = (network(each)[0] - each[:, :1] for each in (channels, other))
    assert (found - changed)[..., 6:9, :].abs().max() > 1e-3
    unheeded = channels.clone()
    unheeded[:, CHANNEL_ORDER.index("mate"), 8:] += 1  # where the mate is not known
    assert torch.equal(network(unheeded)[0], network(channels)[0])
