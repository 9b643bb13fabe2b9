"""The command line: what it accepts, and the one line it answers to what it cannot."""

from __future__ import annotations

import hashlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import h5py
import hdf5plugin
import numpy as np
import pytest
import tifffile
import torch
from click.testing import CliRunner, Result
from processes import Template

from bcdi_inpaint.cli import main
from bcdi_inpaint.files import DETECTOR, read_fill, read_provenance, read_scan, write_scan
from bcdi_inpaint.jobs.pynx_command import for_this_machine, look_command
from bcdi_inpaint.network.unet import GapUNet, NetworkConfig
from bcdi_inpaint.network.weights import save_weights
from bcdi_inpaint.phasing import benefit as advice
from bcdi_inpaint.phasing.benefit import NOWHERE
from bcdi_inpaint.phasing.handover import NAMES
from bcdi_inpaint.training import RunOptions

SHAPE = (8, 48, 44)
GAP = np.zeros(SHAPE, dtype=bool)
GAP[:, 20:26] = GAP[:, :, 26:32] = True


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a tiny untrained network: quick, and the kriged first guess."""
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    config = NetworkConfig(channels=(8, 8), dilations=((1, 1), (1, 2)))
    save_weights(path, GapUNet(config), {})
    return path


@pytest.fixture
def counts() -> np.ndarray:
    """A peak of 1e5 photons with noise, nothing in the cross, as int32."""
    grids = np.meshgrid(*[np.arange(n) - n / 2 for n in SHAPE], indexing="ij")
    expected = 1e5 / (1 + 0.02 * sum(g**2 for g in grids)) ** 1.5
    counts = np.random.default_rng(0).poisson(expected).astype(np.int32)
    counts[GAP] = 0
    return counts


def write(path: Path, counts: np.ndarray, mask: np.ndarray | None = None) -> Path:
    write_scan(path, counts, mask)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["predict", *map(str, arguments)])


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- the good case --------------------------------------------------------------------------------


def test_a_scan_is_filled_and_nothing_else_is_touched(
    tmp_path: Path, counts: np.ndarray, model: Path
) -> None:
    mask = GAP.astype(np.int16) * 512
    mask[3, 19, 10] = mask[:, 36, 32] = 4  # hot pixels, both touching the gap
    scan = write(tmp_path / "my scan.cxi", counts, mask)
    with h5py.File(scan, "a") as file:  # the flags as a beamline stores them
        del file[f"{DETECTOR}/mask"]
        file[f"{DETECTOR}/mask"] = mask
    before = digest(scan)
    result = run(scan, "--model", model, "--handover", "hard", "--plot")
    assert result.exit_code == 0, result.stderr
    output = tmp_path / "my scan_inpainted.cxi"
    filled = read_scan(output)
    np.testing.assert_array_equal(filled.counts[~GAP], counts[~GAP].astype(np.float32))
    assert filled.counts.dtype == np.float32
    assert (filled.counts[GAP] > 0).all()
    with h5py.File(output) as file:
        detector = file[DETECTOR]
        assert detector["mask"].dtype == np.int8
        np.testing.assert_array_equal(detector["mask"][:], (mask == 4) & ~GAP)
        np.testing.assert_array_equal(detector["filled"][:] != 0, GAP)
        np.testing.assert_array_equal(detector["original_flags"][:], mask)
        process = file["entry_1/data_1/process_1"]
        assert process["configuration/inpaint_input_sha256"][()].decode() == before
        names: list[str] = []
        file.visit(names.append)
        assert [n for n in names if "mask" in n] == [f"{DETECTOR}/mask"]
    assert digest(scan) == before
    assert (tmp_path / "my scan_inpainted.png").read_bytes().startswith(b"\x89PNG")
    assert "rows 20:26, cols 26:32" in result.stdout
    own = for_this_machine(f"pynx-cdi-id01 --data '{output}' --zero_mask 0")
    assert result.stdout.splitlines()[-1] == own


def test_quiet_prints_the_command_alone(tmp_path: Path, counts: np.ndarray, model: Path) -> None:
    scan = write(tmp_path / "s.cxi", counts, GAP)
    result = run(scan, "--model", model, "--handover", "hard", "-q")
    command = f"pynx-cdi-id01 --data {tmp_path / 's_inpainted.cxi'} --zero_mask 0"
    assert result.stdout == f"{for_this_machine(command)}\n"


def test_the_printed_commands_are_what_pynx_parses(
    tmp_path: Path, counts: np.ndarray, model: Path, pynx: str
) -> None:
    """By PyNX's own loader: no filled voxel is masked, and with the note's mask all are."""
    from bcdi_inpaint.pynx_engine import import_pynx, quiet

    scan = write(tmp_path / "s.cxi", counts, GAP)
    lines = run(scan, "--model", model, "--handover", "hard").stdout.splitlines()
    added = lines[-2].partition("add ")[2]
    id01 = import_pynx("cdi.runner.id01")
    runner = import_pynx("cdi.runner.runner")
    for command, hidden in ((lines[-1], False), (f"{lines[-1]} {added}", True)):
        with quiet():
            parameters = vars(id01.CDIRunnerID01.make_parser().parse_args(shlex.split(command)[1:]))
            scan_runner = id01.CDIRunnerScanID01(parameters, None)
            scan_runner.load_data()
            scan_runner.init_mask()
        mask = np.zeros(SHAPE) if scan_runner.mask is None else scan_runner.mask
        np.testing.assert_array_equal(mask[GAP] != 0, hidden)
    assert runner is not None


@pytest.mark.parametrize("form", ["bitshuffle", "pair", "npy", "detector"])
def test_every_kind_of_input(tmp_path: Path, counts: np.ndarray, model: Path, form: str) -> None:
    if form == "bitshuffle":
        path = tmp_path / "raw.h5"
        with h5py.File(path, "w") as file:
            file.create_dataset("1.1/measurement/mpx1x4", data=counts, **hdf5plugin.Bitshuffle())
        result = run(f"{path}:/1.1/measurement/mpx1x4", "--model", model)
    elif form == "pair":
        path = tmp_path / "S1_pynx_input_data.npz"
        np.savez(path, data=counts)
        np.savez(tmp_path / "S1_pynx_input_mask.npz", data=GAP.astype(np.int8))
        result = run(path, "--model", model)
    elif form == "npy":
        path = tmp_path / "scan.npy"
        np.save(path, counts)
        result = run(path, "--gap", "rows=20:26", "--gap", "cols=26:32", "--model", model)
    else:
        path = write(tmp_path / "scan.cxi", counts)
        result = run(path, "--detector", "maxipix", "--roi", "235,229", "--model", model)
    assert result.exit_code == 0, result.stderr
    output = path.with_name(f"{path.stem}_inpainted.cxi")
    with h5py.File(output) as file:
        np.testing.assert_array_equal(file[f"{DETECTOR}/filled"][:] != 0, GAP)
    np.testing.assert_array_equal(read_scan(output).counts[~GAP], counts[~GAP])


# --- bad input ------------------------------------------------------------------------------------

Make = Callable[[Path, np.ndarray], tuple[object, ...]]


def _file(name: str, content: bytes) -> Make:
    def make(folder: Path, _counts: np.ndarray) -> tuple[object, ...]:
        (folder / name).write_bytes(content)
        return (folder / name,)

    return make


def _changed(change: Callable[[np.ndarray, np.ndarray], None], *options: str) -> Make:
    """A scan (float32) and its mask, after `change` has been at them."""

    def make(folder: Path, counts: np.ndarray) -> tuple[object, ...]:
        changed, mask = counts.astype(np.float32), GAP.copy()
        change(changed, mask)
        return write(folder / "scan.cxi", changed, mask), *options

    return make


def _truncated(folder: Path, counts: np.ndarray) -> tuple[object, ...]:
    path = write(folder / "scan.cxi", counts, GAP)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return (path,)


def _no_data_set(folder: Path, _counts: np.ndarray) -> tuple[object, ...]:
    with h5py.File(folder / "scan.cxi", "w") as file:
        file.create_group("entry_1")
    return (folder / "scan.cxi",)


def _two_dimensional(folder: Path, counts: np.ndarray) -> tuple[object, ...]:
    np.save(folder / "scan.npy", counts[0])
    return (folder / "scan.npy",)


def _type_maximum(folder: Path, counts: np.ndarray) -> tuple[object, ...]:
    marked = counts.astype(np.uint32)
    marked[0, 0, 0] = 2**32 - 1
    return (write(folder / "scan.cxi", marked, GAP),)


def _wrong_mask(folder: Path, counts: np.ndarray) -> tuple[object, ...]:
    np.save(folder / "m.npy", np.zeros((5, 6)))
    return write(folder / "scan.cxi", counts, GAP), "--mask", folder / "m.npy"


def _existing(folder: Path, counts: np.ndarray) -> tuple[object, ...]:
    (folder / "scan_inpainted.cxi").write_bytes(b"precious")
    return (write(folder / "scan.cxi", counts, GAP),)


def _existing_picture(folder: Path, counts: np.ndarray) -> tuple[object, ...]:
    (folder / "scan_inpainted.png").write_bytes(b"precious")
    return write(folder / "scan.cxi", counts, GAP), "--plot"


def _broken_model(folder: Path, counts: np.ndarray) -> tuple[object, ...]:
    (folder / "m.safetensors").write_bytes(b"abc")
    return write(folder / "scan.cxi", counts, GAP), "--model", folder / "m.safetensors"


def _onto_itself(folder: Path, counts: np.ndarray) -> tuple[object, ...]:
    path = write(folder / "scan.cxi", counts, GAP)
    return path, "-o", path, "--force"


def _text(folder: Path, _counts: np.ndarray) -> tuple[object, ...]:
    with h5py.File(folder / "scan.h5", "w") as file:
        file["words"] = "hello"
    return (f"{folder / 'scan.h5'}:/words",)


def _scan(*options: object) -> Make:
    return lambda folder, counts: (write(folder / "scan.cxi", counts, GAP), *options)


def _only_at_the_edge(counts: np.ndarray, mask: np.ndarray) -> None:
    counts[GAP] = 9
    mask[...] = False
    mask[:, :4] = True


BAD: dict[str, tuple[Make, str]] = {
    "missing": (lambda folder, _: (folder / "absent.cxi",), "does not exist"),
    "a folder": (lambda folder, _: (folder,), "folder"),
    "empty": (_file("scan.cxi", b""), "empty"),
    "not HDF5": (_file("scan.cxi", b"hello" * 100), "not HDF5"),
    "truncated": (_truncated, "intact"),
    "unknown extension": (_file("scan.jpg", b"1"), "extension"),
    "no data set": (_no_data_set, "no data set"),
    "2D": (_two_dimensional, "2 dimensions"),
    "NaN": (_changed(lambda c, m: c.__setitem__((1, 2, 3), np.nan)), "frame 1, row 2, column 3"),
    "negative": (_changed(lambda c, m: c.__setitem__((1, 2, 3), -7)), "-7"),
    "the type's maximum": (_type_maximum, "4294967295"),
    "mask of the wrong shape": (_wrong_mask, "(5, 6)"),
    "no gap": (_changed(lambda c, m: (m.fill(False), c.fill(5))), "no gap found"),
    "all masked": (_changed(lambda c, m: m.fill(True)), "masked"),
    "all zero": (_changed(lambda c, m: c.fill(0)), "zero"),
    "gap at the edge": (_changed(_only_at_the_edge), "edge"),
    "gap outside": (_scan("--gap", "rows=40:66"), "outside"),
    "gap of everything": (_scan("--gap", "rows=0:48"), "cover"),
    "gap text": (_scan("--gap", "rows=x"), "rows=x"),
    "gap empty": (_scan("--gap", "rows=9:9"), "rows 9:9"),
    "no name": (lambda folder, _: (".",), "name of a file"),
    "roi without detector": (_scan("--roi", "3,4"), "--detector"),
    "binning without detector": (_scan("--binning", "2"), "--detector"),
    "model cut short": (_broken_model, "cannot be loaded"),
    "output is the input": (_onto_itself, "is the input"),
    "data set of text": (_text, "type"),
    "roi text": (_scan("--detector", "maxipix", "--roi", "a"), "roi"),
    "detector": (_scan("--detector", "pilatus"), "maxipix"),
    "binning": (_scan("--binning", "0"), "binning"),
    "model": (_scan("--model", "absent.safetensors"), "absent.safetensors"),
    "device": (_scan("--device", "tpu"), "tpu"),
    "background text": (_scan("--refine", "--background", "much"), "'much', expected photons"),
    "background alone": (_scan("--background", "0.3"), "background is 0.3 without --refine"),
    "option": (_scan("--fast"), "--fast"),
    "existing output": (_existing, "--force"),
    "existing picture": (_existing_picture, "--force"),
    "folder that cannot be made": (_scan("-o", "/dev/null/folder/x.cxi"), "/dev/null"),
    "output is no CXI": (_scan("-o", "x.tif"), ".cxi"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_line(
    tmp_path: Path, counts: np.ndarray, model: Path, name: str
) -> None:
    make, said = BAD[name]
    arguments = make(tmp_path, counts)
    before = {path: digest(path) for path in tmp_path.iterdir()}
    options = () if "--model" in arguments else ("--model", model)
    result = run(*arguments, *options)
    assert result.exit_code == 2, result.output
    lines = [line for line in result.stderr.splitlines() if not line.startswith("note: ")]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("bcdi-inpaint: ")
    assert said in lines[0]
    assert {path: digest(path) for path in tmp_path.iterdir()} == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_an_absent_gpu_is_said(tmp_path: Path, counts: np.ndarray, model: Path) -> None:
    result = run(write(tmp_path / "s.cxi", counts, GAP), "--device", "cuda", "--model", model)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert "GPU" in result.stderr


def test_a_folder_that_may_not_be_written(
    tmp_path: Path, counts: np.ndarray, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = write(tmp_path / "s.cxi", counts, GAP)
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda p, mode: not mode & os.W_OK and allowed(p, mode))
    result = run(scan, "--model", model)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert "write permission" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["s.cxi"]


def test_values_that_are_no_counts_can_be_kept_masked(
    tmp_path: Path, counts: np.ndarray, model: Path
) -> None:
    changed = counts.astype(np.float32)
    changed[0, 0, :3] = np.nan, -1, np.inf
    scan = write(tmp_path / "s.cxi", changed, GAP)
    assert run(scan, "--mask", "invalid", "--model", model).exit_code == 0
    filled = read_scan(tmp_path / "s_inpainted.cxi")
    np.testing.assert_array_equal(filled.counts[0, 0, :3], changed[0, 0, :3])
    assert filled.bad_mask[0, 0, :3].all()


def test_what_can_be_filled_is_and_the_rest_stays_masked(
    tmp_path: Path, counts: np.ndarray, model: Path
) -> None:
    mask = GAP.copy()
    mask[:, 44:] = True  # a gap at the edge beside the cross
    result = run(
        write(tmp_path / "s.cxi", counts, mask), "--model", model, "--handover", "hard", "-q"
    )
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: gap rows 44:48 touches the array's edge")
    np.testing.assert_array_equal(
        read_scan(tmp_path / "s_inpainted.cxi").bad_mask, mask & ~GAP | _edge()
    )


def _edge() -> np.ndarray:
    edge = np.zeros(SHAPE, dtype=bool)
    edge[:, 44:] = True
    return edge


def test_a_gap_too_wide_is_filled_along_its_rims(
    tmp_path: Path, counts: np.ndarray, model: Path
) -> None:
    result = run(
        write(tmp_path / "s.cxi", counts),
        "--gap",
        "rows=3:46",
        "--trust-gaps",
        "--model",
        model,
        "--handover",
        "hard",
    )
    assert result.exit_code == 0
    assert "warning: gap rows 3:46 is 43 wide" in result.stderr
    rows = read_scan(tmp_path / "s_inpainted.cxi").bad_mask.all(axis=(0, 2))
    np.testing.assert_array_equal(np.flatnonzero(rows), range(7, 42))
    with h5py.File(tmp_path / "s_inpainted.cxi") as file:
        filled = np.flatnonzero(file[f"{DETECTOR}/filled"][0, :, 0])
    np.testing.assert_array_equal(filled, [3, 4, 5, 6, 42, 43, 44, 45])


def test_force_replaces(tmp_path: Path, counts: np.ndarray, model: Path) -> None:
    arguments = _existing(tmp_path, counts)
    assert run(*arguments, "--force", "--model", model).exit_code == 0
    assert read_scan(tmp_path / "scan_inpainted.cxi").shape == SHAPE


BEFORE_TORCH = """
import os, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print(os.environ["OMP_WAIT_POLICY"], flush=True)
            os._exit(0)

