"""Runs of `phase` that begin at the objects in the scan's file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result
from scan_files import filled_arrays
from scipy.ndimage import binary_dilation
from some_objects import object_of

from bcdi_inpaint.cli import main
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import read_result, write_filled_cxi
from bcdi_inpaint.files.layout import OBJECTS
from bcdi_inpaint.jobs import phase as phasing
from bcdi_inpaint.jobs import phasing_job
from bcdi_inpaint.jobs.compare_handovers import compare_handovers, comparing_is_advised
from bcdi_inpaint.jobs.phase import Request, phase
from bcdi_inpaint.jobs.run_folder import RECORD, results
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing.free_voxels import islands_in
from bcdi_inpaint.phasing.pynx_knowledge import Knowledge
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.selection import best_of, judged
from bcdi_inpaint.scan.boxes import as_box, whole
from bcdi_inpaint.scan.found_object import FoundObject
from bcdi_inpaint.scan.scan import Scan

CONFIGURATION = "entry_last/image_1/process_1/configuration"
pytestmark = pytest.mark.usefixtures("pynx", "no_picture")


@pytest.fixture
def no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is drawn, which takes longer than the runs."""
    monkeypatch.setattr(phasing, "draw_best", lambda picture, *_: picture.touch())


@pytest.fixture
def truth(particle: tuple[np.ndarray, np.ndarray], counts: np.ndarray) -> FoundObject:
    """The particle in a part of the scan, with a support as a refinement has it."""
    amplitude = np.fft.fftn(particle[0])
    scale = np.sqrt(1e6 * amplitude.size / np.max(np.abs(amplitude) ** 2))
    support = binary_dilation(particle[1], iterations=2)
    found = object_of(scale * particle[0], whole(counts.shape), support)
    return found.in_box(as_box([slice(6, 42)] * 3))


@pytest.fixture
def request_(tmp_path: Path, counts: np.ndarray, truth: FoundObject) -> Request:
    """To phase a scan whose file has one object, in a smaller box, from two starts."""
    gap = np.zeros(counts.shape, bool)
    gap[:, :, 28:31] = True
    scan = Scan(np.where(gap, 0, counts).astype(np.float32), gap.copy())
    fill = np.where(gap, np.maximum(counts, 1), counts).astype(np.float32)
    none = np.zeros_like(gap)
    arrays = filled_arrays(scan, gap, fill, sigma=0.05 * gap.astype(np.float32), trusted=none)
    calibration = {f"calibration_{name}": value for name, value in Calibration()}
    path = tmp_path / "scan_inpainted.cxi"
    record = {"handover": "mask", "model": "default", **calibration}
    write_filled_cxi(path, scan, replace(arrays, objects=(truth,)), record)
    return Request(str(path), runs=2, cycles=(0, 8, 4), crop=(32, 32, 32))


@pytest.fixture
def fair(request_: Request) -> Request:
    """The same of a file whose object has not seen some islands, two of them in the box."""
    with h5py.File(request_.scan, "r+") as file:
        del file[OBJECTS]["unseen"]
        file[OBJECTS]["unseen"] = [[12, 16, 30], [20, 31, 14], [9, 24, 24]]
    return request_


def islands() -> np.ndarray:
    """What of them is in the box that is phased."""
    found = islands_in(np.array([[12, 16, 30], [20, 31, 14]]), as_box([slice(8, 40)] * 3))
    assert found is not None
    return found


def given(monkeypatch: pytest.MonkeyPatch, name: str = "objects") -> list[Any]:
    """What `run_preset` gets, the objects or another of its arguments."""
    told: list[Any] = []
    own = phasing_job.run_preset

    def answer(*arguments: Any, **options: Any) -> list[Reconstruction]:
        told.append(options[name])
        return own(*arguments, **options)

    monkeypatch.setattr(phasing_job, "run_preset", answer)
    return told


def test_the_first_run_begins_at_the_object_in_the_box_that_is_phased(
    request_: Request, truth: FoundObject
) -> None:
    said: list[str] = []
    result = phase(request_, say=said.append)
    assert "1 of 2 runs begin at what the refinement found" in said
    begun, at_random = result.found
    there = truth.in_box(result.best.box)
    np.testing.assert_array_equal(begun.support, there.support)
    assert begun.llk < 0.5 * at_random.llk
    assert result.best.run == 1
    assert begun.log[0].startswith("from an object of the refinement, ER 1")


def test_what_is_kept_of_a_run_is_its_end(request_: Request) -> None:
    """After the cycles with the support that stays, and with that."""
    result = phase(replace(request_, cycles=(0, 24, 8)))
    kept = results(result.folder)
    for one in result.found:
        stored = read_result(kept[one.run])
        np.testing.assert_array_equal(stored.support, one.support)
        np.testing.assert_allclose(np.abs(stored.obj * stored.support), np.abs(one.obj), rtol=1e-5)
        assert (stored.llk, stored.llk_free) == (one.llk, one.llk_free)
        assert stored.free_log_error == pytest.approx(one.free_log_error, rel=1e-5)


