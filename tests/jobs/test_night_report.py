"""`predict --report night.html`: rows of one scan and of many, which stay, and what is refused."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from bcdi_inpaint.cli import main
from bcdi_inpaint.files import write_scan
from bcdi_inpaint.jobs import batch
from bcdi_inpaint.jobs.night_report import NOT_AGAIN, night_row
from bcdi_inpaint.jobs.outcome import Outcome
from bcdi_inpaint.pages.night import rows_of
from bcdi_inpaint.pages.night_row import NightRow

SHAPE = (6, 40, 36)


def write(path: Path, level: int) -> None:
    counts = np.full(SHAPE, level, dtype=np.uint16)
    counts[:, 16:22] = 0
    write_scan(path, counts, counts == 0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two scans and a broken one; no processes are started, which takes seconds."""
    monkeypatch.setattr(batch, "open_executor", lambda *_: ThreadPoolExecutor(1))
    for name, level in (("a", 100), ("b", 200)):
        write(tmp_path / f"{name}.cxi", level)
    (tmp_path / "<i>.cxi").write_bytes(b"no scan")
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["predict", "--method", "linear", *map(str, arguments)])


def rows(page: Path) -> dict[str, NightRow]:
    found = rows_of(page.read_text())
    assert found is not None
    return {row.name: row for row in found}


def test_rows_of_a_batch_stay_when_it_is_gone_on_with(folder: Path) -> None:
    page = folder / "night.html"
    result = run(folder, "--report", page)
    assert result.exit_code == 1
    assert f"{folder / 'bcdi-inpaint.csv'}, {page}" in result.stdout
    first = rows(page)
    assert {name: row.status for name, row in first.items()} == {
        "a.cxi": "filled",
        "b.cxi": "filled",
        "<i>.cxi": "failed",
    }
    a = first["a.cxi"]
    assert (a.gaps, a.filled_voxels, a.shape) == ("rows 16:22", 6 * 6 * 36, "6 x 40 x 36")
    assert a.seconds > 0
    assert a.uncertainty is not None
    assert [name for name, _ in a.pictures] == ["before", "after", "sigma"]
    assert "not HDF5" in first["<i>.cxi"].reason
    assert "&lt;i&gt;.cxi" in page.read_text()

    (folder / "<i>.cxi").unlink()  # the night goes on: one scan is new, two were done
    write(folder / "c.cxi", 7)
    assert run(folder, "--report", page).exit_code == 0
    second = rows(page)
    assert second.keys() == first.keys() | {"c.cxi"}
    assert [second[name] for name in first] == list(first.values())

    result = run(folder / "a.cxi", "--report", page)  # alone, and its output is there
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    (warning,) = rows(page)["a.cxi"].warnings
    assert warning.startswith("not filled again: output")
    assert rows(page)["a.cxi"].pictures == a.pictures
    assert run(folder / "a.cxi", "--report", page, "--force").exit_code == 0
    assert rows(page)["a.cxi"].warnings == ()
    assert rows(page).keys() == second.keys()


def test_one_scan_has_a_page_too_also_where_it_fails(folder: Path) -> None:
    page = folder / "one.html"
    assert run(folder / "a.cxi", "--report", page).exit_code == 0
    assert run(folder / "<i>.cxi", "--report", page, "--json").exit_code == 2
    assert [row.status for row in rows(page).values()] == ["filled", "failed"]


def test_what_is_no_page_of_ours_is_refused_before_any_work(folder: Path) -> None:
    page, scan = folder / "mine.html", folder / "a.cxi"
    page.write_text("precious")
    os.symlink(scan, folder / "link.html")
    (folder / "d.html").mkdir()
    cases = (
        ([scan, "--report", page], "none of ours"),
        ([folder, "--report", page], "none of ours"),
        ([scan, "--report", folder / "link.html", "--force"], "is the input"),
        ([scan, "--report", folder / "d.html"], "is a folder"),
        ([scan, "--report", folder / "absent" / "n.html"], "does not exist"),
        ([scan, "--report", folder / "a.csv"], "given for one scan"),
        ([folder, "--report", "a.html", "--report", "b.html"], "one CSV and one .html"),
    )
    for arguments, said in cases:
        result = run(*arguments)
        assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1), result.output
        assert said in result.stderr
    assert page.read_text() == "precious"
    assert not list(folder.glob("*_inpainted.cxi"))
    assert run(scan, "--report", page, "--force").exit_code == 0
    assert list(rows(page)) == ["a.cxi"]


def test_an_output_made_anew_within_the_second_is_no_longer_one_that_was_not(folder: Path) -> None:
    page = folder / "night.html"
    assert run(folder / "a.cxi", "--report", page).exit_code == 0
    assert run(folder / "a.cxi", "--report", page).exit_code == 2
    before = rows(page)["a.cxi"]
    assert before.warnings[0].startswith(NOT_AGAIN)
    made = Outcome(scan=before.scan, output=before.output, status="filled")
    row = night_row(made, {before.key: before})
    assert row.warnings == ()
    assert row.pictures == before.pictures
