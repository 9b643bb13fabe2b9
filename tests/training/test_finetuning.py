"""Fine-tuning on next to nothing: what it keeps, what it never looks at, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.network.unet import GapUNet, NetworkConfig
from bcdi_inpaint.network.units import LOG_UNIT
from bcdi_inpaint.network.weights import Model, load_weights
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.training import finetuning
from bcdi_inpaint.training.finetuning import (
    HeldOut,
    Lesson,
    finetune,
    lesson,
    write_finetuned,
)
from bcdi_inpaint.training.slabs import Slab

SHAPE = (34, 40, 40)
GAPS = (Gap(1, 30, 33), Gap(2, 8, 10))
CALIBRATION = Calibration(half_widths=((0.1, 0.2, 0.3, 0.4, 0.5, 0.6),), sigma_per_scale=((3.0,),))


@pytest.fixture
def scan(rng: np.random.Generator) -> Scan:
    """A fringed peak with noise, and a cross of gaps."""
    z, y, x = np.meshgrid(*[np.arange(n) - n / 2 for n in SHAPE], indexing="ij")
    peak = 3000 / (1 + 0.02 * (z**2 + y**2 + x**2)) ** 1.5
    counts = rng.poisson(peak * (1.2 + np.cos(0.9 * (y + x - z)))).astype(np.int32)
    gap = gap_mask(GAPS, SHAPE)
    counts[gap] = 0
    return Scan(counts, gap)


@pytest.fixture
def given(scan: Scan) -> Lesson:
    return lesson(scan, "peak.cxi")


@pytest.fixture
def model() -> Model:
    """A tiny network whose every guess is 3 % of a unit too high, a quarter in natural logarithms.

    So there is something to learn in very few steps.
    """
    torch.manual_seed(0)
    network = GapUNet(NetworkConfig(channels=(8, 8), dilations=((1, 1), (1, 2))))
    with torch.no_grad():
        network.head.bias[0] = 0.03
    return Model(network.eval(), "tiny", "0" * 64, CALIBRATION)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few slabs and patches, and a rate that a tiny network takes."""
    for name, value in (("SLABS", 1), ("HELD_OUT_SLABS", 1), ("HELD_OUT_PATCHES", 4)):
        monkeypatch.setattr(finetuning, name, value)
    monkeypatch.setattr(finetuning, "LEARNING_RATE", 1e-2)


def state(network: GapUNet) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def test_a_fault_is_unlearned_and_the_model_given_stays(given: Lesson, model: Model) -> None:
    before, said = state(model.network), []
    result = finetune([given], model, steps=15, device="cpu", say=said.append)
    assert result.improved
    assert result.after.mse_log < 0.8 * result.before.mse_log
    assert result.after.poisson_deviance < result.before.poisson_deviance
    assert same(before, state(model.network))
    assert not same(before, state(result.network))
    assert result.before.n_voxels == result.after.n_voxels > 100
    assert f"held out, before: {result.before}" in said
    assert said[-1] == "kept: the adapted weights"


def test_what_did_not_get_better_stays_as_it_was(
    given: Lesson, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetuning, "count_loss", lambda p, s, t, g: -((p - t)[g] ** 2).mean())
    said: list[str] = []
    result = finetune([given], model, steps=5, device="cpu", say=said.append)
    assert not result.improved
    assert result.after.mse_log > result.before.mse_log
    assert same(state(model.network), state(result.network))
    assert said[-1] == "not better: the weights stay as they were"


def test_the_same_seed_gives_the_same_and_another_something_else(
    given: Lesson, model: Model
) -> None:
    first, again, other = (
        finetune([given], model, steps=3, seed=seed, device="cpu") for seed in (4, 4, 5)
    )
    assert (first.before, first.after) == (again.before, again.after)
    assert same(state(first.network), state(again.network))
    assert first.before != other.before


