"""`finetune` and `predict --finetune` on the command line: files, refusals, interruption."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from processes import Template
from safetensors import safe_open
from small_network import tiny_network

from bcdi_inpaint.cli import main
from bcdi_inpaint.files import read_provenance, read_scan, write_scan
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.jobs import batch
from bcdi_inpaint.jobs.outcome import FAILED, FILLED, THERE
from bcdi_inpaint.jobs.request import Request
from bcdi_inpaint.network.weights import load_model, save_weights
from bcdi_inpaint.training import finetuning
from bcdi_inpaint.training.finetune_settings import FinetuneSettings

QUICK = FinetuneSettings(
    slabs=1, held_out_slabs=1, held_out_patches=4, learning_rate=1e-2, batch_size=2
)
SHAPE = (24, 36, 32)
GAP = gap_mask((Gap(1, 26, 29),), SHAPE)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network that guesses too high, so that a few steps make it better."""
    network = tiny_network()
    with torch.no_grad():
        network.head.bias[0] = 0.03
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_weights(path, network, {})
    return path


@pytest.fixture
def counts(rng: np.random.Generator) -> np.ndarray:
    z, y, x = np.meshgrid(*[np.arange(n) - n / 2 for n in SHAPE], indexing="ij")
    peak = 3000 / (1 + 0.02 * (z**2 + y**2 + x**2)) ** 1.5
    return rng.poisson(peak * (1.2 + np.cos(0.9 * (y + x - z)))).astype(np.int32)


@pytest.fixture
def scan(tmp_path: Path, counts: np.ndarray) -> Path:
    write_scan(tmp_path / "peak.cxi", np.where(GAP, 0, counts), GAP)
    return tmp_path / "peak.cxi"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetuning, "SETTINGS", QUICK)


QUICKLY = """
from bcdi_inpaint.training import finetuning
from bcdi_inpaint.training.finetune_settings import FinetuneSettings
finetuning.SETTINGS = FinetuneSettings(slabs=1, held_out_slabs=1, held_out_patches=4)
"""


def run(command: str, *arguments: object) -> Result:
    return CliRunner().invoke(main, [command, *map(str, arguments)])


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_model_is_adapted_and_predict_takes_it(tmp_path: Path, scan: Path, model: Path) -> None:
    before = digest(scan), digest(model)
    output = tmp_path / "adapted.safetensors"
    options = ("--model", model, "--steps", 12, "--device", "cpu")
    result = run("finetune", scan, "-o", output, *options)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("peak.cxi: artificial gaps of 3 rows, ")
    assert lines[1].startswith("held out, before: mse of log ")
    assert lines[2].startswith("held out, after 12 steps: mse of log ")
    assert lines[3:] == ["kept: the adapted weights", f"weights: {output}"]
    assert (digest(scan), digest(model)) == before
    with safe_open(output, "pt") as file:
        card = json.loads(file.metadata()["training"])
    assert card["parent_sha256"] == digest(model)
    assert card["finetuned_on"] == ["peak.cxi"]
    filled = run("predict", scan, "--model", output, "--device", "cpu")
    assert filled.exit_code == 0, filled.output


def test_predict_finetunes_on_its_own(tmp_path: Path, scan: Path, model: Path) -> None:
    options = ("--model", model, "--finetune", "--finetune-steps", 2, "--device", "cpu")
    result = run("predict", scan, *options)
    assert result.exit_code == 0, result.output
    weights = tmp_path / "peak_inpainted.safetensors"
    assert f"weights: {weights}" in result.stdout.splitlines()
    assert "held out, after 2 steps" in result.stdout
    assert load_model(weights).network.config.channels == (8, 8)
    output = tmp_path / "peak_inpainted.cxi"
    assert (read_scan(output).counts[GAP] > 0).all()
    with h5py.File(output) as file:
        told = file["entry_1/data_1/process_1/configuration"]
        assert told["inpaint_model_sha256"][()].decode() == digest(weights)
        assert told["inpaint_model"][()].decode() == weights.name
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {scan.name, output.name, weights.name}
    again = run("predict", scan, *options, "-o", tmp_path / "other.cxi")
    assert again.exit_code == 0
    output.unlink()
    refused = run("predict", scan, *options)
    assert refused.exit_code == 2
    assert "peak_inpainted.safetensors exists" in refused.stderr
    assert not output.exists()


def test_a_scan_of_a_batch_keeps_its_weights_beside_it(
    tmp_path: Path, scan: Path, model: Path
) -> None:
    output, weights = (tmp_path / f"peak_inpainted.{end}" for end in ("cxi", "safetensors"))
    settings = {"model": str(model), "device": "cpu", "finetune": True, "finetune_steps": 1}
    request = batch.requests(Request("", **settings), [str(scan)])[0]  # type: ignore[arg-type]
    assert batch.fill_one(request).status == FILLED
    assert read_provenance(output)["model_sha256"] == digest(weights)
    assert batch.fill_one(request).status == THERE
    weights.unlink()  # as a kill between the two files would leave it
    assert batch.fill_one(request).status == FILLED
    assert read_provenance(output)["model_sha256"] == digest(weights)
    plain = batch.fill_one(replace(request, finetune=False))
    assert (plain.status, "other settings" in plain.reason) == (FAILED, True)


