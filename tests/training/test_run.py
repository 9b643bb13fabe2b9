"""A training on next to nothing: that it learns, resumes to the same weights, and says no."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from small_training import PLAN, changed, flat, run, waves

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.network.published.chavez import TuNetConfig
from bcdi_inpaint.network.weights import load_model
from bcdi_inpaint.training import run as training_run
from bcdi_inpaint.training.finishing import Finish
from bcdi_inpaint.training.history import read_history
from bcdi_inpaint.training.module import GapTraining
from bcdi_inpaint.training.plan import PatchConfig, Plan
from bcdi_inpaint.training.run import is_at_its_end, train
from bcdi_inpaint.training.run_options import RunOptions
from bcdi_inpaint.training.slabs import FixedSlabs


# In the middle of an epoch, at its end, and when the weights alone were still to be written.
@pytest.mark.parametrize("stop_after", [1, 2, 3, 4])
def test_a_resumed_run_ends_as_an_uninterrupted_one(
    tmp_path: Path, slabs: Path, patterns: np.ndarray, stop_after: int
) -> None:
    whole, parts = (Path(shutil.copytree(slabs, tmp_path / name)) for name in ("whole", "parts"))
    expected = load_model(run(PLAN, patterns, whole)).network.state_dict()
    run(PLAN, patterns, parts, stop_after=stop_after).unlink()
    path = run(PLAN, patterns, parts, resume=True)
    found = load_model(path).network.state_dict()
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name
    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()["training"])
    assert card["steps"] == 4
    assert Plan.model_validate(card["plan"]) == PLAN
    # Validation sees the same patches, and the log holds both runs.
    histories = [read_history(where / "metrics.csv") for where in (whole, parts)]
    assert histories[0][-1]["val_loss"] == histories[1][-1]["val_loss"] == card["val_loss"]
    assert [row["step"] for row in histories[0]] == [2, 4]
    assert [row["step"] for row in histories[1]] == sorted({stop_after, 2, 4})
    assert all("val_loss" in row for row in histories[1] if row["step"] in (2, 4))


@pytest.mark.parametrize(
    ("network", "is_last"), [(PLAN.network, False), (TuNetConfig(depth=2, base=8), True)]
)
def test_weights_lie_in_memory_as_a_cpu_learns_them_quickest(network: Any, is_last: bool) -> None:
    """Ours has group normalisation, which is slow there with the channels last."""
    plan = PLAN.model_copy(update={"network": network})
    made = training_run._make_module(plan, FixedSlabs([]), [], None, RunOptions(device="cpu"))
    weights = [each for each in made.network.parameters() if each.ndim == 5 and each.shape[2] > 1]
    assert len(weights) > 3
    for each in weights:
        assert each.is_contiguous(memory_format=torch.channels_last_3d) == is_last


def test_it_learns(tmp_path: Path) -> None:
    """Fringes of two kinds alone, in frames too small for kriging: the guess is linear there."""
    plan = flat(
        changed(
            steps=60,
            steps_per_epoch=30,
            learning_rate=1e-2,
            average_decay=0.5,
            batch_size=8,
            validation_patches=16,
            slabs=16,
            validation_slabs=4,
        )
    )
    run(plan, waves((30, 30)), tmp_path)
    rows = read_history(tmp_path / "metrics.csv")
    assert rows[-1]["val_mse"] < 0.4 * rows[-1]["guess_mse"]
    assert rows[-1]["val_likelihood"] < rows[0]["val_likelihood"] < rows[0]["train_likelihood"]


def test_a_checkpoint_is_neither_lost_nor_invented(folder: Path, patterns: np.ndarray) -> None:
    with pytest.raises(InputError, match="without --resume"):
        run(PLAN, patterns, folder, resume=True)
    run(PLAN, patterns, folder, stop_after=1)
    with pytest.raises(InputError, match="there already"):
        run(PLAN, patterns, folder)


@pytest.mark.parametrize("shape", [(2, 15, 24, 24), (2, 24, 24), (0, 24, 24, 24)])
def test_patterns_that_no_patch_fits_in_are_refused(
    tmp_path: Path, patterns: np.ndarray, shape: tuple[int, ...]
) -> None:
    small = np.zeros(shape, dtype=np.float16)
    with pytest.raises(InputError, match="sides of at least 16"):
        train(PLAN, patterns, small, tmp_path, RunOptions(device="cpu", quiet=True))
    assert not list(tmp_path.iterdir())


def test_the_released_weights_are_the_planned_average(
    tmp_path: Path, slabs: Path, patterns: np.ndarray
) -> None:
    heads = []
    for decay in (0, 0.9):
        plan = changed(average_decay=decay, steps=2, learning_rate=1e-2)
        path = run(plan, patterns, Path(shutil.copytree(slabs, tmp_path / str(decay))))
        heads.append(load_model(path).network.head.weight.detach().abs())
    # It starts from zero: the slower the average, the nearer it still is.
    assert float(heads[1].max()) < float(heads[0].max())


def test_an_average_of_few_steps_is_of_the_last_ones(
    tmp_path: Path, slabs: Path, patterns: np.ndarray
) -> None:
    heads = []
    for decay in (0, 0.98):
        plan = changed(average_decay=decay, steps=9, steps_per_epoch=9, learning_rate=1e-2)
        path = run(plan, patterns, Path(shutil.copytree(slabs, tmp_path / str(decay))))
        heads.append(load_model(path).network.head.weight.detach().abs())
    assert float(heads[1].max()) > 0.6 * float(heads[0].max())  # which begins with zero


def test_slabs_of_another_plan_are_not_taken(folder: Path, patterns: np.ndarray) -> None:
    other = PLAN.model_copy(update={"patches": PatchConfig(size=16)})
    with pytest.raises(InputError, match="holds slabs of another plan, patches was") as error:
        run(other, patterns, folder)
    assert "\n" not in str(error.value)


def test_two_dimensions_from_patterns_to_weights(tmp_path: Path) -> None:
    path = run(flat(changed(average_decay=0.0)), waves((48, 56)), tmp_path)
    loaded = load_model(path).network
    assert loaded.config.n_dim == 2
    prediction, scale = loaded(torch.rand(1, 5, 16, 24))
    assert prediction.shape == scale.shape == (1, 1, 16, 24)
    assert float(loaded.head.weight.detach().abs().max()) > 0  # it has learned something
    with pytest.raises(InputError, match="with 3 sides"):
        run(PLAN, waves((48, 56)), tmp_path / "volume")


def test_a_training_may_begin_from_given_weights(
    tmp_path: Path, slabs: Path, patterns: np.ndarray
) -> None:
    first = run(changed(steps=2), patterns, Path(shutil.copytree(slabs, tmp_path / "first")))
    still = changed(steps=1, learning_rate=1e-12, start=str(first))
    path = run(still, patterns, Path(shutil.copytree(slabs, tmp_path / "second")))
    old, new = (load_model(weights).network.state_dict() for weights in (first, path))
    for name in old:
        torch.testing.assert_close(new[name], old[name], rtol=0, atol=1e-6)
    with safe_open(path, framework="pt") as file:
        card = json.loads(file.metadata()["training"])
    assert card["start_sha256"] == load_model(first).sha256


def test_weights_of_another_network_are_no_start(folder: Path, patterns: np.ndarray) -> None:
    with pytest.raises(InputError) as error:
        run(changed(start="default"), patterns, folder)
    theirs = "channels: [16, 32, 64, 128], dilations: [[1, 1], [1, 2], [1, 2], [1, 2]]"
    assert str(error.value) == (
        f"training.start is default, whose network has {theirs}, expected channels: [8, 16], "
        f"dilations: [[1, 1], [1, 2]] as planned: set network: {{{theirs}}}, take other weights, "
        "or leave it out"
    )


def test_a_plan_may_end_by_its_time(tmp_path: Path) -> None:
    path = run(flat(changed(steps=10**6, minutes=0.01)), waves((30, 30)), tmp_path)
    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()["training"])
    assert 1 <= card["steps"] < 10**5


def test_a_plan_may_end_by_what_its_process_computed(tmp_path: Path) -> None:
    plan = flat(changed(steps=10**6, minutes=0.02, clock="processor"))
    path = run(plan, waves((30, 30)), tmp_path)
    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()["training"])
    assert 1 <= card["steps"] < 10**5


@pytest.mark.parametrize("clock", ["processor", "wall"])
def test_time_for_less_than_two_steps_is_refused(tmp_path: Path, clock: str) -> None:
    plan = flat(changed(steps=10**6, minutes=1e-9, clock=clock))
    with pytest.raises(InputError, match=r"minutes is 1e-09.*one step of \w+ takes.*smaller"):
        run(plan, waves((30, 30)), tmp_path)
    assert not [*tmp_path.glob("*.safetensors")]


def test_a_training_that_ended_as_its_plan_says_is_calibrated_and_no_other() -> None:
    module = GapTraining(changed(steps=9, minutes=2.0), FixedSlabs([]), [])
    assert not is_at_its_end(module, 3)
    assert is_at_its_end(module, 9)
    module.time.is_over = True
    assert is_at_its_end(module, 3)


def test_weights_that_cannot_be_calibrated_are_kept(folder: Path, patterns: np.ndarray) -> None:
    dark = np.zeros_like(patterns)
    plan = changed(calibration_patterns=1)
    with pytest.raises(
        InputError, match=r"none of the 7 gaps.*alone are in .*tiny.safetensors"
    ) as error:
        train(plan, patterns, dark, folder, RunOptions(device="cpu", quiet=True))
    assert "\n" not in str(error.value)
    assert load_model(folder / "tiny.safetensors").calibration == Calibration()


@pytest.fixture
def shares(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was spent of a plan's time before each step; a step takes a second of the processor."""
    now, found = [1000.0], list[float]()
    monkeypatch.setattr(time, "process_time", lambda: now[0])

    class Slow(GapTraining):
        def on_train_start(self) -> None:
            now[0] += 1000  # for slabs, or nobody was at it
            super().on_train_start()

        def on_train_batch_start(self, *_: object) -> None:
            found.append(self.time.share)
            now[0] += 1

    monkeypatch.setattr(training_run, "GapTraining", Slow)
    return found