sys.meta_path.insert(0, Watch())
from bcdi_inpaint.cli import main
main(["predict", "absent.cxi"])
"""


@pytest.mark.parametrize("own", [None, "ACTIVE"])
def test_threads_that_wait_sleep_unless_the_user_will_have_it_otherwise(own: str | None) -> None:
    """Torch reads it when it is loaded."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {} if own is None else {"OMP_WAIT_POLICY": own}
    command = [sys.executable, "-c", BEFORE_TORCH]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == (own or "PASSIVE"), done.stderr


@pytest.fixture
def heeded() -> Iterator[None]:
    """Ctrl-C is heeded, as on a terminal, also where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize("pressed", [True, False])
def test_ctrl_c_may_come_out_as_another_error(
    monkeypatch: pytest.MonkeyPatch, pressed: bool
) -> None:
    """As where it interrupts the taking of a lock; without it, an error of ours is seen whole."""

    @click.command()
    def broken() -> None:
        try:
            if pressed:
                signal.raise_signal(signal.SIGINT)
        finally:
            raise RuntimeError("cannot release un-acquired lock")

    monkeypatch.setitem(main.commands, "broken", broken)
    result = CliRunner().invoke(main, ["broken"])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert result.exit_code == (130 if pressed else 1)
    if pressed:
        assert result.stderr.splitlines() == [
            "bcdi-inpaint: interrupted: nothing was written under its final name"
        ]
    else:
        assert isinstance(result.exception, RuntimeError)


def test_where_ctrl_c_is_ignored_it_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the background of a shell."""

    @click.command()
    def long() -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setitem(main.commands, "long", long)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert CliRunner().invoke(main, ["long"]).exit_code == 0
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_stops_cleanly(tmp_path: Path, template: Template) -> None:
    """A real process, interrupted while the network fills a scan that takes it some seconds."""
    folder = tmp_path / "scans"
    folder.mkdir()
    scan = folder / "s.npy"
    np.save(scan, np.random.default_rng(0).poisson(5, (64, 300, 300)).astype(np.int32))
    words = ["predict", scan, "--gap", "rows=99:105", "--trust-gaps"]
    with template.running(tmp_path, words) as process:
        process.wait_for(lambda: "gaps:" in process.output)
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(60) == 130
    said = "bcdi-inpaint: interrupted: nothing was written under its final name"
    assert process.errors.strip() == said
    assert [path.name for path in folder.iterdir()] == ["s.npy"]


