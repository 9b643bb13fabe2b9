"""Scores on what was held out: which is better, and that the right fill is best."""

from __future__ import annotations

import numpy as np
import torch
from small_training import changed

from bcdi_inpaint.network.unet import GapUNet
from bcdi_inpaint.network.units import LOG_UNIT
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.training.held_out import HeldOutScore, score_held_out
from bcdi_inpaint.training.plan import PatchConfig
from bcdi_inpaint.training.slabs import Slab


def test_better_means_one_score_better_and_none_worse() -> None:
    score = HeldOutScore(0.2, 3.0, 9)
    assert HeldOutScore(0.1, 3.0, 9).beats(score)
    assert HeldOutScore(0.1, 2.0, 9).beats(score)
    assert not score.beats(score)
    assert not HeldOutScore(0.1, 3.1, 9).beats(score)
    assert not HeldOutScore(float("nan"), 2.0, 9).beats(score)


def test_the_right_expectation_scores_best(model: Model) -> None:
    """Of counts of 1 photon: neither a higher nor a lower fill may win, in either score."""
    size = 32
    truth = np.log1p(np.random.default_rng(0).poisson(1.0, (size,) * 3)) / LOG_UNIT
    gap = np.ones((size,) * 3, dtype=bool)
    scores = {}
    for photons in (0.8, 1.0, 1.25):
        channels = np.zeros((5, size, size, size), dtype=np.float16)
        channels[0] = np.log1p(photons) / LOG_UNIT
        network = GapUNet(model.network.config)  # untrained: the guess
        slab = Slab(channels, truth.astype(np.float32), gap, 0, size)
        plan = changed(batch_size=4).model_copy(update={"patches": PatchConfig(size=size)})
        scores[photons] = score_held_out(network, [slab], plan, torch.device("cpu"), 4)
    assert scores[1.0].beats(scores[0.8])
    assert scores[1.0].beats(scores[1.25])
