"""Phasing of a scan's file: what is handed over, what is written, what fails in one line."""

from __future__ import annotations

import shlex
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
    FILLED_PATH,
    read_fill,
    read_scan,
    sha256,
    write_filled_cxi,
    write_scan,
)
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.jobs import phase as phasing
from bcdi_inpaint.jobs.phase import Request, default_result, phase
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing import pynx_retrieval
from bcdi_inpaint.phasing.constraints import IntervalConstraint, PriorConstraint
from bcdi_inpaint.phasing.handover import NAMES, fill_interval
from bcdi_inpaint.phasing.reconstruction import Reconstruction
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
def retrieved(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is given to `retrieve`, which answers at once; no picture is drawn."""
    calls: list[dict[str, Any]] = []

    def answer(counts: np.ndarray, bad: np.ndarray, rng: Any, **options: Any) -> Reconstruction:
        calls.append({"counts": counts, "bad_mask": bad, **options})
        obj = np.zeros(counts.shape, np.complex64)
        obj[20:24, 20:24, 20:24] = 1
        return Reconstruction(obj, obj != 0, 1.0, 2.0 - len(calls), ("ER**1",))

    monkeypatch.setattr(pynx_retrieval, "retrieve", answer)
    monkeypatch.setattr(phasing, "phasing_panel", lambda *_, **__: None)
    return calls


# --- the job --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("handover", "label"), [("soft", "Bounded"), ("prior", "Prior")])
def test_a_fill_gives_the_particle_and_leaves_what_pynx_would(
    pynx: str,
    written: Writer,
    particle: tuple[np.ndarray, np.ndarray],
    handover: str,
    label: str,
) -> None:
    # One start in three or four stagnates; which ones depends on the machine's rounding. Of this
    # seed's first three none does where this was tried, and the best of three has not.
    request = replace(written(handover), cycles=(50, 250, 100), runs=3, seed=1)
    before = sha256(request.scan)
    said: list[str] = []
    seen: list[tuple[int, int]] = []
    result = phase(request, say=said.append, progress=lambda *step: seen.append(step))
    truth, inside = particle
    assert compare(result.best.obj, truth, inside).phase_rms_rad < 0.05
    assert sha256(request.scan) == before
    assert seen[-1] == (1200, 1200)
    assert seen == sorted(seen)
    assert [line.split(":")[0] for line in said[-3:]] == [f"run {n} of 3" for n in (1, 2, 3)]
    assert result.best.log[-1].startswith(f"{label}ER**100")
    assert result.picture.read_bytes().startswith(b"\x89PNG")
    with h5py.File(result.output) as file:
        np.testing.assert_array_equal(file["entry_last/image_1/data"][()], result.best.obj)
        np.testing.assert_array_equal(file["entry_1/image_1/support"][()], result.best.support)
        np.testing.assert_array_equal(file["entry_1/data_1/data"][()], result.best.obj)
        values = {name: node[()] for name, node in file[CONFIGURATION].items()}
        process = file["entry_1/image_1/process_1"]
        assert process["results/free_llk_poisson"][()] == result.best.llk_free
        assert process["note_1/data"][()].decode().splitlines() == list(result.best.log)
    assert values["inpaint_input_sha256"].decode() == before
    assert values["inpaint_handover"].decode() == handover
    assert ("inpaint_prior_half_way" in values) == (handover == "prior")
    assert values["inpaint_fill_model"] == b"default"
    assert values["inpaint_pynx_version"].decode() == pynx
    assert list(values["roi_final"]) == [0, 48, 0, 48, 0, 48]


def test_the_same_seed_gives_the_same_object(pynx: str, written: Writer) -> None:
    request = replace(written("staged"), runs=1, cycles=(5, 10, 5))
    first = phase(request).best.obj
    again = phase(replace(request, force=True)).best.obj
    other = phase(replace(request, force=True, seed=1)).best.obj
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.usefixtures("pynx")
@pytest.mark.parametrize("own", NAMES)
@pytest.mark.parametrize("asked", [None, *NAMES])
def test_every_handover_can_be_had_of_every_file(
    written: Writer, gap: np.ndarray, retrieved: list[dict[str, Any]], own: str, asked: str | None
) -> None:
    request = replace(written(own), handover=asked, runs=1)
    result = phase(request)
    name = asked or own
    assert result.handed.name == name
    given = retrieved[0]
    taken = name in ("hard", "partial")  # the fill is sure everywhere
    expected = np.zeros_like(gap) if taken else gap.copy()
    expected[3, 4, 5] = True
    np.testing.assert_array_equal(given["bad_mask"], expected)
    np.testing.assert_array_equal(given["filled"], gap if taken else np.zeros_like(gap))
    assert isinstance(given["constraint"], IntervalConstraint) == (name in ("soft", "staged"))
    assert isinstance(given["constraint"], PriorConstraint) == (name == "prior")
    assert (given["release_after"] is not None) == (name == "staged")


def _without_bounds(path: str) -> None:
    """As older versions wrote it."""
    with h5py.File(path, "r+") as file:
        for side in ("lower", "upper"):
            del file[f"{DETECTOR}/{side}_bound"]


def test_the_bounds_in_the_file_are_those_that_hold(
    pynx: str, written: Writer, gap: np.ndarray, retrieved: list[dict[str, Any]]
) -> None:
    request = written("soft")
    counts = read_scan(request.scan).counts
    phase(request)
    held = retrieved[0]["constraint"]
    np.testing.assert_array_equal(held.lower[gap], counts[gap] / 2)
    np.testing.assert_array_equal(held.upper[gap], counts[gap] * 2)
    assert not held.lower[~gap].any()
    assert np.isposinf(held.upper[~gap]).all()


def test_without_bounds_in_the_file_they_follow_from_its_calibration(
    pynx: str, written: Writer, gap: np.ndarray, retrieved: list[dict[str, Any]]
) -> None:
    widths = (tuple(2 * w for w in Calibration().half_widths[0]),)
    request = written("soft", calibration_half_widths=widths)
    _without_bounds(request.scan)
    phase(request)
    lower, upper = retrieved[0]["constraint"].lower, retrieved[0]["constraint"].upper
    half = 0.05 * 2 * float(Calibration().half_width(0.95, np.ones(1))[0])
    counts = read_scan(request.scan).counts[gap]
    np.testing.assert_allclose(np.log1p(upper[gap]), np.log1p(counts) + half, rtol=1e-5)
    np.testing.assert_allclose(
        np.log1p(lower[gap]), np.maximum(np.log1p(counts) - half, 0), rtol=1e-4, atol=1e-6
    )
    assert np.isposinf(upper[~gap]).all()


def test_both_sources_of_the_bounds_agree(
    pynx: str, written: Writer, gap: np.ndarray, retrieved: list[dict[str, Any]]
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
    of_file, of_sigma = (call["constraint"] for call in (retrieved[0], retrieved[-1]))
    np.testing.assert_allclose(of_file.lower, of_sigma.lower, rtol=1e-5)
    np.testing.assert_allclose(of_file.upper, of_sigma.upper, rtol=1e-5)


def test_the_best_run_is_kept_and_a_failed_one_told(
    pynx: str, written: Writer, monkeypatch: pytest.MonkeyPatch, retrieved: list[dict[str, Any]]
) -> None:
    answer = pynx_retrieval.retrieve

    def second_fails(*arrays: Any, **options: Any) -> Reconstruction:
        found = answer(*arrays, **options)
        if len(retrieved) == 2:
            raise InputError("the support was lost")
        return found

    monkeypatch.setattr(pynx_retrieval, "retrieve", second_fails)
    said: list[str] = []
    result = phase(replace(written(), runs=3), say=said.append)
    assert result.best.llk_free == -1.0
    assert "warning: run 2 of 3: the support was lost" in said


# --- the box --------------------------------------------------------------------------------------


def test_the_box_is_where_it_was_asked_for(
    pynx: str, written: Writer, counts: np.ndarray, retrieved: list[dict[str, Any]]
) -> None:
    request = replace(written("soft"), crop=(24, 32, 40))
    result = phase(request)
    assert retrieved[0]["counts"].shape == (24, 32, 40)
    assert retrieved[0]["constraint"].lower.shape == (24, 32, 40)
    np.testing.assert_allclose([part.start for part in result.box], [12, 8, 4], atol=2)


def test_a_fill_shows_where_the_peak_is(
    pynx: str, written: Writer, gap: np.ndarray, retrieved: list[dict[str, Any]]
) -> None:
    gap[:, :, 28:32], gap[:, :, 20:28] = False, True
    result = phase(replace(written("mask"), crop=(24, 24, 24)))
    np.testing.assert_allclose([part.start for part in result.box], [12, 12, 12], atol=2)
    assert retrieved[0]["bad_mask"].any()


# --- what fails -----------------------------------------------------------------------------------


def test_a_scan_without_a_fill_is_phased_as_it_is(
    pynx: str, tmp_path: Path, counts: np.ndarray, gap: np.ndarray, retrieved: list[dict[str, Any]]
) -> None:
    write_scan(tmp_path / "plain.cxi", np.where(gap, 0, counts), gap)
    request = Request(str(tmp_path / "plain.cxi"), runs=1, crop=(48, 48, 48))
    assert phase(request).handed.name == "mask"
    np.testing.assert_array_equal(retrieved[0]["bad_mask"], gap)
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


def test_if_every_run_fails_nothing_is_written(
    pynx: str, written: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: Any, **__: Any) -> None:
        raise InputError("the support was lost")

    monkeypatch.setattr(pynx_retrieval, "retrieve", lost)
    with pytest.raises(InputError, match="support was lost"):
        phase(written())
    assert [path.name for path in tmp_path.iterdir()] == ["scan_inpainted.cxi"]


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


@pytest.mark.parametrize(
    ("own", "asked", "more", "nearest"),
    [
        ("hard", "hard", ["--zero_mask", "0"], "hard"),
        ("hard", "soft", ["--mask", "FILE:/" + FILLED_PATH, "--zero_mask", "0"], "mask"),
        ("hard", "mask", ["--mask", "FILE:/" + FILLED_PATH, "--zero_mask", "0"], "mask"),
        ("partial", "partial", ["--zero_mask", "0"], "partial"),
        ("staged", "staged", ["--zero_mask", "0"], "mask"),
        ("hard", "prior", ["--mask", "FILE:/" + FILLED_PATH, "--zero_mask", "0"], "mask"),
        ("prior", "prior", ["--zero_mask", "0"], "mask"),
        ("mask", "hard", ["--zero_mask", "0"], "mask"),
    ],
)
def test_the_pynx_command_is_the_nearest_there_is(
    pynx: str,
    written: Writer,
    retrieved: list[dict[str, Any]],
    own: str,
    asked: str,
    more: list[str],
    nearest: str,
) -> None:
    request = replace(written(own), handover=asked)
    result = phase(request)
    cycles = ["--nb_hio", "20", "--nb_raar", "60", "--nb_er", "20"]
    expected = ["pynx-cdi-id01", "--data", request.scan, *cycles, "--nb_run", "2"]
    expected += ["--nb_run_keep", "1", *(word.replace("FILE", request.scan) for word in more)]
    assert shlex.split(result.pynx_command) == expected
    assert result.pynx_handover == nearest
