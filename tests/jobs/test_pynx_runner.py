"""PyNX's own command with a fill: what it takes, what it heeds, what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from scan_files import filled_arrays

from bcdi_inpaint.cli import main
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals.object_error import compare
from bcdi_inpaint.files import (
    FilledArrays,
    read_fill,
    read_provenance,
    read_scan,
    write_filled_cxi,
    write_filled_npz,
    write_scan,
)
from bcdi_inpaint.jobs import pynx_runner
from bcdi_inpaint.jobs.fill_of_data import FillOfData
from bcdi_inpaint.jobs.pynx_runner import run_pynx
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing.pynx_faults import as_program
from bcdi_inpaint.phasing.pynx_projection import CARRIED
from bcdi_inpaint.phasing.pynx_scan import with_carried_fill
from bcdi_inpaint.pynx_engine import import_pynx, quiet
from bcdi_inpaint.scan.scan import Scan

SHORT = ("--nb_raar", "20", "--nb_er", "5")
pytestmark = pytest.mark.usefixtures("pynx")


@pytest.fixture
def gap(counts: np.ndarray) -> np.ndarray:
    mask = np.zeros(counts.shape, bool)
    mask[:, :, 28:34] = True
    return mask


@pytest.fixture
def scan(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    counts: np.ndarray,
    gap: np.ndarray,
    particle: tuple[np.ndarray, np.ndarray],
) -> Callable[[str], Path]:
    """Writes a scan filled with what is expected, for a hand-over; we are in its folder."""
    monkeypatch.chdir(tmp_path)

    def write(handover: str) -> Path:
        amplitude = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(particle[0])))
        expected = np.abs(amplitude) ** 2 * 1e6 / np.max(np.abs(amplitude) ** 2)
        measured = np.where(gap, 0, counts).astype(np.float32)
        bad = gap.copy()
        bad[3, 4, 5] = True
        fill = np.where(gap, np.maximum(expected, 1e-3), measured).astype(np.float32)
        calibration = {f"calibration_{name}": value for name, value in Calibration()}
        trusted = gap if handover == "hard" else np.zeros_like(gap)
        of_scan = Scan(measured, bad)
        sigma = np.where(gap, np.float32(0.05), np.float32(0))
        arrays = filled_arrays(of_scan, gap, fill, sigma=sigma, trusted=trusted)
        path = tmp_path / f"{handover}.cxi"
        write_filled_cxi(path, of_scan, arrays, {"handover": handover, **calibration})
        return path

    return write


def results(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*_LLKf*.cxi") if not path.is_symlink())


def stepped(path: Path, *options: str) -> Any:
    """A runner's scan, prepared as for a run."""
    runner_module = import_pynx("cdi.runner.id01")
    with as_program("pynx-cdi-id01", ["--data", str(path), *options]), quiet():
        runner = pynx_runner._runner_class(runner_module)(["pynx-cdi-id01"], None)
        of_scan = with_carried_fill(runner.CDIRunnerScan, FillOfData)(runner.params, None)
        of_scan.zero_mask_default = None if runner.zero_mask_said else "auto"
        of_scan.load_data()
        of_scan.prepare_processing_unit()
        of_scan.prepare_data()
        of_scan.prepare_cdi()
    return of_scan


# --- without a fill -------------------------------------------------------------------------------