def test_a_plan_can_be_checked_without_running_it(tmp_path: Path) -> None:
    config = Path(__file__).resolve().parents[2] / "configs" / "release.yaml"
    result = CliRunner().invoke(main, ["train", str(config), "--check"])
    assert (result.exit_code, "valid plan" in result.stdout) == (0, True)
    bad = tmp_path / "p.yaml"
    bad.write_text("name: x\npatterns: {count: 1, seed: 0, element: Xx}\nheld_out: {}\n")
    result = CliRunner().invoke(main, ["train", str(bad), "--check"])
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert "Xx" in result.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_training_says_at_once_what_it_will_lack(tmp_path: Path) -> None:
    """Before the patterns are simulated, which takes an hour."""
    config = Path(__file__).resolve().parents[2] / "configs" / "release.yaml"
    (tmp_path / "taken").touch()
    for options, said in (
        (("--device", "cuda", "-o", "new"), "GPU"),
        (("-o", "taken"), "taken"),
        (("--devices", "0", "-o", "new"), "devices is 0, expected at least 1"),
        (("--nodes", "-2", "-o", "new"), "nodes is -2, expected at least 1"),
        (("--devices", "5", "-o", "new"), "the 5 devices"),
        (("--epochs", "0", "-o", "new"), "--epochs"),
    ):
        options = tuple(str(tmp_path / o) if o in ("new", "taken") else o for o in options)
        result = CliRunner().invoke(main, ["train", str(config), *options])
        assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
        assert said in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize(
    ("handover", "note"),
    [
        ("hard", "PyNX takes a fill as if it had been counted"),
        ("soft", "the first command is PyNX's own and leaves the gap masked"),
        ("staged", "the first command is PyNX's own and leaves the gap masked"),
        ("prior", "the first command is PyNX's own and leaves the gap masked"),
        ("mask", "the gap stays masked"),
    ],
)
def test_the_note_fits_the_handover(
    tmp_path: Path, counts: np.ndarray, model: Path, handover: str, note: str
) -> None:
    scan = write(tmp_path / "s.cxi", counts, GAP)
    result = run(scan, "--model", model, "--handover", handover)
    assert result.exit_code == 0
    assert f"note: {note}" in result.stdout


