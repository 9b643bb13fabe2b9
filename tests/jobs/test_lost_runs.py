"""A command all of whose runs lose the support has failed, and says why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import write_scan
from bcdi_inpaint.jobs.pynx_runner import run_pynx

EMPTY = ("--support_threshold", "90", "--support_update_period", "2", "--nb_raar", "4")


@pytest.mark.usefixtures("pynx")
@pytest.mark.parametrize("runs", ["1", "2"])
def test_when_no_run_ends_it_is_one_line(
    tmp_path: Path, counts: np.ndarray, monkeypatch: pytest.MonkeyPatch, runs: str
) -> None:
    """PyNX itself ends well after one lost run, and in an error of its own after two."""
    monkeypatch.chdir(tmp_path)
    middle = counts[12:36, 12:36, 12:36].astype(np.float32)
    write_scan(tmp_path / "scan.cxi", middle, np.zeros(middle.shape, bool))
    with pytest.raises(
        InputError, match=r"every run lost its support .*--support_threshold"
    ) as one:
        run_pynx("pynx-cdi-id01", ["--data", "scan.cxi", "--nb_run", runs, "--nb_er", "2", *EMPTY])
    assert "\n" not in str(one.value)
    assert [path.name for path in tmp_path.iterdir()] == ["scan.cxi"]
