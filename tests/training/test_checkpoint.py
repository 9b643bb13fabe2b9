"""Checkpoints that a training goes on from, and those that it refuses."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from small_training import PLAN, changed, run

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.training.history import read_history
from bcdi_inpaint.training.plan import Plan


@pytest.mark.parametrize("damage", ["empty", "text", "truncated", "list", "other network"])
def test_a_broken_checkpoint_is_refused_in_one_line(
    folder: Path, patterns: np.ndarray, damage: str
) -> None:
    last = folder / "last.ckpt"
    if damage in ("truncated", "other network"):
        run(PLAN, patterns, folder, stop_after=1)
    if damage == "truncated":
        last.write_bytes(last.read_bytes()[:-1000])
    elif damage == "other network":  # of another version of this program
        checkpoint = torch.load(last, weights_only=True)
        name = next(iter(checkpoint["state_dict"]))
        checkpoint["state_dict"][name] = torch.zeros(3)
        torch.save(checkpoint, last)
    elif damage == "list":
        torch.save([1, 2], last)
    else:
        last.write_bytes({"empty": b"", "text": b"hello"}[damage])
    said = "another version's network" if damage == "other network" else "cannot be read"
    with pytest.raises(InputError, match=said) as error:
        run(PLAN, patterns, folder, resume=True)
    assert "\n" not in str(error.value)
    assert "folder" in str(error.value)


def test_a_checkpoint_executes_nothing(folder: Path, patterns: np.ndarray, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "executed"),)

    torch.save({"plan": Bomb(), "state_dict": {}}, folder / "last.ckpt")
    with pytest.raises(InputError, match="cannot be read"):
        run(PLAN, patterns, folder, resume=True)
    assert not (tmp_path / "executed").exists()


def test_a_checkpoint_of_another_plan_is_not_resumed(folder: Path, patterns: np.ndarray) -> None:
    run(PLAN, patterns, folder, stop_after=1)
    with pytest.raises(InputError, match="another plan, training was") as error:
        run(changed(learning_rate=0.5), patterns, folder, resume=True)
    assert "\n" not in str(error.value)


def test_a_checkpoint_that_knows_fewer_keys_is_resumed(folder: Path, patterns: np.ndarray) -> None:
    """As one of an earlier version, of a plan in which what came since has its default."""
    run(PLAN, patterns, folder, stop_after=1)
    path = folder / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    del checkpoint["plan"]["feed"], checkpoint["plan"]["training"]["truth"]
    del checkpoint["plan"]["network"]["guess"], checkpoint["plan"]["network"]["hidden"]
    torch.save(checkpoint, path)
    run(PLAN, patterns, folder, resume=True)
    assert read_history(folder / "metrics.csv")[-1]["step"] == 4


def test_a_checkpoint_of_a_network_that_changed_since_is_not_resumed(
    folder: Path, patterns: np.ndarray
) -> None:
    network = {"kind": "partial_conv", "inputs": "ours", "base": 2, "depth": 2}
    plan = Plan.model_validate(PLAN.model_dump() | {"network": network})
    run(plan, patterns, folder, stop_after=1)
    path = folder / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    del checkpoint["plan"]["network"]["revision"]
    torch.save(checkpoint, path)
    with pytest.raises(InputError, match="another version's network"):
        run(plan, patterns, folder, resume=True)
