"""Weights that go on along the way of a training's average."""

import sys
from pathlib import Path

import pytest
import torch
from small_network import tiny_network
from stretch_average import main

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.network.weights import load_model, save_weights


def written(path: Path, value: float, **training: object) -> str:
    """A model whose weights are all one value, and the hash of its file."""
    network = tiny_network()
    for weights in network.parameters():
        torch.nn.init.constant_(weights, value)
    save_weights(path, network, training)
    return load_model(path).sha256


def test_weights_go_beyond_the_average(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start, average, out = (tmp_path / f"{name}.safetensors" for name in ("start", "average", "out"))
    written(average, 3.0, start_sha256=written(start, 1.0))
    given = ["", str(average), "--start", str(start), "--by", "1.5", "-o", str(out)]
    monkeypatch.setattr(sys, "argv", given)
    main()
    assert all((weights == 4.0).all() for weights in load_model(out).network.parameters())
    written(start, 2.0)
    with pytest.raises(InputError, match=r"began with weights .*: give --start"):
        main()
