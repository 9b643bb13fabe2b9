"""What a module draws: its own patches in every epoch, and its share of a batch."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from small_training import PLAN, changed, run

from bcdi_inpaint.network.channels import CHANNEL_ORDER
from bcdi_inpaint.network.units import LOG_UNIT
from bcdi_inpaint.training import module
from bcdi_inpaint.training.history import read_history
from bcdi_inpaint.training.module import GapTraining
from bcdi_inpaint.training.plan import LastStepConfig, PatchConfig, Plan
from bcdi_inpaint.training.slab_store import stored_slabs
from bcdi_inpaint.training.slabs import FixedSlabs, Slab
from bcdi_inpaint.training.streams import Stream


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


def test_every_epoch_draws_its_own_patches_and_validation_the_same(
    folder: Path, patterns: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[tuple[int, ...]] = []

    class Spy(module.PatchDataset):
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

    monkeypatch.setattr(module, "PatchDataset", Spy)
    run(PLAN, patterns, folder)
    assert set(seeds) == {(3, 1, 0), (3, 1, 1), (3, 2)}


@pytest.mark.parametrize("rank", [0, 1])
def test_a_loader_takes_the_share_of_its_process(
    slabs: Path, patterns: np.ndarray, monkeypatch: pytest.MonkeyPatch, rank: int
) -> None:
    unseen = stored_slabs(patterns, PLAN, 2, Stream.VALIDATION_SLABS, slabs / "unseen", 0, True)
    plan = changed(batch_size=4, validation_patches=8)
    training = GapTraining(plan, FixedSlabs(unseen), unseen)

    class Processes:
        global_rank, world_size = 0, 1

    training._trainer = Processes  # type: ignore[assignment]
    alone = [channels for channels, _, _ in training.val_dataloader()]
    monkeypatch.setattr(Processes, "world_size", 2)
    monkeypatch.setattr(Processes, "global_rank", rank)
    shared = [channels for channels, _, _ in training.val_dataloader()]
    assert len(shared) == len(alone) == 2
    for ours, whole in zip(shared, alone, strict=True):
        assert torch.equal(ours, whole[rank::2])


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on a single core
def test_patches_are_the_same_where_other_processes_cut_them(
    slabs: Path, patterns: np.ndarray
) -> None:
    unseen = stored_slabs(patterns, PLAN, 2, Stream.VALIDATION_SLABS, slabs / "unseen", 0, True)

    class OneProcess:
        global_rank, world_size = 0, 1

    found = []
    for loaders in (0, 2):
        training = GapTraining(
            changed(validation_patches=6), FixedSlabs(unseen), unseen, loaders=loaders
        )
        training._trainer = OneProcess  # type: ignore[assignment]
        found.append([channels for channels, _, _ in training.val_dataloader()])
    for alone, shared in zip(*found, strict=True):
        assert torch.equal(alone, shared)


@pytest.mark.parametrize(("last_step", "seconds"), [(None, 120), (LastStepConfig(share=0.25), 90)])
def test_the_rate_has_fallen_when_the_time_of_the_network_is_over(
    last_step: LastStepConfig | None, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "process_time", lambda: now[0])
    plan = changed(steps=10**6, minutes=2.0, clock="processor", last_step=last_step)
    training = GapTraining(plan, FixedSlabs([]), [])
    training.on_train_start()
    factor = training.configure_optimizers()["lr_scheduler"]["scheduler"].lr_lambdas[0]
    now[0] += seconds / 2
    assert factor(10) == pytest.approx(0.505)
    now[0] += seconds / 2
    assert factor(10) == pytest.approx(0.01)


@pytest.mark.parametrize("brightness", [1.0, 3.0])
def test_a_network_as_published_takes_its_loss_in_parts_of_the_patchs_range(
    brightness: float,
) -> None:
    """Masto et al. scale each patch to 0..1; ours has the same unit for all."""
    channels = torch.zeros(1, len(CHANNEL_ORDER), 16, 16)
    channels[:, 0] = brightness * torch.linspace(0.1, 0.5, 16)
    channels[:, CHANNEL_ORDER.index("unknown"), :, 6:9] = 1
    truth, gap = channels[:, :1], channels[:, 1:2] > 0
    off = truth + 0.1 * 0.4 * brightness  # a tenth of the range
    found = {}
    for inputs in ("published", "ours"):
        network = {"kind": "tunet", "n_dim": 2, "depth": 2, "base": 4, "inputs": inputs}
        values = PLAN.model_dump() | {"network": network, "loss": "mse+ssim+gradient"}
        training = GapTraining(Plan.model_validate(values), FixedSlabs([]), [])
        terms = training._loss(channels, off, torch.ones_like(off), truth, gap)
        found[inputs] = float(terms["mse"]) / LOG_UNIT**2
    assert found["published"] == pytest.approx(0.1**2, rel=1e-4)
    assert found["ours"] == pytest.approx((0.04 * brightness) ** 2, rel=1e-4)


@pytest.mark.parametrize("limit", ["steps", "time"])
def test_a_short_training_leaves_its_warm_up(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of it at most; of a long one, as many steps as are planned."""
    now = [1000.0]
    monkeypatch.setattr(time, "process_time", lambda: now[0])
    short = {"steps": 20} if limit == "steps" else {"steps": 10**6, "minutes": 2.0}
    plan = changed(warmup_steps=100, clock="processor", **short)
    training = GapTraining(plan, FixedSlabs([]), [])
    training.on_train_start()
    factor = training.configure_optimizers()["lr_scheduler"]["scheduler"].lr_lambdas[0]
    assert factor(0) == pytest.approx(0.01)
    now[0] += 12
    assert factor(2) == pytest.approx(0.976, abs=1e-3)  # the cosine alone
    training = GapTraining(changed(warmup_steps=100, steps=1000), FixedSlabs([]), [])
    factor = training.configure_optimizers()["lr_scheduler"]["scheduler"].lr_lambdas[0]
    assert factor(49) == pytest.approx(0.5, abs=0.01)