def test_an_interrupted_command_goes_on_at_the_same_object(request_: Request) -> None:
    expected = phase(request_)
    other = replace(request_, output=Path(request_.scan).with_name("other.cxi"))
    for last in (1, 2):
        said: list[str] = []

        def stop(line: str, last: int = last, said: list[str] = said) -> None:
            said.append(line)
            if line.startswith(f"run {last} of 2"):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt, match=f"{last} of 2 runs are in"):
            phase(replace(other, force=last == 1), say=stop)
    found = phase(other)
    for one, same in zip(found.found, expected.found, strict=True):
        np.testing.assert_array_equal(one.obj, same.obj)
        assert one.llk_free == same.llk_free


def test_all_starts_are_random_if_that_is_asked_for(request_: Request) -> None:
    said: list[str] = []
    at_random = replace(request_, start="random", output=Path(request_.scan).with_name("r.cxi"))
    result = phase(at_random, say=said.append)
    assert not [line for line in said if "refinement" in line]
    found = phase(request_)
    np.testing.assert_array_equal(result.found[1].obj, found.found[1].obj)
    assert (result.found[0].obj != found.found[0].obj).any()
    with pytest.raises(InputError, match="holds runs of another start"):
        phase(replace(request_, output=at_random.output, again=True, start="found"))


@pytest.mark.parametrize(
    "pynx",
    [
        ("--rebin", "1", "2", "2"),
        ("--roi", "4", "28", "4", "28", "4", "28"),
        ("--algorithm", "er**2,raar**3"),
        ("--support_update_period", "0"),
    ],
)
def test_nothing_is_said_of_objects_that_are_not_taken(
    fair: Request, monkeypatch: pytest.MonkeyPatch, pynx: tuple[str, ...]
) -> None:
    told, said = given(monkeypatch), list[str]()
    free = given(monkeypatch, "free")
    phase(replace(fair, runs=1, pynx=pynx), say=said.append)
    assert told == [()]
    assert free == [None]
    assert not [line for line in said if "refinement" in line]


def damage(path: str, name: str) -> None:
    with h5py.File(path, "r+") as file:
        group = file[OBJECTS]
        if name == "nan":
            group["object"][0, 1, 2, 3] = np.nan
        elif name == "truncated":
            short = group["support"][:, :-1]
            del group["support"]
            group["support"] = short
        else:
            del group[name]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["phase", *map(str, arguments)])


@pytest.mark.parametrize("name", ["nan", "truncated", "object", "box"])
def test_damaged_objects_are_one_line_and_status_2(request_: Request, name: str) -> None:
    damage(request_.scan, name)
    quick = ("--runs", "1", "--cycles", "0,4,2", "--crop", "32", "-q")
    result = run(request_.scan, *quick)
    assert result.exit_code == 2
    assert "holds objects that do not fit together" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    beside = {path.name for path in Path(request_.scan).parent.iterdir()}
    assert beside == {"scan_inpainted.cxi"}
    assert run(request_.scan, *quick, "--start", "random").exit_code == 0


