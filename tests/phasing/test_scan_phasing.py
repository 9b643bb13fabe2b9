"""A scan phased from Python: what is handed over, where, and that it is what the command does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scan_files import filled_arrays
from some_objects import some_objects

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import read_provenance, write_filled_cxi
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import GapRegion
from bcdi_inpaint.jobs import write_fill
from bcdi_inpaint.jobs.phase import Request
from bcdi_inpaint.jobs.phase import phase as phase_file
from bcdi_inpaint.jobs.phased_scan import write_phased_scan
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing import scan_phasing
from bcdi_inpaint.phasing.free_voxels import islands_in
from bcdi_inpaint.phasing.handover import NAMES, HandOver
from bcdi_inpaint.phasing.pynx_knowledge import Knowledge
from bcdi_inpaint.phasing.pynx_preset import Preset
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.scan_phasing import phase_scan, prepare_scan
from bcdi_inpaint.scan.boxes import as_box, whole
from bcdi_inpaint.scan.found_object import FoundObject
from bcdi_inpaint.scan.scan import Scan

SHORT = Preset(hio=4, raar=8, er=4, runs=2)


@pytest.fixture
def gap(counts: np.ndarray) -> np.ndarray:
    mask = np.zeros(counts.shape, bool)
    mask[:, :, 28:32] = True
    return mask


@pytest.fixture
def scan(counts: np.ndarray, gap: np.ndarray) -> Scan:
    return Scan(np.where(gap, 0, counts).astype(np.float32), gap.copy())


@pytest.fixture
def fill(counts: np.ndarray, gap: np.ndarray) -> Fill:
    filled = np.where(gap, np.maximum(counts, 1), counts).astype(np.float32)
    return Fill(filled, gap, np.where(gap, 0.05, 0).astype(np.float32), Calibration(), "m", "")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[HandOver]:
    """What is given to `run_preset`, which answers at once."""
    calls: list[HandOver] = []

    def answer(handed: HandOver, preset: Preset, **options: Any) -> list[Reconstruction]:
        calls.append(handed)
        obj = np.ones(handed.counts.shape, np.complex64)
        box = whole(handed.counts.shape)
        return [Reconstruction(obj, obj != 0, 1.0, 1.0, ("ER**1",), box, handed)]

    monkeypatch.setattr(scan_phasing, "run_preset", answer)
    monkeypatch.setattr(scan_phasing, "check_arguments", lambda preset, extra: {"nb_run": 5})
    return calls


def test_a_crop_that_pynx_would_cut_is_cut_before(scan: Scan) -> None:
    lines: list[str] = []
    prepared = prepare_scan(scan, crop=(35, 25, 24), say=lines.append)
    assert [side.stop - side.start for side in prepared.box] == [32, 24, 24]
    assert "crop 35 x 25 x 24: PyNX takes 32 x 24 x 24, even and of small prime factors" in lines
    with pytest.raises(InputError, match="crop 24 x 1 x 24, expected 2 voxels a side or more"):
        prepare_scan(scan, crop=(24, 1, 24))


def test_a_peak_at_the_edge_needs_a_crop(scan: Scan) -> None:
    moved = replace(scan, counts=np.roll(scan.counts, scan.shape[0] // 2 - 3, 0))
    with pytest.raises(
        InputError, match=r"too near the edge .*: give the box to phase with --crop"
    ):
        prepare_scan(moved)
    prepare_scan(moved, crop=(32, 32, 32))


def test_a_seed_gives_the_same_object_from_python_and_from_the_command(
    pynx: str, tmp_path: Path, scan: Scan, fill: Fill, gap: np.ndarray
) -> None:
    path = tmp_path / "scan_inpainted.cxi"
    calibration = {f"calibration_{name}": value for name, value in Calibration()}
    none = np.zeros_like(gap)
    arrays = filled_arrays(scan, gap, fill.counts, sigma=fill.sigma, trusted=none)
    write_filled_cxi(path, scan, arrays, {"handover": "prior", **calibration})
    request = Request(str(path), runs=2, cycles=(4, 8, 4), crop=(32, 32, 32), seed=3)
    of_command = phase_file(request)
    found = phase_scan(scan, fill, handover="prior", seed=3, preset=SHORT, crop=(32, 32, 32))
    np.testing.assert_array_equal(found.obj, of_command.best.obj)
    assert found.box == of_command.best.box
    assert found.free_llks == of_command.best.free_llks
    assert len(found.free_llks) == 2
    other = phase_scan(scan, fill, handover="prior", seed=4, preset=SHORT, crop=(32, 32, 32))
    assert (other.obj != found.obj).any()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_asked_for_is_handed_over(
    started: list[HandOver], scan: Scan, fill: Fill, name: str
) -> None:
    found = phase_scan(scan, fill, handover=name, crop=(40, 40, 40))
    assert found.handed is not None
    assert found.handed.name == name
    assert found.handed.counts.shape == (40, 40, 40)
    assert started == [found.handed]


def test_lines_that_a_fill_only_crosses_do_not_decide_how_it_is_handed_over(
    scan: Scan, fill: Fill, gap: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Gap, ...]] = []

    def expected(counts: np.ndarray, unknown: np.ndarray, gaps: tuple[Gap, ...], **_: Any) -> None:
        asked.append(gaps)

    monkeypatch.setattr(scan_phasing, "expected_benefit", expected)
    bad = scan.bad_mask.copy()
    bad[:, -12:] = True
    phase = scan_phasing._verdict
    assert phase(fill, gap, bad) is None
    assert asked == [(Gap(2, 28, 32),)]


def test_the_fill_tells_how_wide_fringes_are_as_it_tells_the_file(
    scan: Scan, fill: Fill, gap: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[np.ndarray] = []

    def expected(*given: Any, filled: np.ndarray, **_: Any) -> None:
        told.append(filled)

    for module in (scan_phasing, write_fill):
        monkeypatch.setattr(module, "expected_benefit", expected)
    scan_phasing._verdict(fill, None, scan.bad_mask)
    write_fill._benefit_record(scan, GapRegion.of(gap), fill)
    np.testing.assert_array_equal(told[0], np.where(gap, fill.counts, np.nan))
    np.testing.assert_array_equal(*told)


@pytest.mark.parametrize(
    ("verdict", "refined", "name"),
    [
        ("fill", False, "prior"),
        ("mask", True, "mask"),
        (None, True, "mask"),
    ],
)
def test_by_itself_a_fill_is_used_where_it_helps(
    started: list[HandOver],
    scan: Scan,
    fill: Fill,
    monkeypatch: pytest.MonkeyPatch,
    verdict: str | None,
    refined: bool,
    name: str,
) -> None:
    monkeypatch.setattr(scan_phasing, "_verdict", lambda *_: verdict)
    given = replace(fill, report=replace(fill.report, refined=refined))
    found = phase_scan(scan, given)
    assert found.handed is not None
    assert found.handed.name == name


@pytest.mark.parametrize(("free", "taken"), [(0.1, "prior"), (0.5, "mask"), (0.9, "mask")])
def test_where_it_is_to_compare_free_voxels_decide(
    pynx: str,
    scan: Scan,
    fill: Fill,
    monkeypatch: pytest.MonkeyPatch,
    free: float,
    taken: str,
) -> None:
    def answer(handed: HandOver, *_: Any, **__: Any) -> list[Reconstruction]:
        own = free if handed.name == "prior" else 0.5
        obj = np.ones(handed.counts.shape, np.complex64)
        return [Reconstruction(obj, obj != 0, 1.0, own, (), handed=handed)]

    monkeypatch.setattr(scan_phasing, "run_preset", answer)
    monkeypatch.setattr(scan_phasing, "_verdict", lambda *_: "compare")
    found = phase_scan(scan, fill)
    assert found.handed is not None
    assert (found.handed.name, found.llk_free) == (taken, min(free, 0.5))
    named = phase_scan(scan, fill, handover="prior")
    assert named.llk_free == free


def test_of_what_is_known_free_voxels_decide_too(
    pynx: str, scan: Scan, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(handed: HandOver, *_: Any, knowledge: Knowledge, **__: Any) -> list[Reconstruction]:
        own = 0.5 if knowledge == Knowledge() else 0.7
        obj = np.ones(handed.counts.shape, np.complex64)
        return [Reconstruction(obj, obj != 0, 1.0, own, (), handed=handed)]

    monkeypatch.setattr(scan_phasing, "run_preset", answer)
    monkeypatch.setattr(scan_phasing, "_verdict", lambda *_: "compare")
    found = phase_scan(scan, fill, knowledge=Knowledge((0.5, 0.5, 0.5)))
    assert found.handed is not None
    assert (found.handed.name, found.llk_free) == ("mask", 0.5)


def test_objects_are_given_in_the_box_that_is_phased_and_not_compared(
    pynx: str, scan: Scan, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[str, list[FoundObject]]] = []

    def answer(
        handed: HandOver, *_: Any, objects: list[FoundObject], **__: Any
    ) -> list[Reconstruction]:
        given.append((handed.name, objects))
        obj = np.ones(handed.counts.shape, np.complex64)
        return [Reconstruction(obj, obj != 0, 1.0, 0.5 + 0.1 * len(objects), (), handed=handed)]

    monkeypatch.setattr(scan_phasing, "run_preset", answer)
    objects = some_objects(as_box([slice(4, 44)] * 3), [0.5, 0.6])
    phase_scan(scan, fill, handover="prior", crop=(32, 32, 32), objects=objects)
    assert [name for name, _ in given] == ["prior"]
    assert [one.misfit for one in given[0][1]] == [0.5, 0.6]
    assert {one.obj.shape for one in given[0][1]} == {(32, 32, 32)}
    assert given[0][1][0].box == prepare_scan(scan, fill, crop=(32, 32, 32)).box
    given.clear()
    monkeypatch.setattr(scan_phasing, "_verdict", lambda *_: "compare")
    found = phase_scan(scan, fill, objects=objects)
    assert [(name, len(own)) for name, own in given] == [("mask", 0), ("prior", 0)]
    assert found.llk_free == 0.5


def test_objects_are_compared_by_voxels_that_they_have_not_seen(
    pynx: str, scan: Scan, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing known and at random too, as a user would do without them."""
    given: list[dict[str, Any]] = []

    def answer(handed: HandOver, *_: Any, **options: Any) -> list[Reconstruction]:
        given.append({"name": handed.name, **options})
        obj = np.ones(handed.counts.shape, np.complex64)
        return [Reconstruction(obj, obj != 0, 1.0, 0.1 * len(given), (), handed=handed)]

    monkeypatch.setattr(scan_phasing, "run_preset", answer)
    places = np.array([[12, 16, 30], [20, 31, 14], [5, 24, 24]])
    own = some_objects(as_box([slice(4, 44)] * 3), [0.5, 0.6])
    objects = [replace(one, unseen=places) for one in own]
    known = Knowledge((0.5, 0.5, 0.5), background=0.2)
    options: dict[str, Any] = {"crop": (32, 32, 32), "objects": objects, "knowledge": known}
    phase_scan(scan, fill, handover="prior", **options)
    islands = islands_in(places, as_box([slice(8, 40)] * 3))
    assert islands is not None
    assert islands.sum() == 2 * 123
    np.testing.assert_array_equal(given[0]["free"], islands)
    given.clear()
    monkeypatch.setattr(scan_phasing, "_verdict", lambda *_: "compare")
    best = phase_scan(scan, fill, **options)
    assert [one["name"] for one in given] == ["mask", "prior", "mask"]
    assert [len(one["objects"]) for one in given] == [2, 2, 0]
    assert [one["knowledge"] for one in given] == [known, known, Knowledge(background=0.2)]
    np.testing.assert_array_equal([one["free"] for one in given], [islands] * 3)
    assert best.llk_free == 0.1
    given.clear()
    phase_scan(scan, fill, **{**options, "knowledge": Knowledge(background=0.2)})
    assert [len(one["objects"]) for one in given] == [2, 2, 0]
    given.clear()
    phase_scan(scan, fill, **options, pynx=["--algorithm", "er**2"])
    assert [len(one["objects"]) for one in given] == [0, 0, 0]
    assert [one["free"] for one in given] == [None] * 3
    given.clear()
    phase_scan(scan, fill, **{**options, "crop": (12, 12, 12)})  # no island is in it
    assert [len(one["objects"]) for one in given] == [0, 0, 0]
    assert [one["free"] for one in given] == [None] * 3


