"""The last step's part of a training: which gaps, for how long, and what comes of it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from small_network import tiny_network
from small_training import PLAN, changed, peak, run

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.training import step_training
from bcdi_inpaint.training.last_step import Case
from bcdi_inpaint.training.plan import LastStepConfig
from bcdi_inpaint.training.step_training import Gaps, Watch, gaps_to_learn_from, gather
from bcdi_inpaint.training.streams import Stream

MODEL = Model(tiny_network(), "tiny", "0" * 64)
FEW = LastStepConfig(patterns=1, widths=(3,), voxels=400, steps=40, batch_size=256)
PATTERNS = np.stack([peak((32, 32, 32)), np.roll(peak((32, 32, 32)), 2, 1)])


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A gap takes ten seconds, the first one thirty, and a step of the optimiser a tenth."""
    found, looked = Clock(), []
    case = Case(np.zeros((1, 11), np.float32), np.zeros(1, np.float32))

    def look_at(*_: object) -> Case:
        found.now += 10 if looked else 30
        looked.append(1)
        return case

    def learn(*_: object, steps: int) -> None:
        found.now += 0.1 * steps

    monkeypatch.setattr(step_training, "look_at", look_at)
    monkeypatch.setattr(step_training, "learn", learn)
    return found


def gaps(number: int, stream: Stream = Stream.LAST_STEP) -> Gaps:
    """So many gaps of three lines."""
    return Gaps(np.repeat(PATTERNS[:1], number, axis=0), number, (3,), stream, 0)


@pytest.mark.parametrize(
    ("seconds", "expected", "steps"),
    [(100.0, 6, 150), (35.15, 1, 40), (1.0, 1, 10), (None, 12, 150)],
)
def test_gaps_are_looked_at_until_learning_has_just_its_time(
    clock: Clock, seconds: float | None, expected: int, steps: int
) -> None:
    """Of 100 s the first takes 30, to try 1.1, all steps 15: five more fit into what is left.

    Where all steps do not fit behind the first, there are as many as do, and some at least.
    """
    settings = FEW.model_copy(update={"steps": 150})
    found = gather(gaps(12), MODEL, settings, Watch(clock, seconds), quiet=True)
    assert len(found.cases) == expected
    assert found.steps == steps
    if seconds == 100.0:
        assert clock.now + 15 <= 100 + seconds < clock.now + 15 + 10