@pytest.mark.parametrize(
    ("form", "handover", "note"),
    [
        ("npz", "hard", "fill it again with --handover mask"),
        ("npz", "prior", "the second takes the same options, and its cycles heed the fill"),
        ("tiff", "mask", "the gap stays masked, the stack holds the fill, which its mask covers"),
        ("tiff", "prior", "TIFF has no place for the fill's uncertainty"),
    ],
)
def test_the_note_and_the_mask_fit_the_format(
    tmp_path: Path, counts: np.ndarray, model: Path, form: str, handover: str, note: str
) -> None:
    scan = write(tmp_path / "s.cxi", counts, GAP)
    result = run(scan, "--model", model, "--handover", handover, "--format", form)
    assert result.exit_code == 0
    assert len([line for line in result.stdout.splitlines() if note in line]) == 1
    lines = [shlex.split(line) for line in result.stdout.splitlines() if "--data" in line]
    command = lines[0]  # PyNX's own; what uses the fill comes after it
    assert "--zero_mask" in command
    output = read_scan(command[command.index("--data") + 1])
    path = command[command.index("--mask") + 1]
    bad = (np.load(path)["mask"] if form == "npz" else tifffile.imread(path)) != 0
    np.testing.assert_array_equal(output.bad_mask, bad)
    assert bad[GAP].all() == (handover != "hard")
    assert (output.counts[GAP] > 0).all()


