"""The smallest network that fills, for the tests of every room that needs one."""

from pathlib import Path

from bcdi_inpaint.network.unet import GapUNet, NetworkConfig
from bcdi_inpaint.network.weights import save_weights

TINY = NetworkConfig(channels=(8, 8), dilations=((1, 1), (1, 2)))


def tiny_network() -> GapUNet:
    """An untrained network, ready to fill: its fill is the kriged first guess."""
    return GapUNet(TINY).eval()


def write_tiny_weights(path: Path) -> Path:
    """Write such a network's weights; the path."""
    save_weights(path, tiny_network(), {})
    return path
