"""`bcdi-inpaint train` straight from the generator: repeatable, resumable, and nothing left."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from processes import Template, nobody_left

from bcdi_inpaint.cli import main
from bcdi_inpaint.network.weights import load_model
from bcdi_inpaint.training import RunOptions, train
from bcdi_inpaint.training.plan import read_plan
from simulation import campaign, campaign_work, feed
from simulation.recipe import Pattern, Recipe, as_recipe, make_pattern

PLAN = """
name: fed
patterns: &recipe {count: 1, seed: 4, atomistic_share: 0, shape: [32, 32]}
held_out: {<<: *recipe, count: 2, seed: 5}
feed: {window: 3, step: 2}
patches: {size: 16, widths: [[2, 4]], shares: [1]}
network: {n_dim: 2, channels: [8, 16], dilations: [[1, 1], [1, 2]]}
training:
  {seed: 3, batch_size: 2, steps: 4, steps_per_epoch: 2, warmup_steps: 1, validation_patches: 2,
   validation_slabs: 2, precision: 32-true}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    return path


def run(plan: Path, folder: Path, *options: str) -> None:
    arguments = [str(plan), "-o", str(folder), "--workers", "1", "--device", "cpu", "-q", *options]
    result = CliRunner().invoke(main, ["train", *arguments])
    assert result.exit_code == 0, result.output


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return load_model(folder / "fed.safetensors").network.state_dict()


def assert_equal(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name


def test_it_trains_on_the_recipes_patterns_and_leaves_nothing(
    tmp_path: Path, plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with the same patterns from memory; and an interrupted one ends as a whole one."""
    before = set(multiprocessing.active_children())
    held: list[SharedMemory] = []
    share = feed._shared
    monkeypatch.setattr(feed, "_shared", lambda size: held.append(share(size)) or held[-1])
    run(plan, tmp_path / "fed")
    assert set(multiprocessing.active_children()) == before
    assert len(held) == 1
    with pytest.raises(FileNotFoundError):
        SharedMemory(held[0].name)
    assert not (tmp_path / "fed" / "patterns.h5").exists()

    read = read_plan(plan)
    recipe = as_recipe(read.patterns, "plan")
    made = [np.log1p(make_pattern(recipe, index, None).expectation) for index in range(5)]
    held_out = as_recipe(read.held_out, "plan")
    unseen = [np.log1p(make_pattern(held_out, index, None).expectation) for index in range(2)]
    train(
        read,
        None,
        np.stack(unseen).astype(np.float16),
        tmp_path / "memory",
        RunOptions(device="cpu", quiet=True),
        windows=lambda k: np.stack(made[2 * k : 2 * k + 3]).astype(np.float16),
    )
    assert_equal(tensors(tmp_path / "memory"), tensors(tmp_path / "fed"))

    run(plan, tmp_path / "parts", "--epochs", "1")
    run(plan, tmp_path / "parts", "--resume")
    assert_equal(tensors(tmp_path / "parts"), tensors(tmp_path / "fed"))


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        ("", ["--devices", "2"], "expected 1 with a feed"),
        ("shape: [32, 32]->shape: [24, 24, 24]", [], "expected (n, ...) with 2 sides"),
        ("step: 2->step: 4", [], "step is 4, expected 1 to the window of 3"),
    ],
)
def test_what_cannot_be_fed_is_said_at_once(
    tmp_path: Path, plan: Path, change: str, options: list[str], said: str
) -> None:
    if change:
        plan.write_text(PLAN.replace(*change.split("->"), 1))
    folder = tmp_path / "out"
    result = CliRunner().invoke(main, ["train", str(plan), "-o", str(folder), *options])
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not folder.exists()


@pytest.mark.parametrize("options", [[], ["--check"]])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("shape: [32, 32]->shape: [24, 24, 24]", "patterns have the shape (3, 24, 24, 24)"),
        ("size: 16->size: 48", "patterns have the shape (3, 32, 32), expected (n, ...) with 2"),
        ("count: 2,->count: 2, shape: [32, 24, 24],", "held-out patterns have the shape (2, 32, 2"),
        ("n_dim: 2->n_dim: 3", "expected (n, ...) with 3 sides of at least 16"),
    ],
)
def test_patterns_that_no_patch_fits_in_are_refused_before_they_are_made(
    tmp_path: Path, plan: Path, change: str, said: str, options: list[str]
) -> None:
    plan.write_text(PLAN.replace(*change.split("->"), 1))
    arguments = ["train", str(plan), "-o", str(tmp_path / "out"), *options]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("n_failed", [1, 2, 3])
def test_patterns_that_failed_are_told_and_most_have_to_be_there(
    tmp_path: Path, plan: Path, monkeypatch: pytest.MonkeyPatch, n_failed: int
) -> None:
    """Of three held-out ones."""

    def failing(recipe: Recipe, index: int, particle: None) -> Pattern:
        if index < n_failed:
            raise ValueError("no such crystal")
        return make_pattern(recipe, index, particle)

    monkeypatch.setattr(campaign_work, "make_pattern", failing)
    monkeypatch.setattr(campaign, "open_executor", lambda *_: ThreadPoolExecutor(1))
    plan.write_text(PLAN.replace("count: 2,", "count: 3,").replace("steps: 4,", "steps: 1,"))
    folder = tmp_path / "out"
    arguments = ["train", str(plan), "-o", str(folder), "--workers", "1", "--device", "cpu", "-q"]
    result = CliRunner().invoke(main, arguments)
    lines = result.stderr.strip().splitlines()
    told = f"{folder / 'held_out.h5'}: {3 - n_failed} of 3 patterns are there, the others failed"
    assert told in lines[-1]
    assert len(lines) == n_failed + 1
    if n_failed == 1:
        assert result.exit_code == 0
        assert "The same command makes the others" in lines[-1]
    else:
        assert result.exit_code == 2
        assert "expected 50% at least" in lines[-1]
    assert (folder / "fed.safetensors").exists() == (n_failed == 1)


def test_ctrl_c_ends_it_at_once_with_its_processes(
    tmp_path: Path, plan: Path, template: Template
) -> None:
    """As from a terminal, which sends it to the workers too."""
    plan.write_text(PLAN.replace("steps: 4,", "steps: 1000000,"))
    folder, options = tmp_path / "out", ["-q", "--workers", "1", "--device", "cpu"]
    with template.running(tmp_path, ["train", plan, "-o", folder, *options]) as process:
        process.wait_for((folder / "last.ckpt").exists)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 130, process.errors  # by itself it would take days
    assert len(process.errors.strip().splitlines()) == 1, process.errors
    assert nobody_left(process.pid)


def test_weights_of_another_network_are_refused_before_patterns_are_made(
    tmp_path: Path, plan: Path
) -> None:
    plan.write_text(PLAN.replace("{seed: 3,", "{start: default, seed: 3,"))
    arguments = ["train", str(plan), "-o", str(tmp_path / "out"), "--device", "cpu"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "whose network has n_dim: 3, channels: [16, 32, 64, 128]" in result.output
    assert not (tmp_path / "out").exists()