def test_of_a_tiff_nothing_is_said_that_it_does_not_hold(
    tmp_path: Path, counts: np.ndarray, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advice, "verdict_of", lambda *_, **__: "fill")
    result = run(write(tmp_path / "s.cxi", counts, GAP), "--model", model, "--format", "tiff")
    assert result.exit_code == 0
    assert "handover mask: the gap stays masked\n" in result.stdout
    assert "drawn towards" not in result.stdout
    assert "beside it" not in result.stdout.rpartition("note:")[2]
    assert read_provenance(tmp_path / "s_inpainted.tif")["written_for"] == "mask"


@pytest.mark.parametrize(
    ("verdict", "handover"), [("mask", "mask"), ("compare", "mask"), ("fill", "prior")]
)
def test_the_default_handover_is_the_safe_one(
    tmp_path: Path,
    counts: np.ndarray,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    verdict: str,
    handover: str,
) -> None:
    monkeypatch.setattr(advice, "verdict_of", lambda *_, **__: verdict)
    scan = write(tmp_path / "s.cxi", counts, GAP)
    result = run(scan, "--model", model)
    assert result.exit_code == 0
    assert f"handover {handover}: {NAMES[handover]}" in result.stdout
    assert "--zero_mask 0" in result.stdout  # PyNX's own command gets the gap masked
    stored = read_fill(tmp_path / "s_inpainted.cxi")
    assert stored is not None
    assert stored.provenance["written_for"] == handover
    with h5py.File(tmp_path / "s_inpainted.cxi") as file:
        assert {"lower_bound", "upper_bound"} <= set(file[DETECTOR])
    np.testing.assert_array_equal(read_scan(tmp_path / "s_inpainted.cxi").bad_mask, stored.filled)


