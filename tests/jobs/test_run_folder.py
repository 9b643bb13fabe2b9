"""The folder of the runs: whose it is, and what is done again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.jobs.run_folder import (
    LOCK,
    OUTPUT,
    RECORD,
    begin,
    check_folder,
    is_finished,
    is_half_written,
    open_folder,
    set_aside,
)

JOB = {"input": "scan.cxi", "seed": 0}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "scan_phased.cxi"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Of the runs of that output."""
    return tmp_path / "scan_phased_runs"


def is_new(
    place: Path, record: dict[str, object] = JOB, *, force: bool = False, again: bool = False
) -> bool:
    """Begin the job as `phase` does; whether it was not there."""
    with open_folder(place, record, "scan.cxi", force=force, again=again) as (_, new):
        if new:
            begin(place, record, "")
        return new


def test_stopped_before_the_scan_is_written_the_same_command_begins(place: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        open_folder(place, JOB, "scan.cxi", force=False),
    ):
        raise KeyboardInterrupt
    check_folder(place)
    assert is_new(place, {**JOB, "seed": 1})
    assert not is_new(place, {**JOB, "seed": 1})


def test_stopped_while_runs_are_thrown_away_they_are_no_runs_of_another(place: Path) -> None:
    is_new(place)
    (place / "precious.h5").touch()
    with (
        pytest.raises(KeyboardInterrupt),
        open_folder(place, {**JOB, "seed": 1}, "scan.cxi", force=True),
    ):
        raise KeyboardInterrupt
    check_folder(place)
    assert is_new(place)
    assert (place / "precious.h5").exists()


@pytest.mark.parametrize(
    ("names", "ours"),
    [((), True), ((LOCK,), True), ((LOCK, OUTPUT), True), ((OUTPUT,), False), (("a",), False)],
)
def test_a_folder_is_ours_or_refused(place: Path, names: tuple[str, ...], ours: bool) -> None:
    place.mkdir()
    for name in names:
        (place / name).touch()
    if ours:
        check_folder(place)
        return
    with pytest.raises(InputError, match="exists and is no folder of runs"):
        check_folder(place)


def test_how_far_a_job_is(place: Path, output: Path) -> None:
    assert not is_half_written(output)
    with open_folder(place, JOB, "scan.cxi", force=False) as (folder, _):
        begin(place, JOB, "")
        assert not is_half_written(output)
        folder.write()
        assert is_half_written(output)
        folder.finish()
    assert is_finished(output)
    assert not is_half_written(output)
    assert not is_new(place)
    assert not is_new(place, force=True, again=True)
    set_aside(output)
    assert is_new(place, force=True, again=True)
    assert not is_new(place, force=True)  # it is not finished
    with pytest.raises(InputError, match="holds runs of another seed"):
        is_new(place, {**JOB, "seed": 1})


def test_a_record_of_before_says_nothing_of_files(place: Path) -> None:
    files = {"m.npz": "1"}
    is_new(place)
    assert not is_new(place, {**JOB, "file": files})
    (place / RECORD).write_text(json.dumps({**JOB, "file": files}))
    assert not is_new(place, {**JOB, "file": files})
    with pytest.raises(InputError, match="holds runs of another file"):
        is_new(place, {**JOB, "file": {"m.npz": "2"}})