@pytest.mark.parametrize(("quiet", "seconds"), [(False, 35.15), (True, 35.15), (False, None)])
def test_a_step_that_has_too_little_time_says_so(
    clock: Clock, quiet: bool, seconds: float | None, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = FEW.model_copy(update={"steps": 150})
    learned = step_training.train_last_step(
        MODEL, PATTERNS, None, settings, 0, Watch(clock, seconds), quiet=quiet
    )
    said = capsys.readouterr().out
    if seconds is None:
        assert learned.card["steps"] == 150
        assert "seconds" not in learned.card
        assert not said
    else:
        assert learned.card["steps"] == 40
        assert learned.card["seconds"] == pytest.approx(30 + 1.1 + 4)
        assert ("40 of 150 steps, as its 35.1 s of training.minutes allow" in said) != quiet


def test_gaps_are_drawn_from_the_seed_in_an_order_of_their_own() -> None:
    two = FEW.model_copy(update={"patterns": 2, "widths": (3, 5)})
    first, again = ([hidden for hidden, _ in gaps_to_learn_from(PATTERNS, two, 3)] for _ in "ab")
    assert len(first) == gaps_to_learn_from(PATTERNS, two, 3).count == 4
    for one, same in zip(first, again, strict=True):
        assert one is not None
        assert same is not None
        np.testing.assert_array_equal(one.counts, same.counts)
        np.testing.assert_array_equal(one.mask, same.mask)
        assert (one.counts != one.expectation).any()  # there is noise
    masks = [hidden.mask for hidden in first if hidden is not None]
    assert [int(mask.sum()) // 32**2 for mask in masks] == [3, 5, 3, 5]
    rows = [bool(mask.all(axis=(0, 2)).any()) for mask in masks]
    assert rows == [True, False, False, True]  # each width has gaps of both kinds
    (alone,) = [hidden for hidden, _ in gaps_to_learn_from(PATTERNS[:1], FEW, 3)]
    assert alone is not None
    counts = [hidden.counts for hidden in first if hidden is not None]
    assert any(np.array_equal(alone.counts, one) for one in counts)  # of the pattern, not the order
    firsts = {order_of(seed)[0] for seed in range(12)}
    assert len(firsts) == 2


def order_of(seed: int) -> list[int]:
    """The brightest voxel of each pattern, in the order in which they are looked at."""
    two = FEW.model_copy(update={"patterns": 2})
    found = [hidden for hidden, _ in gaps_to_learn_from(PATTERNS, two, seed)]
    return [int(np.argmax(hidden.expectation)) for hidden in found if hidden is not None]


def test_patterns_too_dark_to_fill_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise InputError("too dark")

    monkeypatch.setattr(step_training, "look_at", refuse)
    watch = Watch(Clock(), None)
    assert gather(gaps(2), MODEL, FEW, watch, quiet=True).cases == []
    dark = np.zeros_like(PATTERNS)
    learned = step_training.train_last_step(MODEL, dark, dark, FEW, 0, watch, quiet=True)
    assert learned.step is None
    assert learned.card["gaps"] == 0


def test_a_trained_network_has_a_last_step_that_changes_its_fill(tmp_path: Path) -> None:
    plan = changed(last_step=FEW, calibration_patterns=1)
    path = run(plan, PATTERNS, tmp_path / "with")
    model = load_model(path)
    assert model.last_step is not None
    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()["training"])
    told = card["last_step"]
    assert (told["gaps"], told["voxels"], told["steps"], told["seed"]) == (1, 400, 40, 3)
    assert told["validation_gaps"] == 2
    assert told["rms_log_error_after"] != told["rms_log_error_before"] > 0
    (hidden, _), *_ = gaps_to_learn_from(PATTERNS, FEW, 8)
    assert hidden is not None
    counts = np.where(hidden.mask, 0, hidden.counts)
    with_step, without = (
        inpaint(counts, hidden.mask, each, "cpu", calibrate=False)
        for each in (model, replace(model, last_step=None))
    )
    assert (with_step.counts[hidden.mask] != without.counts[hidden.mask]).mean() > 0.5
    # The intervals are those of the network with its step.
    plain = run(changed(calibration_patterns=1), PATTERNS, tmp_path / "plain")
    network = load_model(plain)
    assert network.last_step is None
    assert torch.equal(network.network.head.weight, model.network.head.weight)
    assert network.calibration != model.calibration


def test_a_run_that_ended_while_gaps_were_looked_at_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = changed(last_step=FEW)
    whole = load_model(run(plan, PATTERNS, tmp_path / "whole"))

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(step_training, "look_at", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(plan, PATTERNS, tmp_path / "parts")
    resumed = load_model(run(plan, PATTERNS, tmp_path / "parts", resume=True))
    assert whole.last_step is not None
    assert resumed.last_step is not None
    for name, tensor in whole.last_step.state_dict().items():
        assert torch.equal(resumed.last_step.state_dict()[name], tensor), name


def test_a_training_stopped_before_its_end_has_no_step_yet(
    slabs: Path, patterns: np.ndarray, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(slabs, tmp_path / "run"))
    path = run(changed(last_step=FEW), patterns, folder, stop_after=2)
    assert load_model(path).last_step is None


def test_gaps_that_have_room_nowhere_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    wide = FEW.model_copy(update={"widths": (24, 28)})
    with pytest.raises(InputError, match=r"widths is \(24, 28\).*give narrower ones") as error:
        run(changed(last_step=wide), PATTERNS, tmp_path / "run")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_in_a_plan_with_a_time_the_step_has_its_share(tmp_path: Path) -> None:
    """Of gaps without end it takes what there is time for, and one at least."""
    endless = FEW.model_copy(
        update={"patterns": 2, "widths": (3,) * 5000, "share": 0.5, "validation_patterns": 0}
    )
    plan = changed(steps=10**6, minutes=0.02, clock="processor", last_step=endless)
    path = run(plan, PATTERNS, tmp_path)
    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()["training"])
    assert 1 <= card["last_step"]["gaps"] < 5000
    assert PLAN.training.last_step is None