def _train(monkeypatch: pytest.MonkeyPatch, *options: object) -> tuple[Result, dict[str, Any]]:
    """What the command line hands over to the simulation and to the training."""
    from bcdi_inpaint import training
    from bcdi_inpaint.files import patterns as pattern_file
    from simulation import campaign

    given: dict[str, Any] = {"simulated": []}

    def simulate(
        _recipe: object, path: Path, workers: int, quiet: bool
    ) -> campaign.CampaignOutcome:
        given["simulated"].append((path.name, workers, quiet))
        return campaign.CampaignOutcome(1, 0, ())

    def train(
        _plan: object,
        patterns: object,
        held_out: object,
        folder: Path,
        options: RunOptions,
        **_: Any,
    ) -> Path:
        given.update(vars(options), patterns=patterns, held_out=held_out)
        return folder / "first.safetensors"

    monkeypatch.setattr(campaign, "run", simulate)
    monkeypatch.setattr(pattern_file, "read_log_expectation", lambda path: path.stem)
    monkeypatch.setattr(training, "train", train)
    config = Path(__file__).resolve().parents[2] / "configs" / "release.yaml"
    result = CliRunner().invoke(main, ["train", str(config), *map(str, options)])
    assert result.exit_code == 0, result.output
    return result, given


def test_the_options_of_a_training_reach_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--epochs", 3, "--workers", 2, "--devices", 4, "--nodes", 2, "-q", "-o", tmp_path)
    result, given = _train(monkeypatch, *options)
    assert given["simulated"] == [("patterns.h5", 2, True), ("held_out.h5", 2, True)]
    assert (given["patterns"], given["held_out"]) == ("patterns", "held_out")
    assert given["workers"] == 2
    assert (given["devices"], given["nodes"]) == (4, 2)
    assert given["stop_after"] == 3 * 100  # steps_per_epoch of the plan
    assert result.stdout == f"weights: {tmp_path / 'first.safetensors'}\n"
    _, given = _train(monkeypatch, "-o", tmp_path)
    assert given["stop_after"] is None
    assert given["workers"] == len(os.sched_getaffinity(0))


