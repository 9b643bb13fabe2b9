"""What is said while a training runs, and when its time is over."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from small_training import PLAN, changed, flat, run, waves

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.training.callbacks import PlanLimit
from bcdi_inpaint.training.history import read_history
from bcdi_inpaint.training.plan import LastStepConfig
from bcdi_inpaint.training.plan_time import PlanTime


def test_a_log_gets_a_line_an_epoch_and_quiet_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patterns = waves((30, 30))
    for quiet in (False, True):
        where = tmp_path / str(quiet)
        run(flat(PLAN), patterns, where, quiet=quiet)
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


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_training_whose_loss_is_no_number_ends_and_leaves_no_weights(
    tmp_path: Path, precision: str
) -> None:
    plan = flat(changed(learning_rate=1e30, precision=precision))
    with pytest.raises(InputError, match=r"loss of tiny is nan after 2 steps.*rate below") as error:
        run(plan, waves((30, 30)), tmp_path)
    assert ("precision to 32-true" in str(error.value)) == (precision != "32-true")
    names = {path.name for path in tmp_path.iterdir()}
    assert not {"last.ckpt", "tiny.safetensors"} & names


@pytest.mark.parametrize("clock", ["processor", "wall"])
@pytest.mark.parametrize(("last_step", "seconds"), [(None, 120), (LastStepConfig(share=0.25), 90)])
def test_the_network_ends_when_its_share_of_the_time_is_over(
    last_step: LastStepConfig | None, seconds: int, clock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    name = {"processor": "process_time", "wall": "monotonic"}[clock]
    monkeypatch.setattr(time, name, lambda: now[0])
    plan = changed(minutes=2.0, clock=clock, last_step=last_step)
    limit, module = PlanLimit(plan), SimpleNamespace(time=PlanTime(plan))
    first = SimpleNamespace(broadcast=lambda over: over)
    trainer: Any = SimpleNamespace(global_step=7, should_stop=False, strategy=first)
    now[0] = 2000.0
    module.time.begin()
    for spent in (seconds - 1, seconds):
        now[0] = 2000.0 + spent
        limit.on_train_batch_end(trainer, module)
        assert trainer.should_stop == module.time.is_over == (spent == seconds)


def test_processes_that_train_together_stop_when_the_first_one_does() -> None:
    plan = changed(minutes=60.0)
    limit, module = PlanLimit(plan), SimpleNamespace(time=PlanTime(plan))
    first = SimpleNamespace(broadcast=lambda _: True)
    trainer: Any = SimpleNamespace(global_step=7, should_stop=False, strategy=first)
    limit.on_train_batch_end(trainer, module)
    assert trainer.should_stop
