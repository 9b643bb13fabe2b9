"""`bcdi-inpaint phase`: options, output, statuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from bcdi_inpaint.cli import main
from bcdi_inpaint.files import write_scan
from bcdi_inpaint.jobs import phase as phasing
from bcdi_inpaint.jobs import phasing_job

QUICK = ("--runs", "2", "--cycles", "2,6,4", "--crop", "32")


@pytest.fixture
def scan(tmp_path: Path, counts: np.ndarray) -> Path:
    write_scan(tmp_path / "scan.cxi", counts)
    return tmp_path / "scan.cxi"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["phase", *map(str, arguments)])


def test_it_tells_its_runs_and_leaves_them(pynx: str, scan: Path) -> None:
    result = run(scan, *QUICK)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines[4:9]] == [
        "run 1 of 2",
        "run 2 of 2",
        "no light beside the gap to compare the reconstruction's with",
        "best",
        "picture",
    ]
    assert lines[-1] == str(scan.parent / "scan_phased_runs")
    names = sorted(path.name for path in scan.parent.iterdir())
    assert names == ["scan.cxi", "scan_phased.cxi", "scan_phased.png", "scan_phased_runs"]


def test_quiet_leaves_the_folder_alone(
    pynx: str, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(scan.parent)
    result = run("scan.cxi", *QUICK, "-q", "-o", "new/r.cxi")
    assert result.exit_code == 0
    assert result.stdout == "new/r_runs\n"
    assert (scan.parent / "new" / "r.cxi").exists()


def test_what_is_refused_leaves_no_folder(scan: Path) -> None:
    result = run(scan, *QUICK, "--handover", "prior", "-o", scan.parent / "new" / "r.cxi")
    assert result.exit_code == 2
    assert not (scan.parent / "new").exists()


def test_options_reach_the_request(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[phasing.Request] = []

    def stop(request: phasing.Request, **_: Any) -> None:
        seen.append(request)
        raise KeyboardInterrupt

    monkeypatch.setattr(phasing, "phase", stop)
    run(scan, "--crop", "32", "--seed", "4", "--handover", "staged", "--force")
    run(scan, *QUICK, "--crop", "16,32,48", "--start", "random", "--", "--psf", "gaussian,1,5")
    first, second = seen
    assert (first.crop, first.seed, first.handover) == ((32, 32, 32), 4, "staged")
    assert (first.runs, first.cycles, first.force) == (5, (0, 600, 200), True)
    assert (second.crop, second.cycles) == ((16, 32, 48), (2, 6, 4))
    assert second.pynx == ("--psf", "gaussian,1,5")
    assert [request.start for request in seen] == ["found", "random"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cycles", "10,20"], "cycles is '10,20', expected three numbers of at least 0"),
        (["--cycles", "a,b,c"], "for example --cycles 0,600,200"),
        (["--crop", "0"], "crop is '0', expected three numbers of at least 2"),
        (["--handover", "firm"], "--handover"),
        (["--start", "here"], "--start"),
        (["--runs", "0"], "--runs"),
    ],
)
def test_bad_options_are_one_line_and_status_2(
    scan: Path, arguments: list[str], message: str
) -> None:
    result = run(scan, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_ctrl_c_is_status_130_and_no_half_file(
    pynx: str, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(phasing_job, "run_preset", interrupted)
    result = run(scan, *QUICK)
    assert result.exit_code == 130
    assert "0 of 2 runs are in" in result.stderr
    names = sorted(path.name for path in scan.parent.iterdir())
    assert names == ["scan.cxi", "scan_phased_runs"]
