"""What PyNX's own runner is told of the beam and the crystal, by the file or by the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scan_files import filled_arrays
from some_objects import some_objects

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import read_objects, write_filled_cxi
from bcdi_inpaint.files.found_objects import write_objects
from bcdi_inpaint.files.layout import OBJECTS
from bcdi_inpaint.jobs import pynx_runner
from bcdi_inpaint.jobs.fill_of_data import FillOfData
from bcdi_inpaint.jobs.knowledge_of_data import KnowledgeOfData, known_of, take_psf_choice
from bcdi_inpaint.jobs.pynx_runner import run_pynx
from bcdi_inpaint.jobs.run_folder import _read, results
from bcdi_inpaint.phasing.free_voxels import islands_in
from bcdi_inpaint.phasing.pynx_density import DENSITY
from bcdi_inpaint.phasing.pynx_faults import as_program
from bcdi_inpaint.phasing.pynx_knowledge import Knowledge, _psf_sigma, _say_psf, with_knowledge
from bcdi_inpaint.phasing.pynx_projection import CARRIED
from bcdi_inpaint.phasing.pynx_scan import with_carried_fill
from bcdi_inpaint.pynx_engine import import_pynx, quiet
from bcdi_inpaint.scan.boxes import as_box, whole
from bcdi_inpaint.scan.found_object import FoundObject
from bcdi_inpaint.scan.scan import Scan

SIGMA = (0.5, 0.8, 0.2)


def params(**more: Any) -> dict[str, Any]:
    return {"psf": False, "algorithm": None, "nb_ml": 0, "density": None, **more}


# --- what is chosen -------------------------------------------------------------------------------


def test_the_files_widths_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    of_run = params()
    known = known_of(of_run, {"coherence_sigma": np.array(SIGMA)})
    assert known.psf_sigma == pytest.approx(SIGMA)
    assert _psf_sigma(of_run, known) == pytest.approx(SIGMA)
    assert of_run["inpaint_used_psf_sigma"] == pytest.approx(SIGMA)
    for is_gaussian, form in ((True, "a Gaussian"), (False, "as the refinement found it, near a")):
        _say_psf(np.array(SIGMA), is_gaussian)
        said = capsys.readouterr().out
        assert f"psf: {form}" in said
        assert "0.50, 0.80, 0.20 voxels" in said


@pytest.mark.parametrize(
    "more",
    [
        {"psf": "gaussian,0.5,10"},
        {"psf": "none"},
        {"algorithm": "er**50,psf=5,raar**100,psf_init=gaussian@0.5,raar**100"},
        {"nb_ml": 20},
        {"algorithm": "ml**20,er**50"},
    ],
)
def test_the_user_comes_first(more: dict[str, Any]) -> None:
    of_run = params(**more)
    take_psf_choice(of_run)
    known = known_of(of_run, {"coherence_sigma": np.array(SIGMA)})
    assert _psf_sigma(of_run, known) is None
    assert of_run["psf"] == (False if more.get("psf") == "none" else more.get("psf", False))


@pytest.mark.parametrize("record", [{}, {"coherence_sigma": 0.0}, {"coherence_sigma": np.nan}])
def test_no_width_is_no_psf(record: dict[str, Any]) -> None:
    assert known_of(params(), record) == Knowledge()


def test_the_density_is_the_users_or_the_files() -> None:
    in_file = {"density_strength": 0.3}
    found = [known_of(params(density=given), in_file) for given in (None, 0.1, 0)]
    assert [known.density.strength for known in found] == [0.3, 0.1, 0]


def test_a_strength_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=r"^density is 2, expected 0 to 1"):
        known_of(params(density=2.0), {})


@pytest.mark.parametrize(
    ("given", "level"), [(None, 0.4), ("1.5", 1.5), ("none", 0), ("auto", None)]
)
def test_the_background_is_the_users_or_the_files(given: str | None, level: float | None) -> None:
    assert known_of(params(background=given), {"background": 0.4}).background == level


@pytest.mark.parametrize("given", ["much", "-1", "inf", "nan"])
def test_a_background_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(InputError, match=f"^background is '{given}', expected photons in every"):
        known_of(params(background=given), {})


# --- in a run -------------------------------------------------------------------------------------


@pytest.fixture
def scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counts: np.ndarray
) -> Callable[..., Path]:
    """Writes a filled scan whose file says something of beam and crystal."""
    monkeypatch.chdir(tmp_path)

    def write(lift: float = 0.0, **said: Any) -> Path:
        lifted = counts + np.random.default_rng(0).poisson(lift, counts.shape)
        gap = np.zeros(counts.shape, bool)
        gap[:, :, 28:34] = True
        of_scan = Scan(np.where(gap, 0, lifted).astype(np.float32), gap)
        fill = np.where(gap, np.maximum(lifted, 1e-3), lifted).astype(np.float32)
        trusted = gap & (said.get("written_for") != "prior")
        sigma = np.where(gap, np.float32(0.05), 0)
        arrays = filled_arrays(of_scan, gap, fill, trusted=trusted, sigma=sigma)
        write_filled_cxi(tmp_path / "scan.cxi", of_scan, arrays, {"handover": "mask", **said})
        return tmp_path / "scan.cxi"

    return write


def prepared(path: Path, *options: str) -> Any:
    """The `CDI` of a run, as it begins."""
    with as_program("pynx-cdi-id01", ["--data", str(path), *options]), quiet():
        runner = pynx_runner._runner_class(import_pynx("cdi.runner.id01"))(["x"], None)
        base = with_knowledge(runner.CDIRunnerScan, KnowledgeOfData)
        of_scan = with_carried_fill(base, FillOfData)(runner.params, None)
        for step in ("load_data", "prepare_processing_unit", "prepare_data", "prepare_cdi"):
            getattr(of_scan, step)()
    return of_scan.cdi


def test_a_cdi_begins_with_both(scan: Callable[..., Path], pynx: str) -> None:
    path = scan(coherence_sigma=np.array(SIGMA), density_strength=0.1)
    cdi = prepared(path, "--rebin", "1", "2", "2", "--roi", "16", "32", *["8", "40"] * 2)
    for axis, sigma in enumerate(SIGMA):
        first = cdi._psf_f[tuple(int(a == axis) for a in range(3))]  # of one turn along the axis
        in_bins = sigma / (1, 2, 2)[axis]
        expected = np.exp(-2 * (np.pi * in_bins / cdi.iobs.shape[axis]) ** 2)
        assert first == pytest.approx(expected, abs=1e-6)
    held = getattr(cdi, DENSITY)
    assert (held.settings.strength, held.cycles) == (0.1, 600)


@pytest.mark.parametrize("start", ["found", "random"])
def test_a_cdi_begins_with_the_function_under_which_objects_were_found(
    scan: Callable[..., Path], start: str, pynx: str
) -> None:
    path, psf = scan(coherence_sigma=np.array(SIGMA)), np.zeros((40, 40, 40), np.float32)
    psf[20, 20, 19:22] = 0.25, 0.5, 0.25
    objects = some_objects((slice(4, 44),) * 3, [0.5])
    with h5py.File(path, "r+") as file:
        write_objects(file, [replace(objects[0], psf=psf)])
    cdi = prepared(path, *SHORT_RUNS, "--start", start)
    along_columns, along_rows = cdi._psf_f[0, 0, 1], cdi._psf_f[0, 1, 0]
    found, gaussian = (
        0.5 + 0.5 * np.cos(2 * np.pi / 32),
        np.exp(-2 * (np.pi * SIGMA[2] / 32) ** 2),
    )
    wanted = found if start == "found" else gaussian
    assert along_columns == pytest.approx(wanted, abs=1e-6)
    assert (along_rows == pytest.approx(1, abs=1e-6)) == (start == "found")


def test_a_file_that_says_nothing_leaves_pynx_as_it_is(
    scan: Callable[..., Path], pynx: str
) -> None:
    cdi = prepared(scan())
    assert cdi._psf_f is None
    assert not hasattr(cdi, DENSITY)


ROI = ("--rebin", "1", "2", "2", "--roi", "16", "32", *["8", "40"] * 2)


@pytest.mark.parametrize("photon", [1.0, 2.5])
def test_a_background_is_taken_off_what_is_measured_and_off_the_fill(
    scan: Callable[..., Path], pynx: str, photon: float
) -> None:
    path = scan(background=0.3, photon=photon, written_for="prior")
    without, plain = prepared(path, *ROI), prepared(path, *ROI, "--background", "none")
    level = 4 * 0.3 * photon  # of a bin
    measured = plain.iobs >= 0
    left = np.maximum(plain.iobs[measured] - np.float32(level), 0)
    np.testing.assert_allclose(without.iobs[measured], left, rtol=1e-6)
    np.testing.assert_array_equal(without.iobs[~measured] < 0, True)
    of_fill, before = (getattr(cdi, CARRIED).known.log_counts for cdi in (without, plain))
    expected = np.log1p(np.maximum(np.expm1(before) - level, 0))
    np.testing.assert_allclose(of_fill, expected, atol=1e-4)


def test_what_the_data_show_is_taken_off_where_that_is_asked_for(
    scan: Callable[..., Path], pynx: str
) -> None:
    path = scan(2.0)
    cdi, plain = prepared(path, "--background", "auto"), prepared(path)
    measured = plain.iobs >= 0
    off = (plain.iobs - cdi.iobs)[measured & (cdi.iobs > 0)]
    assert np.ptp(off[plain.iobs[measured & (cdi.iobs > 0)] < 100]) < 1e-3
    assert off.min() == pytest.approx(2.0, rel=0.2)


def test_data_that_cannot_tell_are_left_as_they_are(scan: Callable[..., Path], pynx: str) -> None:
    path = scan()
    cdi = prepared(path, *ROI, "--background", "auto")
    np.testing.assert_array_equal(cdi.iobs, prepared(path, *ROI).iobs)


def test_results_say_what_was_used(scan: Callable[..., Path], tmp_path: Path, pynx: str) -> None:
    np.random.seed(1)
    short = ("--nb_raar", "20", "--nb_er", "5", "--roi", "8", "40", "8", "40", "8", "40")
    path = scan(coherence_sigma=np.array(SIGMA))
    run_pynx("pynx-cdi-id01", ["--data", str(path), *short, "--density", "0.2"])
    (file,) = [path for path in tmp_path.glob("*_LLKf*.cxi") if not path.is_symlink()]
    with h5py.File(file) as opened:
        said = opened["entry_1/image_1/process_1/configuration"]
        assert said["inpaint_used_psf_sigma"][()] == pytest.approx(SIGMA)
        assert said["inpaint_used_density"][()] == pytest.approx(0.2)
        assert "entry_1/image_1/instrument_1/detector_1/point_spread_function" in opened


@pytest.fixture
def begun(
    scan: Callable[..., Path], particle: tuple[np.ndarray, np.ndarray], counts: np.ndarray
) -> Path:
    """A filled scan of 250 counts a photon whose file holds the true object, of a part of it."""
    path = scan(photon=250.0, written_for="prior", handover="prior")
    truth, inside = particle
    found = FoundObject(truth.astype(np.complex64), inside, whole(counts.shape), 1.0)
    with h5py.File(path, "r+") as file:
        write_objects(file, [found.in_box((slice(4, 44),) * 3)])
    return path


SHORT_RUNS = ("--roi", "8", "40", "8", "40", "8", "40", "--nb_raar", "24", "--nb_er", "8")


def results_of(folder: Path) -> list[tuple[np.ndarray, np.ndarray, dict[str, Any]]]:
    """Objects, supports and configurations of the runs, in their order."""
    files = sorted(one for one in folder.glob("*_Run*_LLKf*.cxi") if not one.is_symlink())
    found = []
    for name in files:
        with h5py.File(name) as file:
            image = file["entry_1/image_1"]
            said = {key: node[()] for key, node in image["process_1/configuration"].items()}
            found.append((image["data"][()], image["mask"][()] != 0, said))
    return found


def test_the_first_runs_begin_at_the_objects_of_the_file(
    begun: Path, tmp_path: Path, pynx: str, capfd: pytest.CaptureFixture[str]
) -> None:
    run_pynx("pynx-cdi-id01", ["--data", str(begun), *SHORT_RUNS, "--nb_run", "2"])
    assert capfd.readouterr().out.count("begins at an object that the refinement found") == 1
    (_, support, said), (_, other, of_random) = results_of(tmp_path)
    cut = read_objects(begun)[0].in_box((slice(8, 40),) * 3)
    assert support.sum() == cut.support.sum()  # PyNX's updates change it
    assert other.sum() != cut.support.sum()
    assert said["inpaint_used_object"] == 1
    assert (said["nb_raar"], said["nb_er"], said["support_update_period"]) == (0, 2, 3)
    assert said["inpaint_handover"] == b"mask"  # the object holds what the fill says
    assert of_random["inpaint_handover"] == b"prior"
    assert "inpaint_used_object" not in of_random
    read_back = [_read(path) for _, path in sorted(results(tmp_path).items())]
    assert [one.begun for one in read_back] == [True, False]
    assert (of_random["nb_raar"], of_random["support_update_period"]) == (24, 50)


PLACES = np.array([[12, 16, 30], [20, 31, 14], [33, 24, 33], [9, 24, 24]])
"""Of islands in the scan; the last one reaches out of what is phased."""


def with_islands(path: Path) -> Path:
    with h5py.File(path, "r+") as file:
        del file[OBJECTS]["unseen"]
        file[OBJECTS]["unseen"] = PLACES
    return path


def free_voxels(cdi: Any) -> np.ndarray:
    return np.asarray(np.fft.fftshift(cdi.get_free_pixel_mask()))


def test_voxels_that_the_objects_have_not_seen_judge_the_runs(begun: Path, pynx: str) -> None:
    cdi = prepared(with_islands(begun), *SHORT_RUNS)
    islands = islands_in(PLACES, as_box([slice(8, 40)] * 3))
    assert islands is not None
    gap = np.zeros(islands.shape, bool)
    gap[:, :, 20:26] = True
    assert islands[gap].any()
    np.testing.assert_array_equal(free_voxels(cdi), islands & ~gap)


def test_a_line_says_so_and_runs_at_random_have_the_same_ones(
    begun: Path, tmp_path: Path, pynx: str, capfd: pytest.CaptureFixture[str]
) -> None:
    run_pynx("pynx-cdi-id01", ["--data", str(with_islands(begun)), *SHORT_RUNS, "--nb_run", "2"])
    (_, _, begun_there), (_, _, at_random) = results_of(tmp_path)
    np.testing.assert_array_equal(begun_there["free_pixel_mask"], at_random["free_pixel_mask"])
    n_free = begun_there["free_pixel_mask"].sum()
    assert 123 < n_free <= 3 * 123
    told = f"{n_free} free voxels, none of which the refinement has seen"
    assert capfd.readouterr().out.count(told) == 1


@pytest.mark.parametrize(
    "more",
    [
        ("--start", "random"),
        ("--algorithm", "er**2,raar**4"),
        ("--rebin", "1", "1", "2"),
    ],
)
def test_where_no_run_begins_at_objects_free_voxels_are_pynx_s(
    begun: Path, pynx: str, more: tuple[str, ...]
) -> None:
    np.random.seed(3)
    plain = free_voxels(prepared(begun, *SHORT_RUNS, *more))
    np.random.seed(3)
    found = free_voxels(prepared(with_islands(begun), *SHORT_RUNS, *more))
    np.testing.assert_array_equal(found, plain)


def test_where_none_of_them_is_measured_free_voxels_are_pynx_s(begun: Path, pynx: str) -> None:
    with h5py.File(with_islands(begun), "r+") as file:
        mask = file["entry_1/instrument_1/detector_1/mask"]
        islands = islands_in(PLACES, as_box([slice(8, 40)] * 3))
        mask[8:40, 8:40, 8:40] = mask[8:40, 8:40, 8:40] | islands
    with np.errstate(all="ignore"):
        cdi = import_pynx("cdi").LLK() * prepared(begun, *SHORT_RUNS)  # which draws them late
    found = free_voxels(cdi)
    assert found.any()
    assert not (found & islands).any()


def test_free_voxels_of_the_users_come_first(begun: Path, tmp_path: Path, pynx: str) -> None:
    own = np.zeros((32, 32, 32), bool)
    own[20:25, 4:9, 4:9] = True
    np.save(tmp_path / "free.npy", own)
    more = ("--free_pixel_mask", str(tmp_path / "free.npy"))
    np.testing.assert_array_equal(
        free_voxels(prepared(with_islands(begun), *SHORT_RUNS, *more)), own
    )


@pytest.mark.parametrize(
    "more",
    [
        ("--start", "random"),
        ("--algorithm", "er**2,raar**4"),
        ("--support_update_period", "0"),
        ("--nb_ml", "2"),
    ],
)
def test_a_course_of_the_users_own_comes_first(
    begun: Path, tmp_path: Path, pynx: str, capfd: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    run_pynx("pynx-cdi-id01", ["--data", str(begun), *SHORT_RUNS, *more])
    assert "begins at an object" not in capfd.readouterr().out


def test_an_object_has_the_unit_of_the_data(begun: Path) -> None:
    of_scan = KnowledgeOfData()
    ends = [8, 40] * 3
    of_scan.params = {"data": str(begun), "rebin": None, "roi_final": ends, "start": "found"}
    (found,) = of_scan.objects()
    (stored,) = read_objects(begun)
    assert np.sum(np.abs(found.obj) ** 2) == pytest.approx(
        250 * np.sum(np.abs(stored.in_box((slice(8, 40),) * 3).obj) ** 2), rel=1e-4
    )