def test_a_training_whose_time_was_over_is_not_trained_again(
    tmp_path: Path, shares: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while it was calibrated, say: the weights are what they were."""
    plan = flat(changed(steps=100, minutes=0.05, clock="processor"))
    done: list[dict[str, torch.Tensor]] = []

    def interrupted(network: torch.nn.Module, *_: object) -> Finish:
        done.append({name: t.clone() for name, t in network.state_dict().items()})
        if len(done) == 1:
            raise KeyboardInterrupt
        return Finish()

    monkeypatch.setattr(training_run, "finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(plan, waves((30, 30)), tmp_path)
    path = run(plan, waves((30, 30)), tmp_path, resume=True)
    assert len(done) == 2  # it is finished now
    assert len(shares) == 3
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["training"])["steps"] == 3
    found = load_model(path).network.state_dict()
    for name, tensor in done[0].items():
        assert torch.equal(found[name], tensor), name


def test_a_resumed_run_has_what_is_left_of_the_plans_time(
    tmp_path: Path, shares: list[float]
) -> None:
    """Of 6 seconds: the rate goes on falling from where it was."""
    plan = flat(changed(steps=100, minutes=0.1, clock="processor"))
    run(plan, waves((30, 30)), tmp_path, stop_after=4)
    run(plan, waves((30, 30)), tmp_path, resume=True)
    np.testing.assert_allclose(shares, np.arange(6) / 6)
    # A checkpoint of before says nothing of the time, and has all of it.
    last = tmp_path / "last.ckpt"
    checkpoint = torch.load(last, weights_only=True)
    del checkpoint["time"]
    torch.save(checkpoint, last)
    run(plan, waves((30, 30)), tmp_path, resume=True)
    np.testing.assert_allclose(shares[6:], np.arange(6) / 6)


@pytest.mark.parametrize("clock", ["processor", "wall"])
@pytest.mark.parametrize("limit", [{"minutes": 5.0}, {"stop_after": 10**5}])
def test_a_limit_that_is_never_reached_changes_nothing(
    tmp_path: Path, clock: str, limit: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan's own minutes end the training, so it is finished; steps that end it do not."""
    finished = []
    monkeypatch.setattr(training_run, "finish", lambda *_: finished.append(1) or Finish())
    plan = flat(changed(steps=10**6, minutes=0.02, clock=clock))
    run(plan, waves((30, 30)), tmp_path / "long", **limit)
    assert finished
    run(plan, waves((30, 30)), tmp_path / "short", stop_after=1)
    assert len(finished) == 1


def test_a_published_network_learns_by_its_own_loss_and_comes_back(tmp_path: Path) -> None:
    """The adopted loss alone, in 2D, on what the paper's network saw: no guess, no mate."""
    network = {"kind": "tunet", "n_dim": 2, "depth": 2, "base": 8}
    training = {"steps": 24, "steps_per_epoch": 12, "learning_rate": 1e-2, "average_decay": 0.5}
    sizes = {"batch_size": 8, "validation_patches": 16, "slabs": 16, "validation_slabs": 4}
    values = PLAN.model_dump() | {"network": network, "loss": "mse+ssim+gradient"}
    values["training"] = values["training"] | training | sizes
    path = run(Plan.model_validate(values), waves((30, 30)), tmp_path)
    rows = read_history(tmp_path / "metrics.csv")
    assert rows[-1]["val_mse"] < 0.6 * rows[0]["train_mse"]
    config = load_model(path).network.config
    assert isinstance(config, TuNetConfig)
    assert (config.depth, config.base, config.inputs) == (2, 8, "published")


@pytest.mark.parametrize(("device", "loaders"), [("cpu", 0), ("cuda", 4)])
def test_only_a_gpu_has_other_processes_cut_its_patches(
    device: str, loaders: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_run, "choose_device", torch.device)
    options = RunOptions(device=device, devices=2, workers=8)
    assert training_run._loaders(options) == loaders
