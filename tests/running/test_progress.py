import sys

import pytest

from bcdi_inpaint.running import progress
from bcdi_inpaint.running.progress import (
    count_progress,
    progress_bar,
    progress_lines,
    with_progress,
)


def test_a_log_gets_lines_from_time_to_time_and_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 25))  # seconds, at each look
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    assert list(with_progress("abcdefgh", "slabs", 8)) == list("abcdefgh")
    assert capsys.readouterr().err == "slabs: 3 of 8\nslabs: 6 of 8\nslabs: 8 of 8\n"


def test_what_has_no_known_total_is_counted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 40))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with count_progress("scans") as done:
        for _ in range(4):
            done(2)
    assert capsys.readouterr().err == "scans: 4\nscans: 8\n"


def test_a_log_says_how_long_it_takes_still(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    options = {"n_before": 4, "interval_s": 30.0, "says_time_left": True}
    with count_progress("patterns", 10, **options) as advance:
        advance(0)  # too soon
        for _ in range(2):
            now[0] += 29
            advance(1)
        now[0] += 62
        advance(0)
        advance(0)  # too soon for another
        advance(4)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "patterns: 6 of 10, 2 min left",
        "patterns: 6 of 10, 4 min left",
        "patterns: 10 of 10",
    ]


def test_a_terminal_gets_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert list(with_progress(range(5), "slabs", 5)) == list(range(5))
    said = capsys.readouterr().err
    assert "slabs:   0%" in said
    assert "of 5" not in said


def test_work_that_counts_itself_gets_lines_in_a_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress_lines("cycles") as report, progress_bar("patches") as silent:
        for cycle in range(1, 9):
            report(cycle, 10)
            silent(cycle, 10)
            now[0] += 25
        report(10, 10)
        report(10, 10)  # told once
    assert capsys.readouterr().err.splitlines() == [
        "cycles: 4 of 10, 2 min left",
        "cycles: 7 of 10, 1 min left",
        "cycles: 10 of 10",
    ]


def test_no_full_bar_is_left_to_what_follows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked as if the refinement, which comes after the patches, were hung at 100 %."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress_bar("patches") as patches:
        assert capsys.readouterr().err == ""  # nothing to show yet
        patches(4, 4)
        assert capsys.readouterr().err.split("\r")[-2].isspace()  # wiped
        patches(1, 3)  # of something else
        assert "of 4" not in capsys.readouterr().err


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_is_quiet(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert list(with_progress(range(5), "slabs", 5, quiet=True)) == list(range(5))
    assert list(with_progress([], "slabs", 0)) == []
    assert capsys.readouterr().err == ""