def test_without_a_fill_it_is_pynx(
    tmp_path: Path,
    counts: np.ndarray,
    gap: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "scan.cxi"
    middle = (slice(8, 40),) * 3  # which is faster
    write_scan(path, counts[middle].astype(np.float32), gap[middle])
    arguments = ["--data", str(path), "--nb_run", "2", "--support_threshold", "0.2", "0.3", *SHORT]
    found = []
    for name in ("plain", "ours"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        np.random.seed(3)
        if name == "plain":
            module = import_pynx("cdi.runner.id01")
            with as_program("pynx-cdi-id01", arguments), quiet():
                module.CDIRunnerID01(["pynx-cdi-id01"], None).process_scans()
        else:
            run_pynx("pynx-cdi-id01", arguments)
        files = results(tmp_path / name)
        assert len(files) == 2
        for file in files:
            with h5py.File(file) as opened:
                found.append(opened["entry_1/image_1/data"][()])
    assert np.array_equal(found[0], found[2])
    assert np.array_equal(found[1], found[3])
    assert "zero_mask auto holds masked voxels" in capsys.readouterr().out


# --- with one -------------------------------------------------------------------------------------


def test_the_prior_finds_the_particle_better_than_the_masked_gap(
    scan: Callable[[str], Path], tmp_path: Path, particle: tuple[np.ndarray, np.ndarray]
) -> None:
    errors = {}
    for handover in ("mask", "prior"):
        np.random.seed(1)
        run_pynx(
            "pynx-cdi-id01",
            ["--data", str(scan(handover)), "--nb_raar", "80", "--nb_er", "20", "--detwin"],
        )
        (file,) = results(tmp_path)
        assert read_provenance(file)["handover"] == handover
        with h5py.File(file) as opened:
            found = opened["entry_1/image_1/data"][()]
            support = opened["entry_1/image_1/support"][()] > 0
        obj = np.zeros((48,) * 3, np.complex64)
        inside = np.zeros(obj.shape, bool)
        box = tuple(slice(24 - n // 2, 24 - n // 2 + n) for n in found.shape)
        obj[box], inside[box] = found, support
        errors[handover] = compare(obj * inside, particle[0], particle[1]).phase_rms_rad
        file.unlink()
    assert errors["prior"] < 0.5 * errors["mask"]


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ((), (48, 48, 48)),
        (("--roi", "4", "44", "6", "46", "8", "48"), (40, 40, 40)),
        (("--rebin", "2", "--roi", "full"), (24, 24, 24)),
        (("--rebin", "1", "2", "2", "--roi", "4", "44", "2", "46", "4", "44"), (40, 22, 20)),
        (("--max_size", "32"), (32, 32, 32)),
    ],
)
def test_the_fill_goes_the_way_of_the_data(
    scan: Callable[[str], Path], options: tuple[str, ...], shape: tuple[int, ...]
) -> None:
    of_scan = stepped(scan("prior"), *options)
    held, iobs = getattr(of_scan.cdi, CARRIED), of_scan.cdi.iobs
    assert all(n <= most for n, most in zip(iobs.shape, shape, strict=True))
    masked = iobs <= -1e19
    assert masked.ravel()[held.known.index].all()
    assert 0 <= masked.sum() - len(held.known.index) <= 1  # the hot voxel, where it is inside
    # beside the gap the fill goes on as the measured do
    total = np.where(masked, 0, np.where(iobs < 0, -iobs - 1, iobs))
    total.ravel()[held.known.index] = np.expm1(held.known.log_counts)
    of_carried = np.fft.ifftshift(of_scan.carried.counts)
    assert np.allclose(total[~masked], of_carried[~masked], rtol=1e-4, atol=1e-2)
    assert np.allclose(
        total.ravel()[held.known.index], of_carried.ravel()[held.known.index], rtol=1e-4
    )


def test_a_flat_field_scales_the_fill(scan: Callable[[str], Path], tmp_path: Path) -> None:
    np.save(tmp_path / "flat.npy", np.full((48, 48), 2.0, np.float32))
    path = scan("prior")
    plain, doubled = stepped(path), stepped(path, "--flatfield", str(tmp_path / "flat.npy"))
    once, twice = (np.expm1(s.held.known.log_counts) for s in (plain, doubled))
    assert np.allclose(twice, 2 * once, rtol=1e-4)


def test_filled_voxels_are_never_free_ones(scan: Callable[[str], Path], gap: np.ndarray) -> None:
    np.random.seed(0)
    free = np.fft.fftshift(stepped(scan("hard")).cdi.get_free_pixel_mask())
    assert free.any()
    assert not free[gap].any()


def test_zero_mask_is_the_users_or_none(
    scan: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = scan("prior")
    assert stepped(path).params["zero_mask"] == "0"
    assert stepped(path, "--zero_mask", "auto").params["zero_mask"] == "auto"


def test_scans_of_one_command_each_have_what_suits_them(
    scan: Callable[[str], Path],
    tmp_path: Path,
    counts: np.ndarray,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The filled one leaves nothing to the next: neither its zero_mask nor its provenance."""
    scan("prior").rename("S1.cxi")
    write_scan(tmp_path / "S2.cxi", counts.astype(np.float32), np.zeros(counts.shape, bool))
    data = ("--data", "S%d.cxi", "--scan", "1,2", "--roi", "8", "40", "8", "40", "12", "36")
    run_pynx("pynx-cdi-id01", [*data, "--nb_run", "2", "--nb_raar", "4", "--nb_er", "2"])
    of_scan = {}
    for file in results(tmp_path):
        with h5py.File(file) as opened:
            said = opened["entry_1/image_1/process_1/configuration"]
            of_scan[file.name[:2]] = {name: said[name][()] for name in said if "mask" in name}
            assert ("inpaint_handover" in said) == file.name.startswith("S1")
    assert of_scan["S1"]["zero_mask"] == b"0"
    assert of_scan["S2"]["zero_mask"] == b"auto"


def test_operators_of_other_versions_are_passed_through_and_heed_the_fill(
    scan: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later PyNX has tv_er, tv_hio and tv_raar: here an operator under that name is PyNX's RAAR."""
    module, cdi = import_pynx("cdi.runner.runner"), import_pynx("cdi")
    monkeypatch.setattr(module, "tv_raar", cdi.RAAR(calc_llk=50), raising=False)
    monkeypatch.setattr(module, "tv_er", cdi.ER(calc_llk=50), raising=False)
    path, held = str(scan("prior")), []
    for chain in ("ER**2,RAAR**6", "tv_er**2,tv_raar**6"):
        np.random.seed(1)
        run_pynx("pynx-cdi-id01", ["--data", path, "--algorithm", chain])
        (file,) = results(tmp_path)
        with h5py.File(file) as opened:
            held.append(opened["entry_1/image_1/data"][()])
        file.unlink()
    assert np.array_equal(*held)
    with pytest.raises(InputError, match="name 'tv_hio' is not defined"):  # PyNX's own words
        run_pynx("pynx-cdi-id01", ["--data", path, "--algorithm", "tv_hio**2"])


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--algorithm", "ER**5,upsample=2,RAAR**5"), "upsample= changes the grid under the fill"),
        (("--algorithm", "crop2bin,RAAR**5"), "crop2bin changes the grid"),
        (("--mask", "maxipix6"), "PyNX stopped: CDIRunnerException"),
        (("--gpu", "H100"), "gpu is H100, but there is none here"),
    ],
)
def test_what_cannot_be_carried_is_one_line(
    scan: Callable[[str], Path], tmp_path: Path, options: tuple[str, ...], line: str
) -> None:
    with pytest.raises(InputError, match=line) as caught:
        run_pynx("pynx-cdi-id01", ["--data", str(scan("prior")), *SHORT, *options])
    assert "\n" not in str(caught.value)
    assert not results(tmp_path)


def test_a_missing_file_is_one_line() -> None:
    with pytest.raises(InputError, match=r"nothing\.npz does not exist"):
        run_pynx("pynx-cdi-id10", ["--data", "nothing.npz"])


# --- the command ----------------------------------------------------------------------------------


def test_parameters_may_come_from_a_file_as_cdiutils_writes_it(
    scan: Callable[[str], Path], tmp_path: Path
) -> None:
    path = scan("prior")
    (tmp_path / "pynx-cdi-inputs.txt").write_text(
        f'# parameters\ndata = "{path}"\nnb_run = 2\nnb_run_keep = 1\nnb_raar = 20\nnb_er = 5\n'
        "support_threshold = 0.2, 0.3\npsf = pseudo-voigt,1,0.05,20\ndetwin = False\n"
    )
    done = CliRunner().invoke(main, ["pynx-cdi-id01", "pynx-cdi-inputs.txt"])
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    (kept,) = results(tmp_path)
    assert kept.name.startswith("prior-")
    assert "_Run000" in kept.name


def test_help_is_pynxs_own_below_what_is_other_here() -> None:
    done = CliRunner().invoke(main, ["pynx-cdi-id01", "--help"])
    assert done.exit_code == 0
    ours, _, own = done.output.partition("usage:")
    assert ours.startswith("bcdi-inpaint pynx-cdi-id01 is PyNX's own command")
    assert "the default is --zero_mask 0" in ours
    assert "--nb_run_keep" in own


def test_an_unknown_version_gets_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pynx_runner, "MADE_FOR", ("1.0",))
    pynx_runner._check_version()
    assert "made for 1.0" in capsys.readouterr().out


def test_a_pair_brings_its_fill(scan: Callable[[str], Path], tmp_path: Path) -> None:
    stored = read_fill(scan("prior"))
    filled = read_scan(tmp_path / "prior.cxi")
    assert stored is not None
    arrays = FilledArrays(
        filled.counts,
        stored.filled,
        filled.bad_mask,
        stored.sigma,
        *(stored.lower_bound, stored.upper_bound),
    )
    path = tmp_path / "S1_pynx_input_data.npz"
    record = {f"calibration_{name}": value for name, value in Calibration()}
    of_scan = Scan(np.where(stored.filled, 0, filled.counts), filled.bad_mask)
    write_filled_npz(path, of_scan, arrays, {"written_for": "prior", **record})
    mask = str(tmp_path / "S1_pynx_input_mask.npz")
    held = stepped(path, "--mask", mask).held
    assert held is not None
    assert len(held.known.index) == stored.filled.sum()