def test_of_several_processes_only_the_first_simulates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE_RANK", "1")
    result, given = _train(monkeypatch, "-o", tmp_path, "--nodes", 2)
    assert given["simulated"] == []
    assert given["patterns"] is given["held_out"] is None
    assert result.stdout == ""


def test_the_output_may_be_a_folder_which_is_made(
    tmp_path: Path, counts: np.ndarray, model: Path
) -> None:
    scan = write(tmp_path / "my scan.cxi", counts, GAP)
    for _ in range(2):  # made, and there
        result = run(scan, "--model", model, "-o", f"{tmp_path / 'filled'}/", "--force")
        assert result.exit_code == 0, result.stderr
    output = tmp_path / "filled" / "my scan_inpainted.cxi"
    assert output.exists()
    assert f"look at it: {look_command(output)}" in result.stdout
    result = run(scan, "--model", model, "-o", tmp_path / "new" / "one" / "x.cxi")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "new" / "one" / "x.cxi").exists()


def test_no_gap_near_the_peak_is_told(tmp_path: Path, model: Path) -> None:
    """It stayed masked without a word why."""
    counts = np.random.default_rng(0).poisson(3, (8, 30, 90)).astype(np.int32)
    counts[2:6, 13:18, 12:17] = 400
    counts[4, 15, 14] = 4000
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, :, 74:80] = True
    scan = write(tmp_path / "s.cxi", counts, gap)
    # No turning of the mask brings columns 74:80 into 30 rows: what it is not, is not suggested.
    refused = run(scan, "--model", model)
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (2, 1)
    assert "cols 74:80" in refused.stderr
    counts[gap] = 0
    result = run(write(tmp_path / "t.cxi", counts, gap), "--model", model)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    said = next(number for number, line in enumerate(lines) if line == NOWHERE)
    assert lines[said + 1].startswith("handover mask")


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_name_is_no_folder(
    tmp_path: Path, counts: np.ndarray, monkeypatch: pytest.MonkeyPatch, empty: str
) -> None:
    """``predict "$SCAN"`` with nothing in it filled all scans of the folder it ran in."""
    write(tmp_path / "s.cxi", counts, GAP)
    monkeypatch.chdir(tmp_path)
    for words in ((empty,), ("s.cxi", empty), ("s.cxi", "-o", empty)):
        result = run(*words)
        assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
        assert "is '', expected the name of a file" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["s.cxi"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("scna.cxi", "did you mean {folder}/scan.cxi?"),
        ("other.cxi", "check the path"),
        ("*.npy", "no file has such a name"),
    ],
)
def test_a_scan_that_is_not_there(
    tmp_path: Path, counts: np.ndarray, typed: str, said: str
) -> None:
    write(tmp_path / "scan.cxi", counts, GAP)
    result = run(tmp_path / typed)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert said.format(folder=tmp_path) in result.stderr