def test_objects_are_not_compared_by_voxels_that_were_not_measured(
    pynx: str, scan: Scan, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, Any]] = []

    def answer(handed: HandOver, *_: Any, **options: Any) -> list[Reconstruction]:
        given.append(options)
        obj = np.ones(handed.counts.shape, np.complex64)
        return [Reconstruction(obj, obj != 0, 1.0, 0.5, (), handed=handed)]

    monkeypatch.setattr(scan_phasing, "run_preset", answer)
    monkeypatch.setattr(scan_phasing, "_verdict", lambda *_: "compare")
    places = np.array([[12, 16, 20], [20, 31, 14]])
    islands = islands_in(places, whole(scan.shape))
    own = some_objects(as_box([slice(4, 44)] * 3), [0.5, 0.6])
    objects = [replace(one, unseen=places) for one in own]
    masked = replace(scan, bad_mask=scan.bad_mask | islands)
    phase_scan(masked, fill, crop=(32, 32, 32), objects=objects)
    assert [len(one["objects"]) for one in given] == [0, 0]
    assert [one["free"] for one in given] == [None] * 2


@pytest.mark.parametrize("handover", ["hard", "prior", "staged"])
def test_a_box_that_leaves_no_fill_is_phased_as_it_is(
    tmp_path: Path, scan: Scan, fill: Fill, handover: str
) -> None:
    """What says which hand-over was used is not to speak of a fill that took no part."""
    lines: list[str] = []
    prepared = prepare_scan(scan, fill, handover=handover, crop=(8, 8, 4), say=lines.append)
    assert prepared.handed.name == "mask"
    assert prepared.handed.constraint is None
    assert prepared.handed.release_after is None
    assert "none of the filled voxels is in the part that is phased" in lines
    path = tmp_path / "scan.cxi"
    write_phased_scan(path, scan, fill, prepared)
    assert read_provenance(path)["written_for"] == "mask"


def test_without_a_fill_the_gap_stays_masked(
    started: list[HandOver], scan: Scan, gap: np.ndarray
) -> None:
    found = phase_scan(scan, crop=(48, 48, 48))
    assert found.handed is not None
    assert found.handed.name == "mask"
    np.testing.assert_array_equal(started[0].bad_mask, gap)
    with pytest.raises(InputError, match="handover is soft without a fill"):
        phase_scan(scan, handover="soft")


def test_a_gap_that_the_mask_does_not_know_stays_masked_too(
    started: list[HandOver], scan: Scan, gap: np.ndarray
) -> None:
    unmasked = replace(scan, bad_mask=np.zeros_like(gap))
    phase_scan(unmasked, gap_mask=gap, crop=(48, 48, 48))
    np.testing.assert_array_equal(started[0].bad_mask, gap)
