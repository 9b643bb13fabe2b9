"""The trainer: devices that are not there, time, and Ctrl-C."""

import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from small_training import PLAN, changed, run

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.training import module
from bcdi_inpaint.training.history import read_history


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_an_absent_gpu_is_said(tmp_path: Path, patterns: np.ndarray) -> None:
    with pytest.raises(InputError, match="no GPU"):
        run(PLAN, patterns, tmp_path, device="cuda")


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

    monkeypatch.setattr(module, "gap_loss", interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(PLAN, patterns, folder)
    assert signal.getsignal(signal.SIGINT) is before
    assert not (folder / "tiny.safetensors").exists()
