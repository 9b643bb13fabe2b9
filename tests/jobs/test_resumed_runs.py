"""A command that is stopped: what is done stays, and the same command does the rest."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest

from bcdi_inpaint.files import write_scan
from bcdi_inpaint.jobs import resumed_runs
from bcdi_inpaint.jobs.pynx_runner import run_pynx
from bcdi_inpaint.jobs.resumed_runs import ResumesRuns, RunNotes, fingerprint

COMMAND = ("--data", "scan.cxi", "--nb_run", "4", "--nb_raar", "6", "--nb_er", "2")
FREE = "entry_1/image_1/process_1/configuration/free_pixel_mask"


def results(folder: Path) -> list[Path]:
    return sorted(folder.glob("*_Run*.cxi"))


def test_a_command_is_known_by_its_parameters_and_files(tmp_path: Path) -> None:
    data = tmp_path / "scan.npz"
    data.write_bytes(b"1")
    params = {"data": str(data), "mask": [str(data)], "nb_run": 20}
    known = fingerprint(params)
    assert fingerprint(dict(params)) == known
    assert fingerprint({**params, "nb_run": 21}) != known
    data.write_bytes(b"22")
    assert fingerprint(params) != known


def test_a_fill_beside_the_data_makes_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No parameter names it. One in the data's own file is known with the data."""
    monkeypatch.chdir(tmp_path)
    fill, bad = tmp_path / "s_inpainted.cxi", np.zeros(1, bool)

    class Loaded:
        def load_data(self) -> None:
            pass

    class Scan(ResumesRuns, Loaded):  # type: ignore[misc]
        params = {"nb_run": 2, "save": "final", "data": "s.npz"}  # noqa: RUF012
        command = "0" * 16

    def notes(written: str, bad: np.ndarray | None) -> Path:
        fill.write_text(written)
        scan = Scan.__new__(Scan)
        scan.notes, scan.scans, scan.found = [], [], SimpleNamespace(path=fill, bad=bad)
        scan.load_data()
        return scan.notes[0].path

    assert notes("old", bad) != notes("newer", bad)
    assert notes("old", None) == notes("newer", None)


def test_notes_are_of_results_that_are_there(tmp_path: Path) -> None:
    notes = RunNotes(tmp_path / ".bcdi-inpaint-runs-a-0.jsonl", 3)
    beside = RunNotes(tmp_path / ".bcdi-inpaint-runs-a-1.jsonl", 3)
    files = [tmp_path / f"{number}.cxi" for number in range(3)]
    for file in files:
        file.touch()
    notes.add(1, {"file_name": str(files[0]), "llk": np.float32(0.5)})
    beside.add(2, {"file_name": str(files[1])})
    with notes.path.open("a") as opened:
        opened.write('[3, {"file_na')  # stopped while it was written
    assert notes.done() == beside.done()
    assert set(notes.done()) == {1, 2}
    assert notes.done()[1]["llk"] == 0.5
    files[0].unlink()
    assert set(notes.done()) == {2}


def test_runs_that_were_not_kept_are_done_when_all_were(tmp_path: Path) -> None:
    notes = RunNotes(tmp_path / ".bcdi-inpaint-runs-a-0.jsonl", 2)
    for number in (1, 2):
        notes.add(number, {"file_name": str(tmp_path / f"{number}.cxi")})
    assert not notes.done()  # all results were moved away: begin anew
    (tmp_path / "2.cxi").touch()
    assert set(notes.done()) == {1, 2}
    notes.remove()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.usefixtures("pynx")
def test_the_same_command_does_the_rest(
    tmp_path: Path,
    counts: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    middle = counts[8:40, 8:40, 8:40].astype(np.float32)
    write_scan(tmp_path / "scan.cxi", middle, np.zeros(middle.shape, bool))
    real = ResumesRuns.run

    def stopped(self: Any, file_name: str | None = None, run_n: int = 1) -> None:
        if run_n == 3:
            raise KeyboardInterrupt
        real(self, file_name, run_n)

    with monkeypatch.context() as patch:
        patch.setattr(resumed_runs.ResumesRuns, "run", stopped)
        with pytest.raises(KeyboardInterrupt, match="2 runs done and kept"):
            run_pynx("pynx-cdi-id01", [*COMMAND, "--nb_run_keep", "3"])
    before = {file.name: file.stat().st_mtime_ns for file in results(tmp_path)}
    assert len(before) == 2
    run_pynx("pynx-cdi-id01", [*COMMAND, "--nb_run_keep", "3"])
    assert "2 of 4 runs were done before" in capsys.readouterr().out
    after = results(tmp_path)
    assert len(after) == 3  # the best of all four
    assert all(before.get(f.name, f.stat().st_mtime_ns) == f.stat().st_mtime_ns for f in after)
    free = []
    for file in after:
        with h5py.File(file) as opened:
            free.append(opened[FREE][()])
    assert free[0].any()
    assert all(np.array_equal(free[0], other) for other in free)
    assert not [file for file in tmp_path.glob(".*")]


@pytest.mark.usefixtures("pynx")
def test_a_command_that_writes_npz_has_the_same_free_voxels_after_a_stop(
    tmp_path: Path, counts: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    middle = counts[12:36, 12:36, 12:36].astype(np.float32)
    write_scan(tmp_path / "scan.cxi", middle, np.zeros(middle.shape, bool))
    real, free = ResumesRuns.run, list[np.ndarray]()

    def stopped(self: Any, file_name: str | None = None, run_n: int = 1) -> None:
        if run_n == 2 and not free[1:]:
            free.append(free[0])
            raise KeyboardInterrupt
        real(self, file_name, run_n)
        free.append(self.cdi.get_free_pixel_mask().copy())

    monkeypatch.setattr(resumed_runs.ResumesRuns, "run", stopped)
    short = ("--data", "scan.cxi", "--nb_run", "2", "--nb_raar", "3", "--nb_er", "2")
    arguments = [*short, "--output_format", "npz"]
    with pytest.raises(KeyboardInterrupt, match="1 run done and kept"):
        run_pynx("pynx-cdi-id01", arguments)
    run_pynx("pynx-cdi-id01", arguments)
    assert free[0].any()
    np.testing.assert_array_equal(free[-1], free[0])


@pytest.mark.parametrize("of_file", [True, False])
def test_processes_draw_the_same_free_voxels_where_no_file_says_which(
    monkeypatch: pytest.MonkeyPatch, of_file: bool
) -> None:
    calls: list[str] = []

    class OfFile:
        def unseen(self, shape: tuple[int, ...]) -> np.ndarray | None:
            return np.ones(shape, bool) if of_file else None

        def _init_free_pixel_mask(self, iobs: np.ndarray) -> None:
            calls.append("of the file")

    class Scan(ResumesRuns, OfFile):  # type: ignore[misc]
        params = {"free_pixel_mask": None, "mpi": "run"}  # noqa: RUF012
        command = "0" * 16
        cdi = None
        _done: dict[int, dict[str, Any]] = {}  # noqa: RUF012

    monkeypatch.setattr(resumed_runs, "all_processes", object)
    monkeypatch.setattr(resumed_runs, "set_free_voxels", lambda *_: calls.append("drawn"))
    Scan._init_free_pixel_mask(Scan.__new__(Scan), np.zeros((16, 16, 16)))
    assert calls == ["of the file" if of_file else "drawn"]
