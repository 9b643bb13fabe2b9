"""What a study counts as a method's time."""

import json
import time

import numpy as np
import pytest

from bcdi_inpaint.filling.images import fill_image
from bcdi_inpaint.network.kinds import make_network, read_config
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.studies import fillers
from bcdi_inpaint.studies.fillers import ImageFiller, LastSeen, Watched
from bcdi_inpaint.studies.first_guess import first_guess_model


def published(inputs: str) -> Model:
    """An untrained network of a paper."""
    config = {"kind": "tunet", "n_dim": 2, "depth": 2, "base": 4, "inputs": inputs}
    return Model(make_network(read_config(json.dumps(config))).eval(), "tunet", "tunet")


def test_a_network_sees_the_guess_that_it_learned_from() -> None:
    linear = {"kind": "gap_unet", "n_dim": 2, "channels": [8], "dilations": [[1, 1]]}
    network = make_network(read_config(json.dumps(linear | {"guess": "linear"}))).eval()
    model, kriged = Model(network, "linear", "linear"), first_guess_model(2)
    counts = np.random.default_rng(0).poisson(30, (1, 32, 32)).astype(np.float32)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, :, 14:17] = True
    last, none = LastSeen(), np.zeros_like(gap)
    for each in (kriged, model, kriged):
        found = ImageFiller(each, "cpu", last)(counts, gap, bad_mask=none).counts[0]
        np.testing.assert_array_equal(found, fill_image(counts[0], gap[0], each, device="cpu"))


@pytest.mark.parametrize("first", ["guess", "ours", "published"])
def test_each_network_that_begins_at_a_kriged_guess_has_the_time_of_kriging(
    first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    made = fillers.see_image

    def slow(*args: np.ndarray) -> fillers.Features:
        now[0] += 5.0
        return made(*args)

    monkeypatch.setattr(time, "process_time", lambda: now[0])
    monkeypatch.setattr(fillers, "see_image", slow)
    counts = np.random.default_rng(0).poisson(30, (1, 32, 32)).astype(np.float32)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, :, 14:17] = True
    last = LastSeen()
    models = {"guess": first_guess_model(2), "ours": published("ours")}
    models["published"] = published("published")
    methods = {name: Watched(ImageFiller(model, "cpu", last)) for name, model in models.items()}
    for name in (first, *methods):
        methods[name](counts, gap, bad_mask=np.zeros_like(gap))
        expected = 0.0 if name == "published" else 5.0
        assert methods[name].seconds == expected, name
    assert now[0] == 5.0  # made once