def test_held_out_counts_change_scores_but_no_weights(
    given: Lesson, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it is chosen, no count of the held-out part has a way into the weights."""
    original = finetuning.brightest_part
    results = []
    for is_changed in (False, True):

        def part_of(*arguments, is_changed=is_changed):  # type: ignore[no-untyped-def]
            part = original(*arguments)
            where = part.held_out & ~part.unknown
            shuffled = part.log_counts.copy()
            shuffled[where] = np.random.default_rng(0).permutation(shuffled[where])
            return replace(part, log_counts=shuffled) if is_changed else part

        monkeypatch.setattr(finetuning, "brightest_part", part_of)
        monkeypatch.setattr(HeldOut, "beats", lambda *_: True)
        results.append(finetune([given], model, steps=2, device="cpu"))
    assert same(state(results[0].network), state(results[1].network))
    assert results[0].before != results[1].before


def test_the_file_tells_how_it_was_made_and_keeps_the_calibration(
    tmp_path: Path, given: Lesson, model: Model
) -> None:
    result = finetune([given], model, steps=2, seed=7, device="cpu")
    path = tmp_path / "adapted.safetensors"
    write_finetuned(path, result, model)
    loaded = load_weights(path)
    assert loaded.calibration == CALIBRATION
    assert same(state(loaded.network), state(result.network))
    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()["training"])
    assert card["finetuned_on"] == ["peak.cxi"]
    assert card["parent_sha256"] == model.sha256
    assert (card["seed"], card["steps"]) == (7, 2)
    assert card["gaps"] == ["3 rows", "2 cols"]
    assert HeldOut(**card["held_out_before"]) == result.before
    assert HeldOut(**card["held_out_after"]) == result.after
    assert list(tmp_path.iterdir()) == [path]


def test_two_scans_are_both_learned_from_and_judged_on(given: Lesson, model: Model) -> None:
    other = replace(given, name="other.cxi")
    one = finetune([given], model, steps=1, device="cpu")
    two = finetune([given, other], model, steps=1, device="cpu")
    assert two.card["finetuned_on"] == ["peak.cxi", "other.cxi"]
    assert two.before != one.before


def test_progress_counts_to_the_end_and_minutes_stop_earlier(given: Lesson, model: Model) -> None:
    seen: list[tuple[int, int]] = []
    tell = lambda done, total: seen.append((done, total))  # noqa: E731
    finetune([given], model, steps=3, device="cpu", progress=tell)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    stopped = finetune([given], model, steps=10_000, device="cpu", minutes=1e-5)
    assert stopped.steps < 100


def test_better_means_one_score_better_and_none_worse() -> None:
    score = HeldOut(0.2, 3.0, 9)
    assert HeldOut(0.1, 3.0, 9).beats(score)
    assert HeldOut(0.1, 2.0, 9).beats(score)
    assert not score.beats(score)
    assert not HeldOut(0.1, 3.1, 9).beats(score)
    assert not HeldOut(float("nan"), 2.0, 9).beats(score)


def test_the_right_expectation_scores_best(given: Lesson, model: Model) -> None:
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
        plan = finetuning._plan(network, 1, 0, torch.device("cpu"))
        scores[photons] = finetuning.held_out_score(network, [slab], plan, torch.device("cpu"))
    assert scores[1.0].beats(scores[0.8])
    assert scores[1.0].beats(scores[1.25])


# --- what is learned from -------------------------------------------------------------------------


def test_a_lesson_has_the_scans_own_gaps(given: Lesson) -> None:
    assert given.gaps == GAPS
    assert given.kinds == ((1, 3), (2, 2))


def test_widths_may_be_given_and_directions_stay(scan: Scan) -> None:
    assert lesson(scan, "s", widths=(6, 4)).kinds == ((1, 4), (1, 6), (2, 4), (2, 6))
    rows = lesson(scan, "s", gaps=GAPS[:1], widths=(5,))
    assert rows.kinds == ((1, 5),)
    one_way = Scan(np.maximum(scan.counts, 1), gap_mask(GAPS[1:], SHAPE))
    assert lesson(one_way, "s", widths=(5,)).kinds == ((2, 5),)


def test_without_gaps_widths_must_be_given_and_empty_lines_are_no_truth(scan: Scan) -> None:
    counts = np.where(scan.bad_mask, 1, scan.counts)
    counts[:, 20] = 0  # a single dead row: no gap, and no truth
    whole = Scan(counts, np.zeros(SHAPE, dtype=bool))
    with pytest.raises(InputError, match=r"^s: no gap found.*--widths") as error:
        lesson(whole, "s")
    assert "\n" not in str(error.value)
    found = lesson(whole, "s", widths=(3,))
    assert found.kinds == ((1, 3), (2, 3))
    assert found.gaps == (Gap(1, 20, 21),)


def test_a_scan_that_is_too_dark_is_named(model: Model, scan: Scan) -> None:
    dark = np.zeros_like(scan.counts)
    dark[17, 15:20, 15:20] = 2
    with pytest.raises(InputError, match=r"^dark\.cxi: 25 voxels of the scan have counts"):
        finetune([Lesson(Scan(dark, scan.bad_mask), GAPS, ((1, 3),), "dark.cxi")], model)
