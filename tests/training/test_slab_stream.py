"""Slabs of patterns that come while a training runs: the same ones whenever it is interrupted."""

from __future__ import annotations

import numpy as np
import pytest
from small_training import PLAN, waves

from bcdi_inpaint.training import slab_stream
from bcdi_inpaint.training.plan import FeedConfig, Plan
from bcdi_inpaint.training.slab_stream import SlabStream
from bcdi_inpaint.training.slabs import draw_slab

FED = Plan.model_validate(PLAN.model_dump() | {"feed": {"window": 3, "step": 2}})


def sequence(k: int) -> np.ndarray:
    """Window k of an endless sequence, in which waves of two periods take turns."""
    return waves((32, 32, 32))[[index % 2 for index in range(2 * k, 2 * k + 3)]]


def test_an_epoch_has_a_slab_of_each_pattern_of_its_window() -> None:
    found = SlabStream(sequence, FED).of_epoch(4)
    assert len(found) == 3
    for index, slab in enumerate(found, 8):
        pattern = waves((32, 32, 32))[index % 2]
        expected = draw_slab(pattern, FED.patches, np.random.default_rng([3, 3, index]))
        np.testing.assert_array_equal(slab.channels, expected.channels)
        np.testing.assert_array_equal(slab.truth, expected.truth)


def test_what_two_windows_share_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(slab_stream, "draw_slab", lambda *_: made.append(len(made)) or len(made))
    stream = SlabStream(sequence, FED)
    assert [stream.of_epoch(k) for k in (0, 1, 2)] == [[1, 2, 3], [3, 4, 5], [5, 6, 7]]
    assert stream.of_epoch(2) == [5, 6, 7]  # once more: an epoch that is resumed


def test_a_step_beyond_the_window_is_refused() -> None:
    with pytest.raises(ValueError, match="step is 9, expected 1 to the window of 8"):
        FeedConfig(window=8, step=9)
