"""Training on next to nothing: that it learns, resumes to the same weights, and says no."""

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from small_training import PLAN, waves

from bcdi_inpaint import training
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.network.weights import load_weights
from bcdi_inpaint.training import (
    is_first_process,
    read_history,
    share,
    train,
)
from bcdi_inpaint.training.patch_dataset import PatchConfig, Slab
from bcdi_inpaint.training.plan import Plan
from bcdi_inpaint.training.slab_store import stored_slabs


@pytest.fixture(scope="module")
def patterns() -> np.ndarray:
    return waves((32, 32, 32))


@pytest.fixture(scope="module")
def slabs(patterns: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the slabs of `PLAN`."""
    folder = tmp_path_factory.mktemp("slabs")
    for stream, name in ((3, "slabs"), (4, "unseen")):
        stored_slabs(patterns, PLAN, 2, stream, folder / name, 0, True)
    return folder


@pytest.fixture
def folder(tmp_path: Path, slabs: Path) -> Path:
    """One that holds the slabs already."""
    return Path(shutil.copytree(slabs, tmp_path / "run"))


def changed(**training: object) -> Plan:
    return PLAN.model_copy(update={"training": PLAN.training.model_copy(update=training)})


def flat(plan: Plan) -> Plan:
    """The plan for two dimensions."""
    return plan.model_copy(update={"network": plan.network.model_copy(update={"n_dim": 2})})


def run(plan: Plan, patterns: np.ndarray, folder: Path, **options: object) -> Path:
    return train(plan, patterns, patterns, folder, device="cpu", quiet=True, **options)  # type: ignore[arg-type]


# In the middle of an epoch, at its end, and when the weights alone were still to be written.
@pytest.mark.parametrize("stop_after", [1, 2, 3, 4])
def test_a_resumed_run_ends_as_an_uninterrupted_one(
    tmp_path: Path, slabs: Path, patterns: np.ndarray, stop_after: int
) -> None:
    whole, parts = (Path(shutil.copytree(slabs, tmp_path / name)) for name in ("whole", "parts"))
    expected = load_weights(run(PLAN, patterns, whole)).network.state_dict()
    run(PLAN, patterns, parts, stop_after=stop_after).unlink()
    path = run(PLAN, patterns, parts, resume=True)
    found = load_weights(path).network.state_dict()
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


def test_the_picture_of_the_losses_lies_beside_them(folder: Path, patterns: np.ndarray) -> None:
    run(PLAN, patterns, folder)
    with Image.open(folder / "loss.png") as image:
        image.load()
    names = {path.name for path in folder.iterdir()}
    assert {"metrics.csv", "loss.png", "last.ckpt", "tiny.safetensors"} <= names
    assert not [name for name in names if name.endswith(".part")]


def test_a_log_gets_a_line_an_epoch_and_quiet_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patterns = waves((30, 30))
    for quiet in (False, True):
        where = tmp_path / str(quiet)
        train(flat(PLAN), patterns, patterns, where, device="cpu", quiet=quiet)
        said = capsys.readouterr()
        if quiet:
            assert said.out == said.err == ""
            continue
        assert said.err == "slabs: 2 of 2\nunseen: 2 of 2\n"
        lines = said.out.splitlines()
        assert [line.split()[:2] for line in lines] == [["step", "2"], ["step", "4"]]
        last = read_history(where / "metrics.csv")[-1]
        for name in ("train_loss", "val_loss", "val_mse", "guess_mse"):
            assert f"{last[name]:.4f}" in lines[-1]


def test_a_checkpoint_is_neither_lost_nor_invented(folder: Path, patterns: np.ndarray) -> None:
    with pytest.raises(InputError, match="without --resume"):
        run(PLAN, patterns, folder, resume=True)
    run(PLAN, patterns, folder, stop_after=1)
    with pytest.raises(InputError, match="there already"):
        run(PLAN, patterns, folder)


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


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_an_absent_gpu_is_said(tmp_path: Path, patterns: np.ndarray) -> None:
    with pytest.raises(InputError, match="no GPU"):
        train(PLAN, patterns, patterns, tmp_path, device="cuda", quiet=True)


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


def test_noisy_counts_are_learned_from_and_not_validated_on(
    folder: Path, patterns: np.ndarray, tmp_path: Path, slabs: Path
) -> None:
    """The first validation is of the same patches, before much was learned from others."""
    run(PLAN, patterns, folder)
    other = Path(shutil.copytree(slabs, tmp_path / "noisy"))
    run(changed(truth="counts"), patterns, other)
    clean, noisy = (read_history(where / "metrics.csv")[0] for where in (folder, other))
    assert noisy["train_mse"] != clean["train_mse"]
    assert noisy["guess_mse"] == clean["guess_mse"]


@pytest.mark.parametrize("shape", [(2, 15, 24, 24), (2, 24, 24), (0, 24, 24, 24)])
def test_patterns_that_no_patch_fits_in_are_refused(
    tmp_path: Path, patterns: np.ndarray, shape: tuple[int, ...]
) -> None:
    small = np.zeros(shape, dtype=np.float16)
    with pytest.raises(InputError, match="sides of at least 16"):
        train(PLAN, patterns, small, tmp_path, device="cpu", quiet=True)
    assert not list(tmp_path.iterdir())


def test_every_epoch_draws_its_own_patches_and_validation_the_same(
    folder: Path, patterns: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[tuple[int, ...]] = []

    class Spy(training.module.PatchDataset):
        def __init__(
            self,
            slabs: list[Slab],
            config: PatchConfig,
            count: int,
            seed: tuple[int, ...],
            **options: bool,
        ) -> None:
            seeds.append(seed)
            super().__init__(slabs, config, count, seed, **options)

    monkeypatch.setattr(training.module, "PatchDataset", Spy)
    run(PLAN, patterns, folder)
    assert set(seeds) == {(3, 1, 0), (3, 1, 1), (3, 2)}


def test_the_released_weights_are_the_planned_average(
    tmp_path: Path, slabs: Path, patterns: np.ndarray
) -> None:
    heads = []
    for decay in (0, 0.9):
        plan = changed(average_decay=decay, steps=2, learning_rate=1e-2)
        path = run(plan, patterns, Path(shutil.copytree(slabs, tmp_path / str(decay))))
        heads.append(load_weights(path).network.head.weight.detach().abs())
    # It starts from zero: the slower the average, the nearer it still is.
    assert float(heads[1].max()) < float(heads[0].max())


def test_minutes_are_counted_anew_where_a_training_is_resumed(
    folder: Path, patterns: np.ndarray
) -> None:
    """Else a second run of the same time would end before it began."""
    plan = changed(steps=100_000, steps_per_epoch=1)
    run(plan, patterns, folder, minutes=0.01)
    first = read_history(folder / "metrics.csv")[-1]["step"]
    run(plan, patterns, folder, minutes=0.01, resume=True)
    assert 0 < first < read_history(folder / "metrics.csv")[-1]["step"] < 100_000


def test_ctrl_c_is_a_keyboard_interrupt(
    folder: Path, patterns: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training.module, "gap_loss", interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(PLAN, patterns, folder)
    assert signal.getsignal(signal.SIGINT) is before
    assert not (folder / "tiny.safetensors").exists()


# --- slabs ---------------------------------------------------------------------------------------


def test_slabs_of_another_plan_are_not_taken(folder: Path, patterns: np.ndarray) -> None:
    other = PLAN.model_copy(update={"patches": PatchConfig(size=16)})
    with pytest.raises(InputError, match="holds slabs of another plan, patches was") as error:
        run(other, patterns, folder)
    assert "\n" not in str(error.value)


# --- several devices -----------------------------------------------------------------------------


@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_processes_share_each_batch_and_nothing_is_seen_twice(world_size: int) -> None:
    """Together they see, step after step, what one process alone would."""
    order, batch_size = [*range(16, 40), *range(16)], 8  # as of a resumed epoch
    shares = [share(order, rank, world_size) for rank in range(world_size)]
    part = batch_size // world_size
    for step in range(len(order) // batch_size):
        alone = order[step * batch_size : (step + 1) * batch_size]
        together = [index for each in shares for index in each[step * part : (step + 1) * part]]
        assert sorted(together) == sorted(alone)


@pytest.mark.parametrize("rank", [0, 1])
def test_a_loader_takes_the_share_of_its_process(
    slabs: Path, patterns: np.ndarray, monkeypatch: pytest.MonkeyPatch, rank: int
) -> None:
    unseen = stored_slabs(patterns, PLAN, 2, 4, slabs / "unseen", 0, True)
    module = training.GapTraining(changed(batch_size=4, validation_patches=8), unseen, unseen)

    class Processes:
        global_rank, world_size = 0, 1

    module._trainer = Processes  # type: ignore[assignment]
    alone = [channels for channels, _, _ in module.val_dataloader()]
    monkeypatch.setattr(Processes, "world_size", 2)
    monkeypatch.setattr(Processes, "global_rank", rank)
    shared = [channels for channels, _, _ in module.val_dataloader()]
    assert len(shared) == len(alone) == 2
    for ours, whole in zip(shared, alone, strict=True):
        assert torch.equal(ours, whole[rank::2])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"devices": 0}, "devices is 0, expected at least 1"),
        ({"nodes": -1}, "nodes is -1, expected at least 1"),
        ({"devices": 3}, "batch_size is 2 .*at least the 3 devices"),
        ({"devices": 2, "nodes": 2}, "the 4 devices"),
    ],
)
def test_impossible_numbers_of_devices_are_refused(
    tmp_path: Path, patterns: np.ndarray, options: dict[str, int], said: str
) -> None:
    with pytest.raises(InputError, match=said) as error:
        run(PLAN, patterns, tmp_path, **options)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_the_first_process_is_the_one_of_rank_0(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_first_process()
    monkeypatch.setenv("NODE_RANK", "1")
    assert not is_first_process()
    monkeypatch.delenv("NODE_RANK")
    monkeypatch.setattr(training.processes.rank_zero_only, "rank", 3)
    assert not is_first_process()


# --- two dimensions ------------------------------------------------------------------------------


def test_two_dimensions_from_patterns_to_weights(tmp_path: Path) -> None:
    path = run(flat(changed(average_decay=0.0)), waves((48, 56)), tmp_path)
    loaded = load_weights(path).network
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
    old, new = (load_weights(weights).network.state_dict() for weights in (first, path))
    for name in old:
        torch.testing.assert_close(new[name], old[name], rtol=0, atol=1e-6)
    with safe_open(path, framework="pt") as file:
        card = json.loads(file.metadata()["training"])
    assert card["start_sha256"] == load_weights(first).sha256


def test_weights_of_another_network_are_no_start(folder: Path, patterns: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"training.start is default.*expected"):
        run(changed(start="default"), patterns, folder)
