"""The calculated intensity as an input channel: what one network sees and the other does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bcdi_inpaint.training.slabs import Slab
from benchmarks.computed_channel import WITH, WITHOUT, fills_of, make_network, rows, shown
from benchmarks.computed_scans import Example


@pytest.fixture
def example(rng: np.random.Generator) -> Example:
    gap = np.zeros((32, 32, 32), dtype=bool)
    gap[14:18] = True
    channels = rng.random((6, 32, 32, 32)).astype(np.float16)
    slab = Slab(channels, channels[0], gap, 14, 18)
    return Example(slab, 4, "coherent", np.ones((32, 32, 32), np.float32))


def test_only_the_last_channel_is_hidden(rng: np.random.Generator) -> None:
    channels = torch.from_numpy(rng.random((2, 6, 4, 4, 4)).astype(np.float32))
    hidden = shown(channels, computed=False)
    assert torch.equal(hidden[:, :-1], channels[:, :-1])
    assert not hidden[:, -1].any()
    assert shown(channels, computed=True) is channels


def test_both_networks_begin_alike_and_as_the_kriged_guess(example: Example) -> None:
    first, second = make_network(1), make_network(1)
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    fills = dict(fills_of(example, {False: first, True: second}))
    for name in (WITHOUT, WITH):
        np.testing.assert_allclose(
            fills[name][example.slab.gap], fills["kriging"][example.slab.gap], rtol=1e-4
        )


def test_the_gain_is_told_by_width_and_by_beam() -> None:
    scores = {"linear": 0.5, "kriging": 0.6, WITHOUT: 0.7, WITH: 0.8}
    records = [
        {"crystal": str(n), "width": 3 * (1 + n % 2), "beam": "coherent", "fill": f, "pearson": p}
        for n in range(4)
        for f, p in scores.items()
    ]
    table = list(rows(records))
    assert [row["scans"] for row in table] == [
        "gap of 3 px",
        "gap of 6 px",
        "all gaps",
        "beam coherent",
    ]
    assert {row["gain"] for row in table} == {"+20.0 [+20.0, +20.0]"}
    assert table[0]["kriging"] == "20.0"