def test_all_runs_are_judged_by_what_the_objects_have_not_seen(
    fair: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, said = given(monkeypatch, "free"), list[str]()
    result = phase(fair, say=said.append)
    np.testing.assert_array_equal(free, [islands()])
    used = []
    for kept in results(result.folder).values():
        with h5py.File(kept) as file:
            used.append(file[f"{CONFIGURATION}/free_pixel_mask"][()])
    gap = np.zeros((32, 32, 32), bool)
    gap[:, :, 20:23] = True
    for own in used:
        np.testing.assert_array_equal(own, islands() & ~gap)
        assert f"free voxels: {own.sum()} that the refinement has not seen, in all runs" in said
    at_random = replace(fair, start="random", output=Path(fair.scan).with_name("r.cxi"))
    phase(at_random)
    assert free[1:] == [None]


def test_where_none_of_them_is_measured_they_are_drawn(
    fair: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    with h5py.File(fair.scan, "r+") as file:
        mask = file["entry_1/instrument_1/detector_1/mask"]
        mask[8:40, 8:40, 8:40] = mask[8:40, 8:40, 8:40] | islands()
    free, said = given(monkeypatch, "free"), list[str]()
    phase(replace(fair, runs=1), say=said.append)
    assert free == [None]
    (told,) = [line for line in said if line.startswith("free voxels")]
    assert "drawn by the seed" in told


def test_free_voxels_of_the_user_are_not_those_that_an_object_has_not_seen(
    pynx: str, fair: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects were fitted to them."""
    own = np.zeros((32, 32, 32), bool)
    own[2:5, 2:30, 2:8] = True
    np.save(tmp_path / "free.npy", own)
    objects, said = given(monkeypatch), list[str]()
    wish = replace(fair, runs=1, cycles=(0, 3, 2))
    wish = replace(wish, pynx=("--free_pixel_mask", str(tmp_path / "free.npy")))
    compared = compare_handovers(replace(wish, output=tmp_path / "c.cxi"), say=said.append)
    assert list(compared.ways) == ["filled", "masked"]
    assert not any(objects)
    phase(wish, say=said.append)
    assert not [line for line in said if line.startswith("free voxels")]


def test_only_objects_that_runs_begin_at_are_brought_into_the_box(
    fair: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    with h5py.File(fair.scan, "r+") as file:
        for name in ("object", "support", "misfit"):
            stored = file[OBJECTS][name][()]
            del file[OBJECTS][name]
            file[OBJECTS][name] = np.concatenate([stored] * 4)
    objects = given(monkeypatch)
    folder = phase(replace(fair, runs=3, cycles=(0, 3, 2))).folder
    assert [len(one) for one in objects] == [2]
    start = json.loads((folder / RECORD).read_text())["start"]
    assert start == "4 objects, 246 voxels unseen"  # as before


def test_runs_that_are_judged_otherwise_are_of_another_job(fair: Request) -> None:
    at_random = replace(fair, start="random", again=True)
    folder = phase(at_random).folder
    assert json.loads((folder / RECORD).read_text())["start"] == "random"  # as before
    with pytest.raises(InputError, match="holds runs of another start"):
        phase(replace(at_random, compared=True))
    phase(replace(at_random, compared=True, force=True))
    told = json.loads((folder / RECORD).read_text())["start"]
    assert told == "random, 246 voxels unseen"


def test_hand_overs_are_compared_from_random_starts(
    pynx: str, request_: Request, tmp_path: Path
) -> None:
    """The refinement has seen the free voxels, which decide."""
    lines: list[str] = []
    wish = replace(request_, output=tmp_path / "c.cxi")
    both = compare_handovers(wish, say=lines.append)
    assert list(both.ways) == ["filled", "masked"]
    assert not any("begin at what" in line for line in lines)
    assert all("from an object" not in one.best.log[0] for one in both.ways.values())


def test_hand_overs_are_compared_from_objects_by_voxels_that_these_have_not_seen(
    pynx: str, fair: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third way is what a user would have without us, also where no beam is known."""
    objects, free, known = (given(monkeypatch, name) for name in ("objects", "free", "knowledge"))
    compared = compare_handovers(replace(fair, output=tmp_path / "c.cxi"))
    assert list(compared.ways) == ["filled", "masked", "plain"]
    assert [len(one) for one in objects] == [1, 1, 0]
    np.testing.assert_array_equal(free, [islands()] * 3)
    assert known[2] == Knowledge()
    first = [one.found[0].log[0].partition(",")[0] for one in compared.ways.values()]
    assert first == ["from an object of the refinement"] * 2 + ["RAAR 8"]
    random = [one.found[-1].handed for one in compared.ways.values()]
    assert [one.name for one in random if one] == ["prior", "mask", "mask"]
    frees = {word: one.best.llk_free for word, one in compared.ways.items()}
    best = {word: judged(compared.ways[word].best) for word in ("masked", "plain", "filled")}
    assert compared.better == best_of(best)
    again = compare_handovers(replace(fair, output=tmp_path / "d.cxi"))
    assert {word: one.best.llk_free for word, one in again.ways.items()} == frees


@pytest.mark.parametrize(
    "change",
    [
        {"start": "random"},
        {"pynx": ("--algorithm", "er**2,raar**3")},
        {"crop": (12, 12, 12)},
    ],
)
def test_without_such_voxels_all_starts_stay_random(
    fair: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    """In the small box there is no island, in the others no run begins at an object."""
    objects, free = (given(monkeypatch, name) for name in ("objects", "free"))
    compared = compare_handovers(replace(fair, output=tmp_path / "c.cxi", runs=1, **change))
    if "crop" not in change:  # it is not looked at before the scan is read
        assert list(compared.ways) == ["filled", "masked"]
    assert not any(objects)
    assert not any(one is not None for one in free)


def test_the_time_that_comparing_takes_is_told(fair: Request) -> None:
    with h5py.File(fair.scan, "r+") as file:
        record = file["entry_1/data_1/process_1/configuration"]
        record["inpaint_advice_verdict"] = "compare"
    lines: list[str] = []
    assert comparing_is_advised(fair, lines.append)
    assert "in less than three times the time" in lines[0]
    assert comparing_is_advised(replace(fair, start="random"), lines.append)
    assert "in twice the time" in lines[1]
