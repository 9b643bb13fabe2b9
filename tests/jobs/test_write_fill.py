"""A fill written from Python is the file that the command writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from small_network import tiny_network

from bcdi_inpaint.api import expected_benefit
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import DETECTOR, read_fill, read_scan, write_scan
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.filling.own_calibration import TOO_DARK
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.jobs.predict import Result, predict
from bcdi_inpaint.jobs.request import Request
from bcdi_inpaint.jobs.write_fill import write_cxi
from bcdi_inpaint.network.weights import save_weights
from bcdi_inpaint.phasing import benefit

GAP = Gap(1, 24, 30)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A cube's pattern with a gap, filled by the command with a tiny network."""
    folder = tmp_path_factory.mktemp("predicted")
    network = tiny_network()
    save_weights(folder / "tiny.safetensors", network, {})
    fringes = np.sinc((np.arange(40) - 20) / 4) ** 2
    counts = (1e6 * fringes[:, None, None] * fringes[:, None] * fringes).astype(np.float32)
    mask = np.zeros(counts.shape, dtype=np.uint16)
    mask[:, GAP.start : GAP.stop] = 512
    mask[3, 4, 5] = 1
    counts[mask != 0] = 0
    write_scan(folder / "cube.cxi", counts, mask)
    return predict(Request(str(folder / "cube.cxi"), model=str(folder / "tiny.safetensors")))


def stored(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an output."""
    with h5py.File(path) as file:
        return {name: node[()] for name, node in file[DETECTOR].items()}


@pytest.mark.parametrize("in_memory", [True, False])
def test_python_writes_what_the_command_does(
    tmp_path: Path, result: Result, in_memory: bool
) -> None:
    scan = read_scan(str(result.scan.source)) if in_memory else result.scan
    fill = result.fill.whole if in_memory else result.fill
    write_cxi(tmp_path / "a.cxi", scan, fill, gaps=result.finding)
    expected, written = stored(result.output), stored(tmp_path / "a.cxi")
    assert set(written) == set(expected) > {"sigma", "lower_bound", "upper_bound", "mask"}
    for name, array in expected.items():
        np.testing.assert_array_equal(written[name], array, err_msg=name)
    by_command, by_python = read_fill(result.output), read_fill(tmp_path / "a.cxi")
    assert by_command is not None
    assert by_python is not None
    own = {"command", "input", "input_sha256", "job_sha256", "gaps_found", "date"}
    for name in set(by_command.provenance) - own:
        assert by_python.provenance[name] == by_command.provenance[name], name


@pytest.mark.parametrize(("refined", "handover"), [(False, "mask"), (True, "prior")])
def test_by_itself_a_refined_fill_is_handed_over_where_others_are_not(
    tmp_path: Path,
    result: Result,
    monkeypatch: pytest.MonkeyPatch,
    refined: bool,
    handover: str,
) -> None:
    monkeypatch.setattr(benefit, "verdict_of", lambda *_, **__: "compare")
    fill = result.fill.whole
    fill = replace(fill, report=replace(fill.report, refined=refined))
    write_cxi(tmp_path / "a.cxi", result.scan, fill)
    written = read_fill(tmp_path / "a.cxi")
    assert written is not None
    assert written.provenance["written_for"] == handover


def test_the_advice_is_on_a_gap_that_is_filled(tmp_path: Path) -> None:
    """Not on a wider one at the edge, which stays masked."""
    fringes = np.sinc((np.arange(40) - 20) / 4) ** 2
    counts = (1e6 * fringes[:, None, None] * fringes[:, None] * fringes).astype(np.float32)
    mask = np.zeros(counts.shape, dtype=np.uint16)
    mask[:, 28:] = mask[:, :, 14:17] = 1
    counts[mask != 0] = 0
    write_scan(tmp_path / "cut.cxi", counts, mask)
    made = predict(Request(str(tmp_path / "cut.cxi"), method="linear"))
    assert made.finding.gaps == (Gap(1, 28, 40), Gap(2, 14, 17))
    assert made.advice is not None
    assert made.advice.gap == Gap(2, 14, 17)
    assert made.advice.verdict == "compare"
    assert made.handover == "mask"
    write_cxi(tmp_path / "a.cxi", made.scan, made.fill, gaps=made.finding)
    by_command, by_python = read_fill(made.output), read_fill(tmp_path / "a.cxi")
    assert by_command is not None
    assert by_python is not None
    for name in ("advice", "advice_verdict", "advice_fringes", "written_for"):
        assert by_python.provenance[name] == by_command.provenance[name], name
    told = expected_benefit(made.scan, made.finding)
    assert told is not None
    assert told.gap == Gap(2, 14, 17)


@pytest.mark.parametrize("handover", ["hard", "mask"])
def test_without_gaps_what_was_filled_is_the_gap(
    tmp_path: Path, result: Result, handover: str
) -> None:
    fill = result.fill.whole
    write_cxi(tmp_path / "a.cxi", result.scan, fill, handover=handover, provenance={"seed": 7})
    bad = read_scan(tmp_path / "a.cxi").bad_mask
    assert bad[3, 4, 5]
    assert bad[fill.filled].all() == (handover == "mask")
    assert bad[fill.filled].any() == (handover == "mask")
    read = read_fill(tmp_path / "a.cxi")
    assert read is not None
    assert (read.provenance["seed"], read.provenance["written_for"]) == (7, handover)


def test_the_file_says_whether_the_scan_calibrated_its_intervals(
    tmp_path: Path, result: Result
) -> None:
    spot, mask = np.zeros((32, 40, 40), dtype=np.float32), np.zeros((32, 40, 40), dtype=np.uint16)
    spot[15:18, 20:23, 19:22] = 500
    mask[:, GAP.start : GAP.stop] = 512
    write_scan(tmp_path / "dark.cxi", spot, mask)
    weights = str(tmp_path / "tiny.safetensors")
    save_weights(Path(weights), tiny_network(), {})
    dark = predict(Request(str(tmp_path / "dark.cxi"), model=weights))
    for own, said in ((dark, TOO_DARK), (result, "intervals calibrated on")):
        read = read_fill(own.output)
        assert read is not None
        assert str(read.provenance["own_calibration"]).startswith(said)
        factors = [key for key in read.provenance if key.startswith("own_calibration_")]
        assert bool(factors) == (own is result)


def test_a_fill_of_another_scan_is_not_written(tmp_path: Path, result: Result) -> None:
    fill = result.fill.whole
    other = Fill(fill.counts + 1, fill.filled, fill.sigma, fill.calibration, "m", "")
    with pytest.raises(RuntimeError, match="differs from the measurement"):
        write_cxi(tmp_path / "a.cxi", result.scan, other)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_handover_or_an_existing_file_is_refused(tmp_path: Path, result: Result) -> None:
    with pytest.raises(InputError, match="handover is 'firm', expected one of"):
        write_cxi(tmp_path / "a.cxi", result.scan, result.fill, handover="firm")
    with pytest.raises(InputError, match="exists"):
        write_cxi(result.output, result.scan, result.fill)
