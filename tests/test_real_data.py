"""A real scan with a real gap, where it is present: what is found, filled and left alone."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from small_network import tiny_network

from bcdi_inpaint import inpaint
from bcdi_inpaint.classical.interpolation import linear
from bcdi_inpaint.cli import main
from bcdi_inpaint.evaluation.scores import score
from bcdi_inpaint.files import read_scan
from bcdi_inpaint.network.weights import save_weights
from bcdi_inpaint.pynx_engine import import_pynx, quiet

NAME = "S1398_pynx_norm_128_300_294_1_1_1.cxi"


@pytest.fixture(scope="module")
def predicted(
    real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, list[str]]:
    """The scan, what `predict` made of it, and the lines it printed."""
    scan = real_data / NAME
    if not scan.exists():
        pytest.skip(f"{NAME} is not there")
    folder = tmp_path_factory.mktemp("real")
    output, model = folder / "filled.cxi", folder / "tiny.safetensors"
    network = tiny_network()
    save_weights(model, network, {})  # quick; how good the package's own are is told below
    asked = ["--model", str(model), "-o", str(output), "--handover", "hard"]
    result = CliRunner().invoke(main, ["predict", str(scan), *asked])
    assert result.exit_code == 0, result.output
    return scan, output, result.stdout.splitlines()


def test_exactly_the_cross_is_found_and_filled(predicted: tuple[Path, Path, list[str]]) -> None:
    scan, output, lines = predicted
    assert any(line.startswith("gaps: rows 254:260, cols 254:260 (") for line in lines)
    measured, filled = read_scan(scan), read_scan(output)
    gap = np.zeros(measured.shape, dtype=bool)
    gap[:, 254:260] = gap[:, :, 254:260] = True
    np.testing.assert_array_equal(filled.bad_mask, measured.bad_mask & ~gap)
    same = filled.counts.view(np.uint32) == measured.counts.view(np.uint32)
    assert same[~gap].all()
    assert (filled.counts[gap] > 0).all()
    assert filled.metadata == measured.metadata


def test_pynx_loads_the_result_with_no_gap_voxel_masked(
    predicted: tuple[Path, Path, list[str]], pynx: str
) -> None:
    _, output, lines = predicted
    id01 = import_pynx("cdi.runner.id01")
    with quiet():
        parser = id01.CDIRunnerID01.make_parser()
        _, words = lines[-1].split("pynx-cdi-id01")  # without what is set before it
        loader = id01.CDIRunnerScanID01(vars(parser.parse_args(shlex.split(words))), None)
        loader.load_data()
        loader.init_mask()
    assert not loader.mask[:, 254:260].any()
    assert not loader.mask[:, :, 254:260].any()
    written = read_scan(output)
    np.testing.assert_array_equal(loader.mask != 0, written.bad_mask)
    np.testing.assert_array_equal(loader.iobs[~written.bad_mask], written.counts[~written.bad_mask])


@pytest.mark.parametrize("width", [3, 6, 12])
def test_the_fill_beats_linear_interpolation_on_a_real_crystal(real_data: Path, width: int) -> None:
    """Artificial gaps on both sides of the peak, in a part of the scan that has none."""
    with np.load(real_data / "S1398_counts_mask.npz") as file:
        part = (slice(24, 104), slice(130, 226), slice(90, 172))  # the peak is at row 47 of it
        counts, bad = file["counts"][part], file["mask"][part] != 0
    ours, straight = [], []
    for start in (33 - width // 2, 60):
        gap = np.zeros(counts.shape, dtype=bool)
        gap[:, start : start + width] = True
        hidden, judged = np.where(gap, 0, counts), gap & ~bad
        ours.append(score(counts, inpaint(hidden, gap, bad_mask=bad).counts, judged))
        straight.append(score(counts, linear(hidden, gap, bad_mask=bad), judged))
    for mine, other in zip(ours, straight, strict=True):
        assert mine.pearson_log > other.pearson_log
    assert sum(s.poisson_deviance for s in ours) < sum(s.poisson_deviance for s in straight)
