"""Training on next to nothing: that it learns, resumes to the same weights, and says no."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from bcdi_inpaint import training
from bcdi_inpaint.config import Plan
from bcdi_inpaint.dataset import PatchConfig
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.training import train
from bcdi_inpaint.weights import load_weights

PLAN = Plan.model_validate(
    {
        "name": "tiny",
        "patterns": {},
        "held_out": {},
        "patches": {"size": 16, "widths": [[2, 4], [4, 6]]},
        "network": {"channels": [8, 8], "dilations": [[1, 1], [1, 2]]},
        "training": {
            "seed": 3,
            "batch_size": 2,
            "steps": 4,
            "steps_per_epoch": 2,
            "warmup_steps": 1,
            "validation_patches": 2,
            "precision": "32-true",
        },
    }
)


@pytest.fixture(scope="module")
def patterns() -> np.ndarray:
    """Fringes, (2, 24, 24, 24) log expectations."""
    z, y, x = np.meshgrid(*[np.arange(24)] * 3, indexing="ij")
    waves = [3 + 2 * np.cos(2 * np.pi * (z + 2 * y - x) / period) for period in (7, 9)]
    return np.stack(waves).astype(np.float16)


def changed(**training: object) -> Plan:
    return PLAN.model_copy(update={"training": PLAN.training.model_copy(update=training)})


@pytest.mark.parametrize("stop_after", [1, 2, 3])  # in the middle of an epoch, and at its end
def test_a_resumed_run_ends_as_an_uninterrupted_one(
    tmp_path: Path, patterns: np.ndarray, stop_after: int
) -> None:
    whole = train(PLAN, patterns, patterns, tmp_path / "whole", device="cpu", quiet=True)
    parts = tmp_path / "parts"
    train(PLAN, patterns, patterns, parts, device="cpu", quiet=True, stop_after=stop_after)
    path = train(PLAN, patterns, patterns, parts, device="cpu", quiet=True, resume=True)
    expected, found = (load_weights(p).network.state_dict() for p in (whole, path))
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name
    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()["training"])
    assert card["steps"] == 4
    assert Plan.model_validate(card["plan"]) == PLAN


def test_it_learns(tmp_path: Path, patterns: np.ndarray) -> None:
    plan = changed(
        steps=60,
        steps_per_epoch=60,
        learning_rate=1e-2,
        average_decay=0.5,
        batch_size=4,
        validation_patches=16,
    )
    train(plan, patterns, patterns, tmp_path, device="cpu", quiet=True)
    rows = np.genfromtxt(tmp_path / "metrics.csv", delimiter=",", names=True)
    assert np.nanmin(rows["val_mse"]) < 0.8 * np.nanmin(rows["linear_mse"])


def test_a_checkpoint_is_neither_lost_nor_invented(tmp_path: Path, patterns: np.ndarray) -> None:
    with pytest.raises(InputError, match="without --resume"):
        train(PLAN, patterns, patterns, tmp_path, device="cpu", quiet=True, resume=True)
    train(changed(steps=2), patterns, patterns, tmp_path, device="cpu", quiet=True)
    with pytest.raises(InputError, match="there already"):
        train(PLAN, patterns, patterns, tmp_path, device="cpu", quiet=True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_an_absent_gpu_is_said(tmp_path: Path, patterns: np.ndarray) -> None:
    with pytest.raises(InputError, match="no GPU"):
        train(PLAN, patterns, patterns, tmp_path, device="cuda", quiet=True)


def test_a_checkpoint_of_another_plan_is_not_resumed(tmp_path: Path, patterns: np.ndarray) -> None:
    train(PLAN, patterns, patterns, tmp_path, device="cpu", quiet=True, stop_after=2)
    other = changed(learning_rate=0.5)
    with pytest.raises(InputError, match="another plan, training was"):
        train(other, patterns, patterns, tmp_path, device="cpu", quiet=True, resume=True)


@pytest.mark.parametrize("shape", [(2, 15, 24, 24), (2, 24, 24), (0, 24, 24, 24)])
def test_patterns_that_no_patch_fits_in_are_refused(
    tmp_path: Path, patterns: np.ndarray, shape: tuple[int, ...]
) -> None:
    small = np.zeros(shape, dtype=np.float16)
    with pytest.raises(InputError, match="sides of at least 16"):
        train(PLAN, patterns, small, tmp_path, device="cpu", quiet=True)
    assert not list(tmp_path.iterdir())


def test_every_epoch_draws_its_own_patches_and_validation_the_same(
    tmp_path: Path, patterns: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[tuple[int, ...]] = []

    class Spy(training.PatchDataset):
        def __init__(
            self, patterns: np.ndarray, config: PatchConfig, count: int, seed: tuple[int, ...]
        ) -> None:
            seeds.append(seed)
            super().__init__(patterns, config, count, seed)

    monkeypatch.setattr(training, "PatchDataset", Spy)
    train(PLAN, patterns, patterns, tmp_path, device="cpu", quiet=True)
    assert set(seeds) == {(3, 1, 0), (3, 1, 1), (3, 2)}


def test_the_released_weights_are_the_planned_average(tmp_path: Path, patterns: np.ndarray) -> None:
    heads = [
        load_weights(
            train(
                changed(average_decay=decay, steps=2, learning_rate=1e-2),
                patterns,
                patterns,
                tmp_path / str(decay),
                device="cpu",
                quiet=True,
            )
        )
        .network.head.weight.detach()
        .abs()
        for decay in (0, 0.9)
    ]
    # It starts from zero: the slower the average, the nearer it still is.
    assert float(heads[1].max()) < float(heads[0].max())
