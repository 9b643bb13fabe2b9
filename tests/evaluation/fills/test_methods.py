"""The methods that are judged."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from small_subjects import SHAPE

from bcdi_inpaint.evaluation.fills import (
    fillers,
    methods,
)


def test_the_network_fills_with_or_without_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, gap = np.ones(SHAPE, np.float32), np.zeros(SHAPE, dtype=bool)
    plain = SimpleNamespace(counts=counts, filled=gap, sigma=None)
    knowing = SimpleNamespace(counts=counts, filled=gap, sigma=counts, interval=lambda level: level)
    for fill, answer in ((plain, None), (knowing, 0.5)):
        monkeypatch.setattr(methods, "inpaint", lambda *_, fill=fill, **__: fill)
        network = fillers(("network",), object())["network"]  # type: ignore[arg-type]
        guess = network(counts, gap, bad_mask=gap)
        assert (guess.interval and guess.interval(0.5)) == answer
