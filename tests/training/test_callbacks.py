"""What is said while a training runs."""

from pathlib import Path

import pytest
from small_training import PLAN, flat, run, waves

from bcdi_inpaint.training.history import read_history


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
