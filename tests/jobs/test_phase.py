"""Phasing of a scan's file: what is handed over, what is written, what fails in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scan_files import filled_arrays

from bcdi_inpaint import pynx_engine as engines
from bcdi_inpaint.errors import InputError, MissingEngineError
from bcdi_inpaint.evaluation.crystals.object_error import compare
from bcdi_inpaint.files import (
    DETECTOR,
    read_fill,
    read_provenance,
    read_result,
    read_scan,
    sha256,
    write_filled_cxi,
    write_scan,
)
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.jobs import phase as phasing
from bcdi_inpaint.jobs import phasing_job
from bcdi_inpaint.jobs.phase import Request, default_result, phase
from bcdi_inpaint.jobs.pynx_runner import run_pynx
from bcdi_inpaint.jobs.run_folder import RECORD, results
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing.constraints import IntervalConstraint, PriorConstraint
from bcdi_inpaint.phasing.handover import NAMES, HandOver, fill_interval
from bcdi_inpaint.phasing.pynx_preset import Preset
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.scan import Scan

SHORT = (20, 60, 20)
CONFIGURATION = "entry_1/image_1/process_1/configuration"
Writer = Callable[..., Request]


@pytest.fixture
def gap(counts: np.ndarray) -> np.ndarray:
    mask = np.zeros(counts.shape, bool)
    mask[:, :, 28:32] = True
    return mask


@pytest.fixture
def written(
    tmp_path: Path, counts: np.ndarray, gap: np.ndarray, particle: tuple[np.ndarray, np.ndarray]
) -> Writer:
    """Writes a filled scan, its fill the truth, for a hand-over; a request to phase it."""

    def write(handover: str = "hard", **more: Any) -> Request:
        amplitude = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(particle[0])))
        expected = np.abs(amplitude) ** 2 * 1e6 / np.max(np.abs(amplitude) ** 2)
        measured = np.where(gap, 0, counts).astype(np.float32)
        bad = gap.copy()
        bad[3, 4, 5] = True  # a hot pixel
        fill = np.where(gap, np.maximum(expected, 1e-3), measured).astype(np.float32)
        calibration = {f"calibration_{name}": value for name, value in Calibration()}
        path = tmp_path / "scan_inpainted.cxi"
        scan = Scan(measured, bad)
        sigma = np.where(gap, 0.05, 0).astype(np.float32)
        trusted = gap if handover in ("hard", "partial") else np.zeros_like(gap)
        write_filled_cxi(
            path,
            scan,
            filled_arrays(scan, gap, fill, sigma=sigma, trusted=trusted),
            {"handover": handover, "model": "default", **calibration, **more},
            force=True,
        )
        return Request(str(path), runs=2, cycles=SHORT, crop=(48, 48, 48))

    return write


@pytest.fixture
def retrieved(monkeypatch: pytest.MonkeyPatch) -> list[HandOver]:
    """What is given to `run_preset`, which answers at once; no picture is drawn."""
    calls: list[HandOver] = []

    def answer(handed: HandOver, preset: Preset, **options: Any) -> list[Reconstruction]:
        calls.append(handed)
        obj = np.zeros(handed.counts.shape, np.complex64)
        obj[20:24, 20:24, 20:24] = 1
        box = whole(handed.counts.shape)
        name = f"scan_inpainted-2026-01-01T00-00-00_Run0001_LLKf1_LLK1_Support{len(calls)}.cxi"
        Path(name).touch()
        return [Reconstruction(obj, obj != 0, 1.0, 2.0, ("ER**1",), box, handed, run=1)]

    monkeypatch.setattr(phasing_job, "run_preset", answer)
    monkeypatch.setattr(phasing, "draw_best", lambda *_: None)
    return calls


# --- the job --------------------------------------------------------------------------------------


def test_a_fill_gives_the_particle_and_leaves_what_pynx_would(
    pynx: str, written: Writer, particle: tuple[np.ndarray, np.ndarray]
) -> None:
    request = replace(written("prior"), cycles=(0, 70, 20), runs=2, seed=1)
    before = sha256(request.scan)
    said: list[str] = []
    seen: list[tuple[int, int]] = []
    result = phase(request, say=said.append, progress=lambda *step: seen.append(step))
    truth, inside = particle
    assert compare(result.best.obj, truth, inside).phase_rms_rad < 0.05
    assert sha256(request.scan) == before
    assert seen[-1] == (214, 214)
    assert seen == sorted(seen)
    assert [line.split(":")[0] for line in said[-3:-1]] == [f"run {n} of 2" for n in (1, 2)]
    assert said[-1].startswith("intensity in the gap over that beside it: ")
    assert "nb_raar = 70" in next(line for line in said if line.startswith("PyNX: "))
    assert result.picture.read_bytes().startswith(b"\x89PNG")
    with h5py.File(result.output) as file:
        np.testing.assert_array_equal(file["entry_last/image_1/data"][()], result.best.obj)
        np.testing.assert_array_equal(file["entry_1/image_1/support"][()], result.best.support)
        np.testing.assert_array_equal(file["entry_1/data_1/data"][()], result.best.obj)
        values = {name: node[()] for name, node in file[CONFIGURATION].items()}
        process = file["entry_1/image_1/process_1"]
        assert process["results/free_llk_poisson"][()] == result.best.llk_free
        assert process["results/gap_intensity"][()] > 0
        assert process["note_1/data"][()].decode().splitlines() == list(result.best.log)
    assert values["inpaint_input_sha256"].decode() == before
    assert values["inpaint_handover"].decode() == "prior"
    assert "inpaint_prior_half_way" in values
    assert values["inpaint_fill_model"] == b"default"
    assert values["inpaint_pynx_version"].decode() == pynx
    assert b"nb_raar = 70" in values["inpaint_pynx_parameters"]
    assert list(values["roi_final"]) == [0, 48, 0, 48, 0, 48]


# --- the folder of the runs -----------------------------------------------------------------------


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_all_runs_stay_as_pynx_leaves_them_and_its_command_does_the_same(
    pynx: str, written: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = replace(written("prior"), cycles=(0, 8, 4), crop=(40, 40, 40))
    result = phase(request)
    kept = results(result.folder)
    assert sorted(kept) == [1, 2]
    best = read_result(kept[result.best.run])
    np.testing.assert_array_equal(best.obj * best.support, result.best.obj)
    assert best.llk_free == result.best.llk_free
    assert best.threshold == result.best.threshold
    assert best.outside == pytest.approx(result.best.outside)
    record = read_provenance(kept[1])
    assert (record["handover"], record["seed"]) == ("prior", 0)
    assert (result.folder / "latest.cxi").resolve() in kept.values()
    # the same by hand, from the scan in the folder; PyNX draws its own random numbers
    monkeypatch.chdir(result.folder)
    run_pynx("pynx-cdi-id01", ["pynx-cdi-inputs.txt"])
    assert len([*result.folder.glob("*_Run*.cxi")]) == 4
    prepared = read_scan(result.folder / "scan_inpainted.cxi")
    assert result.best.handed is not None
    np.testing.assert_array_equal(prepared.bad_mask, result.best.handed.bad_mask)
    np.testing.assert_array_equal(prepared.counts, result.best.handed.counts)


def test_an_interrupted_command_goes_on(pynx: str, written: Writer) -> None:
    request = replace(written("staged"), runs=3, cycles=(2, 6, 4), crop=(32, 32, 32))
    expected = phase(request)
    expected.output.unlink()
    for path in results(expected.folder).values():
        if "_Run0001" not in path.name:
            path.unlink()
    # what a kill leaves, besides
    (expected.folder / ".unfinished").mkdir()
    (expected.folder / ".unfinished" / "half.cxi").write_bytes(b"half")

    def stop(done: int, total: int) -> None:
        if done > 2 * total // 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"2 of 3 runs are in .*, the same command does"):
        phase(replace(request, force=True), progress=stop)
    assert not expected.output.exists()
    first = results(expected.folder)[1].stat().st_mtime_ns
    said: list[str] = []
    again = phase(replace(request, force=True), say=said.append)
    assert "2 of 3 runs are there already" in said
    assert results(again.folder)[1].stat().st_mtime_ns == first
    assert [one.llk_free for one in again.found] == [one.llk_free for one in expected.found]
    np.testing.assert_array_equal(again.best.obj, expected.best.obj)
    assert not (again.folder / ".unfinished").exists()


@pytest.mark.usefixtures("pynx")
def test_interrupted_while_it_is_drawn_the_same_command_writes_the_same(
    written: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(*_: Any) -> None:
        raise KeyboardInterrupt

    short = replace(written("mask"), runs=1, cycles=(0, 3, 2), crop=(32, 32, 32))
    monkeypatch.setattr(phasing, "draw_best", press)
    with pytest.raises(KeyboardInterrupt):
        phase(short)
    monkeypatch.setattr(phasing, "draw_best", lambda *_: None)
    said: list[str] = []
    resumed = phase(short, say=said.append)
    assert "1 of 1 runs are there already" in said
    with pytest.raises(InputError, match="exists"):
        phase(short)  # it is finished
    fresh = phase(replace(short, output=resumed.output.with_name("fresh.cxi")))
    assert resumed.best.log == fresh.best.log
    assert "RAAR 3" in fresh.best.log[0]


@pytest.mark.usefixtures("pynx")
def test_a_run_that_diverged_is_done_again(
    written: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phasing, "draw_best", lambda *_: None)
    short = replace(written("mask"), cycles=(0, 3, 2), crop=(32, 32, 32), again=True)
    expected = phase(short)
    with h5py.File(results(expected.folder)[1], "r+") as file:
        file["entry_1/image_1/data"][...] = np.nan
    said: list[str] = []
    again = phase(short, say=said.append)
    assert "1 of 2 runs are there already" in said
    assert [one.llk_free for one in again.found] == [one.llk_free for one in expected.found]
    assert len([*again.folder.glob("*_Run*.cxi")]) == 2


@pytest.mark.usefixtures("pynx", "retrieved")
def test_runs_of_another_command_are_not_mixed(written: Writer) -> None:
    request = written("prior")
    result = phase(request)
    result.output.unlink()
    result.picture.unlink(missing_ok=True)
    with pytest.raises(InputError, match=r"holds runs of another seed, expected .*--force"):
        phase(replace(request, seed=1))
    with pytest.raises(InputError, match="holds runs of another parameters"):
        phase(replace(request, pynx=("--beta", "0.8")))
    before = names(result.folder)
    assert phase(replace(request, seed=1, force=True)).folder == result.folder
    assert len(names(result.folder)) == len(before)
    foreign = result.folder.with_name("other_phased_runs")
    foreign.mkdir()
    (foreign / "precious").touch()
    with pytest.raises(InputError, match="other_phased_runs exists and is no folder of runs"):
        phase(replace(request, output=foreign.with_name("other_phased.cxi"), force=True))
    assert names(foreign) == ["precious"]


@pytest.mark.usefixtures("pynx")
def test_what_the_file_knows_of_the_beam_is_used(written: Writer) -> None:
    request = written("mask", coherence_sigma=(0.5, 0.6, 0.7))
    request = replace(request, runs=1, cycles=(0, 4, 2), crop=(32, 32, 32))
    record = read_provenance(results(phase(request).folder)[1])
    assert record["used_psf_sigma"] == (0.5, 0.6, 0.7)
    plain = replace(request, output=Path(request.scan).with_name("b.cxi"), pynx=("--psf", "none"))
    assert "used_psf_sigma" not in read_provenance(results(phase(plain).folder)[1])


@pytest.mark.usefixtures("pynx")
def test_pynx_keeps_as_many_as_it_is_told(written: Writer) -> None:
    more = ("--nb_run_keep", "1", "--nb_run_keep_max_obj2_out", "0")
    result = phase(replace(written("mask"), cycles=(0, 8, 4), crop=(32, 32, 32), pynx=more))
    assert len(result.found) == 1
    assert [*results(result.folder)] == [result.best.run]


@pytest.mark.usefixtures("pynx")
def test_a_file_of_the_working_directory_may_be_named(
    written: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    support = np.zeros((32, 32, 32), np.int8)
    support[8:24, 8:24, 8:24] = 1
    np.savez(tmp_path / "support.npz", support=support)
    monkeypatch.chdir(tmp_path)
    more = ("--support", "support.npz", "--support_update_period", "0")
    request = replace(written("mask"), runs=1, cycles=(0, 4, 2), crop=(32, 32, 32), pynx=more)
    np.testing.assert_array_equal(phase(request).best.support, support > 0)
    assert Path.cwd() == tmp_path


@pytest.mark.usefixtures("pynx")
def test_a_file_that_is_named_is_a_part_of_the_job(
    written: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mask = np.zeros((32, 32, 32), np.int8)
    np.savez(tmp_path / "m.npz", mask=mask)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(phasing, "draw_best", lambda *_: None)
    request = replace(written("mask"), runs=1, cycles=(0, 3, 2), crop=(32, 32, 32))
    request = replace(request, pynx=("--mask=m.npz",), again=True)
    folder = phase(request).folder
    phase(request)
    mask[3] = 1
    np.savez(tmp_path / "m.npz", mask=mask)
    with pytest.raises(InputError, match="holds runs of another file"):
        phase(request)
    record = json.loads((folder / RECORD).read_text())
    assert list(record.pop("file")) == [str(tmp_path / "m.npz")]
    (folder / RECORD).write_text(json.dumps(record))  # as before
    phase(request)


@pytest.mark.usefixtures("pynx")
@pytest.mark.parametrize("own", NAMES)
@pytest.mark.parametrize("asked", [None, *NAMES])
def test_every_handover_can_be_had_of_every_file(
    written: Writer, gap: np.ndarray, retrieved: list[HandOver], own: str, asked: str | None
) -> None:
    request = replace(written(own), handover=asked, runs=1)
    phase(request)
    name = asked or own
    given = retrieved[0]
    assert given.name == name
    taken = name in ("hard", "partial")  # the fill is sure everywhere
    expected = np.zeros_like(gap) if taken else gap.copy()
    expected[3, 4, 5] = True
    np.testing.assert_array_equal(given.bad_mask, expected)
    np.testing.assert_array_equal(given.filled, gap if taken else np.zeros_like(gap))
    assert isinstance(given.constraint, IntervalConstraint) == (name in ("soft", "staged"))
    assert isinstance(given.constraint, PriorConstraint) == (name == "prior")
    assert (given.release_after is not None) == (name == "staged")


def _without_bounds(path: str) -> None:
    """As older versions wrote it."""
    with h5py.File(path, "r+") as file:
        for side in ("lower", "upper"):
            del file[f"{DETECTOR}/{side}_bound"]


def test_the_bounds_in_the_file_are_those_that_hold(
    pynx: str, written: Writer, gap: np.ndarray, retrieved: list[HandOver]
) -> None:
    request = written("soft")
    counts = read_scan(request.scan).counts
    phase(request)
    held = retrieved[0].constraint
    assert isinstance(held, IntervalConstraint)
    np.testing.assert_array_equal(held.lower[gap], counts[gap] / 2)
    np.testing.assert_array_equal(held.upper[gap], counts[gap] * 2)
    assert not held.lower[~gap].any()
    assert np.isposinf(held.upper[~gap]).all()


def test_without_bounds_in_the_file_they_follow_from_its_calibration(
    pynx: str, written: Writer, gap: np.ndarray, retrieved: list[HandOver]
) -> None:
    widths = (tuple(2 * w for w in Calibration().half_widths[0]),)
    request = written("soft", calibration_half_widths=widths)
    _without_bounds(request.scan)
    phase(request)
    held = retrieved[0].constraint
    assert isinstance(held, IntervalConstraint)
    lower, upper = held.lower, held.upper
    half = 0.05 * 2 * float(Calibration().half_width(0.95, np.ones(1))[0])
    counts = read_scan(request.scan).counts[gap]
    np.testing.assert_allclose(np.log1p(upper[gap]), np.log1p(counts) + half, rtol=1e-5)
    np.testing.assert_allclose(
        np.log1p(lower[gap]), np.maximum(np.log1p(counts) - half, 0), rtol=1e-4, atol=1e-6
    )
    assert np.isposinf(upper[~gap]).all()


def test_both_sources_of_the_bounds_agree(
    pynx: str, written: Writer, gap: np.ndarray, retrieved: list[HandOver]
) -> None:
    """The bounds that `predict` writes are those that follow from sigma and calibration."""
    request = written("soft")
    scan, stored = read_scan(request.scan), read_fill(request.scan)
    assert stored is not None
    fill = Fill(scan.counts, gap, stored.sigma, Calibration(), "default", "")
    with h5py.File(request.scan, "r+") as file:
        for name, bound in zip(("lower", "upper"), fill_interval(fill), strict=True):
            file[f"{DETECTOR}/{name}_bound"][...] = bound
    phase(request)
    _without_bounds(request.scan)
    phase(replace(request, force=True))
    of_file, of_sigma = (call.constraint for call in (retrieved[0], retrieved[-1]))
    assert isinstance(of_file, IntervalConstraint)
    assert isinstance(of_sigma, IntervalConstraint)
    np.testing.assert_allclose(of_file.lower, of_sigma.lower, rtol=1e-5)
    np.testing.assert_allclose(of_file.upper, of_sigma.upper, rtol=1e-5)


# --- the box --------------------------------------------------------------------------------------


def test_the_box_is_where_it_was_asked_for(
    pynx: str, written: Writer, counts: np.ndarray, retrieved: list[HandOver]
) -> None:
    request = replace(written("soft"), crop=(24, 32, 40))
    result = phase(request)
    held = retrieved[0].constraint
    assert isinstance(held, IntervalConstraint)
    assert retrieved[0].counts.shape == held.lower.shape == (24, 32, 40)
    assert result.best.box is not None
    np.testing.assert_allclose([part.start for part in result.best.box], [12, 8, 4], atol=2)


@pytest.mark.usefixtures("pynx")
def test_a_box_that_pynx_would_cut_is_cut_and_told(
    written: Writer, retrieved: list[HandOver]
) -> None:
    said: list[str] = []
    phase(replace(written("mask"), crop=(35, 25, 24)), say=said.append)
    assert retrieved[0].counts.shape == (32, 24, 24)
    told = "crop 35 x 25 x 24: PyNX takes 32 x 24 x 24, even and of small prime factors"
    assert told in said


def test_a_fill_shows_where_the_peak_is(
    pynx: str, written: Writer, gap: np.ndarray, retrieved: list[HandOver]
) -> None:
    gap[:, :, 28:32], gap[:, :, 20:28] = False, True
    result = phase(replace(written("mask"), crop=(24, 24, 24)))
    assert result.best.box is not None
    np.testing.assert_allclose([part.start for part in result.best.box], [12, 12, 12], atol=2)
    assert retrieved[0].bad_mask.any()


# --- what fails -----------------------------------------------------------------------------------


def test_a_scan_without_a_fill_is_phased_as_it_is(
    pynx: str, tmp_path: Path, counts: np.ndarray, gap: np.ndarray, retrieved: list[HandOver]
) -> None:
    write_scan(tmp_path / "plain.cxi", np.where(gap, 0, counts), gap)
    request = Request(str(tmp_path / "plain.cxi"), runs=1, crop=(48, 48, 48))
    phase(request)
    assert retrieved[0].name == "mask"
    np.testing.assert_array_equal(retrieved[0].bad_mask, gap)
    with pytest.raises(InputError, match=r"plain.cxi holds no fill for handover soft, expected"):
        phase(replace(request, handover="soft", force=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"handover": "firm"}, "handover is 'firm', expected one of hard, partial, soft"),
        ({"runs": 0}, "runs is 0, expected at least 1"),
        ({"cycles": (0, 0, 0)}, "cycles are 0,0,0, expected HIO,RAAR,ER"),
        ({"cycles": (-1, 5, 5)}, "cycles are -1,5,5"),
        ({"crop": (64, 64, 64)}, r"crop \(64, 64, 64\) is larger than the counts"),
        ({"output": Path("nowhere/x.cxi")}, "folder nowhere does not exist"),
        ({"pynx": ("--nonsense", "1")}, "PyNX: unrecognized arguments: --nonsense 1, expected"),
        ({"pynx": ("--nb_run", "many")}, "PyNX: argument --nb_run/--nbrun: invalid int value"),
        ({"pynx": ("--data", "x.cxi")}, "data is x.cxi, expected it left out here"),
    ],
)
def test_bad_requests_are_one_line(
    pynx: str, written: Writer, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    request = written()
    with pytest.raises(InputError, match=message) as caught:
        phase(replace(request, **change))
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["scan_inpainted.cxi"]


@pytest.mark.parametrize("taken", ["scan_inpainted_phased.cxi", "scan_inpainted_phased.png"])
def test_what_exists_is_not_replaced(written: Writer, tmp_path: Path, taken: str) -> None:
    request = written()
    (tmp_path / taken).write_bytes(b"precious")
    with pytest.raises(InputError, match=f"{taken} exists"):
        phase(request)
    assert (tmp_path / taken).read_bytes() == b"precious"


def test_if_every_run_fails_there_is_no_result(pynx: str, written: Writer, tmp_path: Path) -> None:
    lost = ("--support_threshold", "50", "--support_update_period", "2")
    said: list[str] = []
    request = replace(written(), runs=2, cycles=(0, 4, 2), crop=(32, 32, 32), pynx=lost)
    with pytest.raises(InputError, match=r"support was lost 5 times .*after -- ") as caught:
        phase(request, say=said.append)
    assert "\n" not in str(caught.value)
    assert [line.split(":")[1] for line in said[-2:]] == [" run 1 of 2", " run 2 of 2"]
    assert names(tmp_path) == ["scan_inpainted.cxi", "scan_inpainted_phased_runs"]


def test_a_fill_without_its_uncertainty_is_refused(pynx: str, written: Writer) -> None:
    request = written()
    with h5py.File(request.scan, "r+") as file:
        del file[f"{DETECTOR}/sigma"]
    with pytest.raises(InputError, match="a fill without its uncertainty"):
        phase(request)


def test_a_damaged_calibration_is_one_line(pynx: str, written: Writer) -> None:
    request = written("soft", calibration_half_widths=((3.0, 2.0, 1.0, 1.0, 1.0, 1.0),))
    with pytest.raises(InputError, match=r"scan_inpainted.cxi, the fill's calibration") as caught:
        phase(request)
    assert "\n" not in str(caught.value)


def test_without_pynx_it_says_so_first(
    written: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = written()
    monkeypatch.setattr(engines, "_pynx_folder", lambda: None)
    with pytest.raises(MissingEngineError, match="make setup"):
        phase(request)
    assert [path.name for path in tmp_path.iterdir()] == ["scan_inpainted.cxi"]


# --- small parts ----------------------------------------------------------------------------------


def test_the_result_stands_beside_the_scan() -> None:
    assert default_result("a/scan_inpainted.cxi") == Path("a/scan_inpainted_phased.cxi")
    assert default_result("a/raw.h5:/1.1/data") == Path("a/raw_phased.cxi")
