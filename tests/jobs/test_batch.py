"""Many scans: all that can be filled are, once; the others are named; a kill costs nothing."""

from __future__ import annotations

import csv
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from operator import itemgetter
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result
from processes import Template, cluster
from small_network import tiny_network

from bcdi_inpaint.cli import main
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import read_provenance, read_scan, write_scan
from bcdi_inpaint.jobs import batch, batch_report
from bcdi_inpaint.jobs.outcome import FILLED, Outcome, failure_outcome
from bcdi_inpaint.jobs.request import Request, job_sha256
from bcdi_inpaint.network.weights import save_weights

SHAPE = (6, 40, 36)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Weights of a tiny untrained network: quick, and linear interpolation."""
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_weights(path, tiny_network(), {})
    return str(path)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No processes are started, which takes seconds: who does the work plays no role."""
    monkeypatch.setattr(batch, "open_executor", lambda *_: ThreadPoolExecutor(1))


def flat(level: int) -> np.ndarray:
    """Every right fill of it is `level`."""
    counts = np.full(SHAPE, level, dtype=np.uint16)
    counts[:, 16:22] = 0
    return counts


def write(path: Path, level: int) -> Path:
    write_scan(path, flat(level), flat(level) == 0)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["predict", *map(str, arguments)])


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three scans, one of which cannot be filled, and what a glob catches besides."""
    for name, level in (("a", 100), ("b", 200)):
        write(tmp_path / f"{name}.cxi", level)
    (tmp_path / "broken.cxi").write_bytes(b"no scan")
    return tmp_path


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("way", ["files", "folder", "list"])
def test_all_that_can_be_filled_are_and_the_others_named(
    folder: Path, model: str, way: str
) -> None:
    names = [str(folder / f"{name}.cxi") for name in ("a", "broken", "b")]
    (folder / "list.txt").write_text("# tonight\n" + "\n".join(names) + "\n\n")
    arguments = {"files": names, "folder": [folder], "list": [f"@{folder / 'list.txt'}"]}[way]
    result = run(*arguments, "--model", model)
    assert result.exit_code == 1, result.output
    for name, level in (("a", 100), ("b", 200)):
        filled = read_scan(folder / f"{name}_inpainted.cxi").counts
        np.testing.assert_allclose(filled, level, rtol=1e-3)
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert "broken.cxi: failed" in lines[0]
    assert "not HDF5" in lines[0]
    report = {Path(row["scan"]).stem: row for row in rows(folder / batch_report.REPORT)}
    assert {name: row["status"] for name, row in report.items()} == {
        "a": "filled",
        "b": "filled",
        "broken": "failed",
    }
    assert report["a"]["gaps"] == "rows 16:22"
    assert report["a"]["filled_voxels"] == str(6 * 6 * 36)
    assert "not HDF5" in report["broken"]["reason"]


@pytest.mark.usefixtures("in_this_process")
def test_what_is_done_is_left_and_what_has_changed_is_refused(folder: Path, model: str) -> None:
    (folder / "broken.cxi").unlink()
    assert run(folder, "--model", model).exit_code == 0
    before = {p: p.stat().st_mtime_ns for p in folder.glob("*_inpainted.cxi")}
    result = run(folder, "--model", model)
    assert result.exit_code == 0
    assert result.stdout.count("was done") == 2
    assert {p: p.stat().st_mtime_ns for p in folder.glob("*_inpainted.cxi")} == before
    result = run(folder, "--model", model, "--gap", "rows=16:23")
    assert result.exit_code == 1
    assert result.stderr.count("other input or with other settings") == 2
    (folder / "a.cxi").unlink()
    write(folder / "a.cxi", 101)
    result = run(folder, "--model", model)
    assert (result.exit_code, result.stderr.count("other input")) == (1, 1)
    assert run(folder, "--model", model, "--force").exit_code == 0
    np.testing.assert_allclose(read_scan(folder / "a_inpainted.cxi").counts, 101, rtol=1e-3)
    after = (folder / "b_inpainted.cxi").stat().st_mtime_ns
    assert after == before[folder / "b_inpainted.cxi"]


def test_the_job_is_what_decides_the_output(folder: Path, model: str) -> None:
    """Not where it is written, on which device, or with a picture."""
    request = Request(str(folder / "a.cxi"), model=model)
    job = job_sha256(request)
    for same in ({"force": True}, {"device": "cpu"}, {"plot": True}, {"output": folder / "x"}):
        assert job_sha256(replace(request, **same)) == job  # type: ignore[arg-type]
    np.save(folder / "m.npy", np.zeros(SHAPE))
    differing = (
        {"scan": str(folder / "b.cxi")},
        {"masks": ("invalid",)},
        {"masks": (str(folder / "m.npy"),)},
        {"form": "npz"},
        {"handover": "hard"},
        {"refine": True},
        {"finetune": True},
        {"detector": "maxipix", "roi": (1, 2)},
    )
    jobs = {job_sha256(replace(request, **change)) for change in differing}  # type: ignore[arg-type]
    assert len(jobs | {job}) == 9


@pytest.mark.usefixtures("in_this_process")
def test_scans_of_a_bliss_file(tmp_path: Path, model: str) -> None:
    path = tmp_path / "raw.h5"
    with h5py.File(path, "w") as file:
        for number in (1, 2, 4):
            file[f"{number}.1/measurement/mpx1x4"] = flat(100 * number)
            file[f"{number}.1/instrument/mpx1x4/pixel_mask"] = flat(1)[0] == 0
    (tmp_path / "out").mkdir()
    arguments = (path, "--scans", "2-9", "--model", model, "-o", tmp_path / "out", "--jobs", "1")
    assert run(*arguments).exit_code == 0
    for number in (2, 4):
        output = tmp_path / "out" / f"raw_S{number}_inpainted.cxi"
        np.testing.assert_allclose(read_scan(output).counts, 100 * number, rtol=1e-3)
        assert read_provenance(output)["input_path"] == f"{number}.1/measurement/mpx1x4"
    with h5py.File(path, "a") as file:  # the night goes on
        file["5.1/measurement/mpx1x4"] = flat(500)
        file["5.1/instrument/mpx1x4/pixel_mask"] = flat(1)[0] == 0
    result = run(*arguments)
    assert result.exit_code == 0
    assert result.stdout.count("was done") == 2
    assert result.stdout.count("filled 1296 voxels") == 1


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("form", ["npz", "tiff"])
def test_outputs_in_other_formats_are_known_again(folder: Path, model: str, form: str) -> None:
    (folder / "broken.cxi").unlink()
    for _ in range(2):
        result = run(folder, "--model", model, "--format", form)
        assert result.exit_code == 0, result.output
    assert result.stdout.count("was done") == 2
    assert "4 files are outputs" in result.stdout


@pytest.mark.usefixtures("in_this_process")
def test_two_scans_that_would_share_an_output(folder: Path, model: str) -> None:
    np.savez(folder / "a.npz", data=flat(7), mask=flat(7) == 0)
    result = run(folder / "a.cxi", folder / "a.npz", "--model", model)
    assert result.exit_code == 1
    assert "a_inpainted.cxi is that of" in result.stderr
    np.testing.assert_allclose(read_scan(folder / "a_inpainted.cxi").counts, 100, rtol=1e-3)


def test_what_concerns_all_is_told_before_any_work(folder: Path, model: str) -> None:
    (folder / "mine.csv").write_text("precious\n")
    cases = (
        ([folder, "--report", folder / "mine.csv"], "none of ours"),
        ([folder, "-o", folder / "mine.csv"], "is a file, expected a folder"),
        (["@absent.txt", folder], "absent.txt"),
        ([folder, "--jobs", "2", "--scheduler", "tcp://x:1"], "choose"),
        ([folder / "a.cxi", "--jobs", "2"], "many"),
        ([folder / "a.cxi", "--scans", "1"], "no scan 1"),
    )
    for arguments, said in cases:
        result = run(*arguments, "--model", model)
        assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1), result.output
        assert said in result.stderr
    assert not list(folder.glob("*_inpainted.cxi"))
    assert (folder / "mine.csv").read_text() == "precious\n"


def test_a_second_run_after_a_kill_does_the_rest(
    tmp_path: Path, model: str, template: Template, request: pytest.FixtureRequest
) -> None:
    n, night = 6, tmp_path / "night"
    night.mkdir()
    for i in range(n):
        write(night / f"s{i}.cxi", 50 + i)
    with template.running(tmp_path, ["predict", night, "--model", model]) as process:
        while "[1/6]" not in process.output:
            is_at_work = process.wait(0.02) is None
            assert is_at_work or "[1/6]" in process.output, process.errors
    # It is killed where it leaves the context.
    kept = {p: p.stat().st_mtime_ns for p in night.glob("*_inpainted.cxi")}
    assert 1 <= len(kept) <= n
    (night / f".bcdi-inpaint-{os.uname().nodename}-999999999-{'0' * 32}.part").touch()
    request.getfixturevalue("in_this_process")
    result = run(night, "--model", model)
    assert result.exit_code == 0, result.output
    for i in range(n):
        filled = read_scan(night / f"s{i}_inpainted.cxi").counts
        np.testing.assert_allclose(filled, 50 + i, rtol=1e-3)
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    assert not list(night.glob(".bcdi-inpaint*"))


def test_a_worker_that_dies_costs_its_own_scan_alone(
    folder: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = batch.requests(Request("", model=model), [str(folder / "a.cxi"), "die", "b.cxi"])
    monkeypatch.chdir(folder)
    monkeypatch.setattr(batch, "fill_one", dying)
    outcomes = batch.run_batch(wanted)
    assert [outcome.status for outcome in outcomes] == ["filled", "failed", "filled"]
    assert "exit code 9" in outcomes[1].reason


def dying(request: Request) -> Outcome:
    """A stand-in for `fill_one` that crashes as C code does."""
    if request.scan == "die":
        os._exit(9)
    return Outcome(request.scan, str(request.output), FILLED)


def test_a_cluster_does_the_same(folder: Path, model: str) -> None:
    """With a scheduler and a worker in another process, as on a cluster."""
    pytest.importorskip("distributed")
    names = [folder / f"{name}.cxi" for name in ("a", "b", "broken")]
    with cluster(folder) as address:
        result = run(*names, "--model", model, "--scheduler", address)
    assert result.exit_code == 1, result.output
    np.testing.assert_allclose(read_scan(folder / "b_inpainted.cxi").counts, 200, rtol=1e-3)
    assert "not HDF5" in result.stderr


def test_a_cluster_is_told_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec = "raw.h5:/3.1/measurement/mpx1x4"
    told = batch._absolute(Request(spec, masks=("invalid", "m.npy"), model="w.safetensors"))
    here = Path.cwd()
    assert told.scan == f"{here}/{spec}"
    assert told.output == here / "raw_S3_inpainted.cxi"
    assert told.masks == ("invalid", f"{here}/m.npy")
    assert told.model == f"{here}/w.safetensors"
    assert batch._absolute(Request("a.cxi")).model == "default"


def test_a_folder_without_scans(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert (result.exit_code, "holds no scan" in result.stderr) == (2, True)


@pytest.mark.usefixtures("in_this_process")
def test_the_folder_of_the_outputs_is_made(folder: Path, model: str) -> None:
    (folder / "broken.cxi").unlink()
    new = folder / "filled" / "tonight"
    assert run(folder, "--model", model, "-o", f"{new}/").exit_code == 0
    assert {path.name for path in new.iterdir()} == {
        "a_inpainted.cxi",
        "b_inpainted.cxi",
        batch_report.REPORT,
    }
    result = run(folder, "--model", model, "-o", new / "a_inpainted.cxi")
    assert (result.exit_code, "is a file, expected a folder" in result.stderr) == (2, True)


@pytest.mark.usefixtures("in_this_process")
def test_a_batch_once_more_keeps_what_its_report_knew(folder: Path, model: str) -> None:
    """Seconds and shape are in no output: they were blank after the second run."""
    (folder / "broken.cxi").unlink()
    assert run(folder, "--model", model).exit_code == 0
    before = rows(folder / batch_report.REPORT)
    assert run(folder, "--model", model).exit_code == 0
    again = rows(folder / batch_report.REPORT)
    assert [row.pop("status") for row in before] == ["filled"] * 2
    assert [row.pop("status") for row in again] == ["there"] * 2
    key = itemgetter("scan")
    assert sorted(before, key=key) == sorted(again, key=key)
    assert all(row[name] for row in again for name in ("seconds", "shape", "advice", "verdict"))


@pytest.mark.usefixtures("in_this_process")
def test_a_run_that_is_stopped_keeps_the_rows_of_the_one_before(
    folder: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "broken.cxi").unlink()
    assert run(folder, "--model", model).exit_code == 0
    before = (folder / batch_report.REPORT).read_text()

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "run_batch", stopped)
    assert run(folder, "--model", model).exit_code == 130
    assert (folder / batch_report.REPORT).read_text() == before


@pytest.mark.usefixtures("in_this_process")
def test_without_the_earlier_report_the_output_tells(folder: Path, model: str) -> None:
    (folder / "broken.cxi").unlink()
    assert run(folder, "--model", model).exit_code == 0
    before = json.loads(run(folder, "--model", model, "--json").stdout.splitlines()[0])
    (folder / batch_report.REPORT).unlink()
    assert run(folder, "--model", model).exit_code == 0
    (row, _) = sorted(rows(folder / batch_report.REPORT), key=itemgetter("scan"))
    assert row["handover"] == before["handover"] == "mask"
    assert row["advice"] == before["advice"] != ""
    assert float(row["sigma"]) == pytest.approx(before["sigma"])
    assert row["gaps_found"] != ""


def test_one_scan_is_written_under_the_file_that_is_named(tmp_path: Path) -> None:
    template = Request("", output=tmp_path / "out.cxi")
    assert batch.requests(template, ["a.h5:/1.1"])[0].output == tmp_path / "out.cxi"
    for name in ("out.cxi", "out.NPZ", "out.tif"):
        with pytest.raises(InputError, match="is the name of a file, expected a folder"):
            batch.requests(replace(template, output=tmp_path / name), ["a.cxi", "b.cxi"])


def test_a_name_that_is_no_utf8_gets_its_row(tmp_path: Path) -> None:
    scan = "caf\udce9.cxi"
    outcome = failure_outcome(Request(scan, output=tmp_path / scan), "no gap found")
    batch_report.write_report(tmp_path / "night.csv", [outcome])
    assert "caf\\udce9.cxi" in (tmp_path / "night.csv").read_text(encoding="utf-8")
