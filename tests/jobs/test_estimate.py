"""Dry runs and JSON: what is said before, and to other programs."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from small_network import tiny_network

from bcdi_inpaint.cli import main
from bcdi_inpaint.files import read_fill
from bcdi_inpaint.filling.fillable import fillable_part
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.filling.network_patches import seconds_per_patch
from bcdi_inpaint.filling.work import lay_patches
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.jobs import batch
from bcdi_inpaint.jobs import estimate as plan_module
from bcdi_inpaint.network.kinds import make_network
from bcdi_inpaint.network.published.chavez import TuNetConfig
from bcdi_inpaint.network.unet import GapUNet, NetworkConfig
from bcdi_inpaint.network.weights import load_model, save_weights

SHAPE = (6, 40, 80)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Weights of a tiny untrained network: quick, and linear interpolation."""
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_weights(path, tiny_network(), {})
    return str(path)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    counts = np.full(SHAPE, 300, dtype=np.uint16)
    counts[:, 16:22] = 0
    np.save(tmp_path / "a.npy", counts)
    return tmp_path / "a.npy"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["predict", *map(str, arguments)])


def test_patches_are_counted_as_they_are_made(scan: Path, model: str) -> None:
    counts = np.load(scan)
    gap = gap_mask([Gap(1, 16, 22), Gap(2, 30, 33)], SHAPE)
    fill = inpaint(counts, gap, load_model(model))
    n_patches = len(lay_patches(fillable_part(gap), None))
    assert n_patches == fill.report.n_patches  # every one sees photons
    assert seconds_per_patch(model) > 0


def test_a_dry_run_tells_and_writes_nothing(
    scan: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_module, "_pace", lambda model, device: 2.0)
    result = run(scan, "--model", model, "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    plan = fillable_part(gap_mask([Gap(1, 16, 22)], SHAPE))
    n_patches = len(lay_patches(plan, None))
    assert told["gaps"] == "rows 16:22"
    assert told["gap_voxels"] == 6 * 6 * 80
    assert told["patches"] == n_patches
    # The patches of its own calibration and their first guesses take time too.
    assert told["seconds"] > plan_module.START_SECONDS + 2 * 2.0 * n_patches
    assert told["output"] == str(scan.with_name("a_inpainted.cxi"))
    assert "rows 16:22" in run(scan, "--model", model, "--dry-run").stdout
    both = run(scan, "--model", model, "--dry-run", "--refine", "--finetune").stdout
    assert " s without fine-tuning and refinement: " in both
    assert [path.name for path in scan.parent.iterdir()] == ["a.npy"]


def test_a_dry_run_plans_with_the_patches_of_the_model(tmp_path: Path) -> None:
    """Those of a network as published are as large as it was trained on."""
    counts = np.full((6, 40, 100), 300, dtype=np.uint16)
    counts[:, 16:22] = 0
    np.save(tmp_path / "wide.npy", counts)
    told = {}
    for size in (32, 64):
        weights = tmp_path / f"{size}.safetensors"
        network = make_network(TuNetConfig(depth=2, base=2)).eval()
        save_weights(weights, network, {"plan": {"patches": {"size": size}}})
        result = run(tmp_path / "wide.npy", "--model", weights, "--dry-run", "--json")
        assert result.exit_code == 0, result.output
        told[size] = json.loads(result.stdout)["patches"]
    assert told == {32: 4, 64: 3}


def test_a_dry_run_refuses_a_model_of_images(scan: Path, tmp_path: Path) -> None:
    weights = tmp_path / "two.safetensors"
    config = NetworkConfig(n_dim=2, channels=(8, 8), dilations=((1,), (1,)))
    save_weights(weights, GapUNet(config).eval(), {})
    result = run(scan, "--model", weights, "--dry-run")
    assert result.exit_code == 2
    assert "has 2 dimensions, expected 3 for a scan" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_dry_run_refuses_what_a_run_would(scan: Path, model: str) -> None:
    (scan.parent / "b.npy").write_bytes(b"no scan")
    result = run(scan.parent, "--model", model, "--dry-run")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "b.npy" in result.stderr


def test_a_dry_run_tells_of_an_output_that_exists_and_of_a_folder_to_be_made(
    scan: Path, model: str
) -> None:
    scan.with_name("a_inpainted.cxi").touch()
    result = run(scan, "--model", model, "--dry-run")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.endswith("a_inpainted.cxi, which exists: --force replaces it\n")
    new = scan.parent / "filled" / "tonight"
    result = run(scan, "--model", model, "--dry-run", "--json", "-o", f"{new}/")
    told = json.loads(result.stdout)
    assert (told["output"], told["exists"]) == (str(new / "a_inpainted.cxi"), False)
    assert run(scan, scan, "--model", model, "--dry-run", "-o", new).exit_code == 0
    assert not new.parent.exists()
    result = run(scan, "--model", model, "--dry-run", "-o", scan.with_suffix(".h5"))
    assert (result.exit_code, "expected .cxi" in result.stderr) == (2, True)


def test_no_job_takes_no_time(scan: Path, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading, looking for gaps and writing take their time also where the network takes none."""
    monkeypatch.setattr(plan_module, "_pace", lambda model, device: 0.0)
    said = run(scan, "--model", model, "--dry-run").stdout
    assert f" and {plan_module.START_SECONDS:.0f} s: " in said


def test_one_patch_is_told_in_the_singular(scan: Path, model: str) -> None:
    np.save(scan, np.load(scan)[:, :, :32])
    assert " voxels in 1 patch, " in run(scan, "--model", model, "--dry-run").stdout


def test_a_dry_run_knows_what_is_done(
    scan: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "open_executor", lambda *_: ThreadPoolExecutor(1))
    assert run(scan.parent, "--model", model).exit_code == 0
    np.save(scan.with_name("b.npy"), np.load(scan))
    result = run(scan.parent, "--model", model, "--dry-run")
    assert result.exit_code == 0, result.output
    done, to_do = result.stdout.splitlines()
    assert done.startswith(f"{scan}: was done")
    assert "patches" in to_do
    assert not scan.with_name("b_inpainted.cxi").exists()


def test_one_line_of_json_a_scan(scan: Path, model: str) -> None:
    result = run(scan, "--model", model, "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["status"], told["filled_voxels"]) == ("filled", 6 * 6 * 80)
    stored = read_fill(scan.with_name("a_inpainted.cxi"))
    assert stored is not None
    assert told["handover"] == stored.provenance["written_for"] == "mask"
    assert told["verdict"] == "compare"
    assert told["sigma"] == pytest.approx(float(np.median(stored.sigma[stored.filled])))
    result = run(scan, "--model", model, "--json")  # the output is there
    told = json.loads(result.stdout)
    assert (result.exit_code, told["status"]) == (2, "failed")
    assert told["reason"] in result.stderr