def test_a_fill_that_fails_leaves_no_adapted_weights(
    tmp_path: Path, scan: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bcdi_inpaint.errors import InputError
    from bcdi_inpaint.jobs import method

    def fails(*_: object, **__: object) -> None:
        raise InputError("no fill today")

    monkeypatch.setattr(method, "inpaint_scan", fails)
    options = ("--model", model, "--finetune", "--finetune-steps", 1, "--device", "cpu")
    assert run("predict", scan, *options).exit_code == 2
    assert list(tmp_path.iterdir()) == [scan]


def test_two_runs_with_one_seed_write_the_same_weights(
    tmp_path: Path, scan: Path, model: Path
) -> None:
    networks = []
    for name in ("a", "b"):
        output = tmp_path / f"{name}.safetensors"
        options = ("--model", model, "--steps", 2, "--seed", 5, "--device", "cpu", "-q")
        result = run("finetune", scan, "-o", output, *options)
        assert result.stdout == f"weights: {output}\n"
        networks.append(load_model(output).network.state_dict())
    assert all(torch.equal(networks[0][name], networks[1][name]) for name in networks[0])


# --- refusals: one line, status 2, nothing written ------------------------------------------------


def refused(tmp_path: Path, *arguments: object) -> str:
    before = sorted(tmp_path.iterdir())
    result = run("finetune", *arguments)
    assert result.exit_code == 2, result.output
    lines = [line for line in result.stderr.splitlines() if not line.startswith("note: ")]
    assert len(lines) == 1, result.stderr
    assert sorted(tmp_path.iterdir()) == before
    return lines[0]


def test_a_scan_without_gaps_wants_widths(tmp_path: Path, counts: np.ndarray, model: Path) -> None:
    write_scan(tmp_path / "whole.cxi", counts, None)
    whole, output = tmp_path / "whole.cxi", tmp_path / "w.safetensors"
    options = ("-o", output, "--model", model, "--device", "cpu")
    assert "--widths" in refused(tmp_path, whole, *options)
    result = run("finetune", whole, *options, "--widths", "4", "--steps", 1)
    assert result.exit_code == 0, result.output
    assert "artificial gaps of 4 rows, 4 cols" in result.stdout


def test_dark_and_small_scans_are_refused(tmp_path: Path, scan: Path, model: Path) -> None:
    options = ("-o", tmp_path / "w.safetensors", "--model", model, "--device", "cpu")
    dark = np.zeros(SHAPE, dtype=np.int32)
    write_scan(tmp_path / "dark.cxi", dark, GAP)
    assert "zero" in refused(tmp_path, tmp_path / "dark.cxi", *options)
    dark[17, 10:20, 10:20] = 1
    write_scan(tmp_path / "dim.cxi", dark, GAP)
    assert "100 voxels of the scan have counts" in refused(tmp_path, tmp_path / "dim.cxi", *options)
    assert "no artificial gap of 38 rows" in refused(tmp_path, scan, *options, "--widths", 38)


def test_outputs_are_neither_replaced_nor_misnamed(tmp_path: Path, scan: Path, model: Path) -> None:
    there = tmp_path / "there.safetensors"
    there.write_bytes(b"mine")
    assert "there.safetensors exists" in refused(tmp_path, scan, "-o", there, "--model", model)
    assert there.read_bytes() == b"mine"
    assert "expected .safetensors" in refused(tmp_path, scan, "-o", tmp_path / "w.cxi")
    assert "does not exist" in refused(tmp_path, scan, "-o", tmp_path / "no" / "w.safetensors")
    absent = ("-o", tmp_path / "w.safetensors", "--mask-good", tmp_path / "absent.npy")
    assert "absent.npy" in refused(tmp_path, scan, *absent)
    message = refused(tmp_path, scan, "-o", model, "--model", model, "--force")
    assert "is the input" in message
    for widths in ("0", "a", ""):
        assert "widths is" in refused(tmp_path, scan, "-o", there, "--widths", widths)
    result = run("finetune", scan, "-o", there, "--model", model, "--force", "--steps", 1)
    assert result.exit_code == 0, result.output
    assert load_model(there).name


@pytest.mark.parametrize(
    ("sign", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_interrupted_it_leaves_nothing_and_the_next_run_succeeds(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    template: Template,
    scan: Path,
    model: Path,
    sign: signal.Signals,
    status: int,
) -> None:
    output, said = tmp_path / "w.safetensors", tmp_path_factory.mktemp("said")
    arguments = [scan, "-o", output, "--model", model, "--device", "cpu"]
    endless = ["finetune", *arguments, "--steps", 100_000]
    with template.running(said, endless, QUICKLY) as process:
        process.wait_for(lambda: "held out, before" in process.output)
        time.sleep(0.3)  # into the training
        os.kill(process.pid, sign)
        assert process.wait(60) == status
    if sign == signal.SIGINT:
        assert process.errors.splitlines()[-1].startswith("bcdi-inpaint: interrupted")
        assert "Traceback" not in process.errors
    assert list(tmp_path.iterdir()) == [scan]
    if sign == signal.SIGKILL:  # of the others nothing is left that could be in the way
        assert run("finetune", *arguments, "--steps", 1).exit_code == 0
        assert load_model(output).name
