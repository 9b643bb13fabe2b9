"""Whatever is found about a scan is said: on stderr, in JSON, in the report, in the output."""

from __future__ import annotations

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result
from small_network import tiny_network

from bcdi_inpaint.checks.gap_search import find_gaps
from bcdi_inpaint.checks.numbers import Prepared
from bcdi_inpaint.cli import main
from bcdi_inpaint.files import read_provenance, read_scan, write_scan
from bcdi_inpaint.gaps.finding import find_with
from bcdi_inpaint.gaps.gap_finding import GapFinding, GapOptions
from bcdi_inpaint.jobs import batch, batch_report, scan_gaps
from bcdi_inpaint.jobs.open_in_photons import open_in_photons
from bcdi_inpaint.jobs.outcome import Outcome
from bcdi_inpaint.jobs.provenance import read_remarks
from bcdi_inpaint.jobs.request import Request
from bcdi_inpaint.network.weights import save_weights
from bcdi_inpaint.scan.remarks import Remark
from bcdi_inpaint.scan.scan import Measured

SHAPE = (6, 40, 36)
OF_SCAN = Remark("choice", "read mpx1x4 of 2 detectors; --detector says which")
OF_GAPS = Remark("empty-frames", "frames 2:3 hold no count: masked")
LINES = [f"note: {OF_SCAN}", f"note: {OF_GAPS}"]


@pytest.fixture
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_weights(path, tiny_network(), {})
    return str(path)


@pytest.fixture
def scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scan about whose reading and gaps there is something to say."""

    def remarkable(request: Request) -> Prepared:
        opened = open_in_photons(request)
        return replace(opened, scan=replace(read_scan(request.scan), remarks=(OF_SCAN, OF_SCAN)))

    def found(scan: Measured, *arguments: object) -> GapFinding:
        return replace(find_with(scan, GapOptions()), remarks=(OF_SCAN, OF_GAPS))

    monkeypatch.setattr(scan_gaps, "open_in_photons", remarkable)
    monkeypatch.setattr(scan_gaps, "find_with_wide_pixels", found)
    monkeypatch.setattr(batch, "open_executor", lambda *_: ThreadPoolExecutor(1))
    counts = np.full(SHAPE, 300, dtype=np.uint16)
    counts[:, 16:22] = 0
    write_scan(tmp_path / "a.cxi", counts, counts == 0)
    return tmp_path / "a.cxi"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["predict", *map(str, arguments)])


def as_told(*remarks: Remark) -> list[dict[str, str]]:
    return [{"kind": remark.kind, "text": remark.text} for remark in remarks]


@pytest.mark.parametrize("option", [(), ("-q",), ("--json",), ("--dry-run",)])
def test_one_scan_each_remark_is_one_line_on_stderr(
    scan: Path, model: str, option: tuple[str, ...]
) -> None:
    result = run(scan, "--model", model, *option)
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines() == LINES
    assert not set(LINES) & set(result.stdout.splitlines())


@pytest.mark.parametrize("option", [(), ("--dry-run",)])
def test_remarks_as_json(scan: Path, model: str, option: tuple[str, ...]) -> None:
    told = json.loads(run(scan, "--model", model, "--json", *option).stdout)
    assert told["remarks"] == as_told(OF_SCAN, OF_GAPS)


def test_a_refused_scan_says_what_is_known(
    scan: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_gaps, "find_with_wide_pixels", find_with)
    write_scan(scan, np.ones(SHAPE, np.uint16), force=True)
    result = run(scan, "--model", model, "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["status"]) == (2, "failed")
    assert told["remarks"] == as_told(OF_SCAN)
    assert result.stderr.splitlines()[0] == LINES[0]


@pytest.mark.parametrize("form", ["cxi", "npz", "tiff"])
def test_the_output_keeps_them(scan: Path, model: str, form: str) -> None:
    told = json.loads(run(scan, "--model", model, "--format", form, "--json").stdout)
    output = Path(told["output"])
    assert [remark.kind for remark in read_remarks(read_provenance(output))] == [
        "choice",
        "empty-frames",
    ]
    if form == "cxi":
        with h5py.File(output) as file:
            configuration = file["entry_1/data_1/process_1/configuration"]
            stored = configuration["inpaint_remarks"][()].decode()
        assert stored == (
            "read mpx1x4 of 2 detectors, --detector says which; frames 2:3 hold no count: masked"
        )


@pytest.mark.parametrize("options", [(), ("-q",), ("--json",)])
def test_many_scans_each_is_named(scan: Path, model: str, options: tuple[str, ...]) -> None:
    result = run(scan.parent, "--model", model, *options)
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines() == [f"note: {scan}: {r}" for r in (OF_SCAN, OF_GAPS)]
    with open(scan.with_name(batch_report.REPORT), newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row["remarks"].count("; ") == 1
    assert row["remarks"].endswith(OF_GAPS.text)
    assert options or ", 2 notes" in result.stdout
    again = run(scan.parent, "--model", model, *options)  # what is done is not read again
    assert again.exit_code == 0
    assert len(again.stderr.splitlines()) == 2
    assert options or "was done, 2 notes" in again.stdout


def test_a_report_of_an_older_version_is_ours(tmp_path: Path) -> None:
    columns = list(Outcome.__dataclass_fields__)
    (tmp_path / "old.csv").write_text(",".join(columns[:11]) + "\n")
    batch_report.write_report(tmp_path / "old.csv", [])
    assert (tmp_path / "old.csv").read_text() == ",".join(columns) + "\n"


def test_scans_and_gaps_show_them(scan: Path) -> None:
    read = scan_gaps.open_in_photons(Request(str(scan))).scan
    assert repr(read).endswith("% masked, 2 remarks")
    assert repr(replace(find_gaps(read), remarks=(OF_GAPS,))).splitlines()[1] == LINES[1]


def test_a_mask_that_is_used_as_a_gap_mask_is_not_called_unused(tmp_path: Path) -> None:
    counts = np.full(SHAPE, 300, dtype=np.uint16)
    counts[:, 16:22] = 0
    np.save(tmp_path / "s.npy", counts)
    np.save(tmp_path / "s_mask.npy", counts == 0)
    bare = run(tmp_path / "s.npy", "--dry-run")
    assert "s_mask.npy" in bare.stderr
    used = run(tmp_path / "s.npy", "--gap-mask", tmp_path / "s_mask.npy", "--dry-run")
    assert used.exit_code == 0
    assert "s_mask.npy" not in used.stderr
