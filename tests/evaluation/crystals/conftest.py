"""What the tests of phased crystals share: a network that is quick, whatever it fills."""

from __future__ import annotations

import pytest
from small_network import write_tiny_weights

from bcdi_inpaint.network.weights import Model, load_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """An untrained network: how good fills are is told elsewhere."""
    return load_model(write_tiny_weights(tmp_path_factory.mktemp("model") / "tiny.safetensors"))
