"""`bcdi-inpaint evaluate`: what it writes, and the one line it answers to what it cannot."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from small_network import write_tiny_weights

from bcdi_inpaint.cli import main
from bcdi_inpaint.files.pattern_writing import write_patterns
from bcdi_inpaint.files.patterns import StoredPattern, n_patterns
from bcdi_inpaint.network import weights
from bcdi_inpaint.pynx_engine import pynx_version
from simulation import campaign

YAML = """
name: tiny
seed: 3
methods: [linear, cubic, network]
widths: [3]
kinds: [row, cross]
kinds_per_pattern: 1
held_out: {count: 2, seed: 5, atomistic_share: 0, shape: [24, 28, 32], peak_outside: 0}
measured: [{name: block, file: block.npz, mask_key: further}]
placements: 1
resamples: 100
published: {patches: 3, size: 24, widths: [3, 6], bins: 2, bright: 1000}
"""
MEASURED_ONLY = "\n".join(
    "held_out: {}" if line.startswith("held_out") else line for line in YAML.splitlines()
)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patterns_made_here: None) -> Path:
    """A small evaluation by a quick network, and the folder of measured scans with one of its."""
    folder = tmp_path / "measured"
    folder.mkdir()
    model = write_tiny_weights(folder / "tiny.safetensors")
    monkeypatch.setattr(weights, "default_path", lambda: model)
    rng = np.random.default_rng(1)
    z, y, x = (np.indices((32, 34, 36)).T - np.array([16, 15, 18])).T
    expected = 3e4 * np.exp(-(z**2 + y**2 + x**2) / 60) * (1 + np.cos(1.2 * x)) + 1
    further = np.zeros(expected.shape, dtype=bool)
    further[3, 4, 5] = True
    np.savez(folder / "block.npz", counts=rng.poisson(expected), further=further)
    monkeypatch.setenv("BCDI_INPAINT_DATA", str(folder))
    path = tmp_path / "tiny.yaml"
    path.write_text(YAML)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_gaps_leave_tables_and_pictures_and_repeat_themselves(tmp_path: Path, config: Path) -> None:
    folder = tmp_path / "out" / "one"
    result = run(config, "-o", folder, "--workers", 1)
    assert result.exit_code == 0, result.stderr
    written = {path.name for path in folder.iterdir()}
    assert written == {
        "held_out.h5",
        "scores.md",
        "scores.csv",
        "cases.csv",
        "coverage.md",
        "coverage.csv",
        "by_width.png",
        "deviance_by_width.png",
        "by_counts.png",
        "slices_simulated.png",
        "slices_block.png",
    }
    assert n_patterns(folder / "held_out.h5") == 2
    cases = rows_of(folder / "cases.csv")
    of_block = [row for row in cases if row["scan"] == "block"]
    assert {(row["kind"], row["method"]) for row in of_block} == {
        (kind, method) for kind in ("row", "cross") for method in ("linear", "cubic", "network")
    }
    methods = ["linear", "cubic", "network", "ceiling"]
    assert [r["method"] for r in cases if r["scan"] == "simulated"] == methods * 2
    (pooled,) = (
        row
        for row in rows_of(folder / "scores.csv")
        if (row["scan"], row["kind"], row["method"]) == ("simulated", "all", "network")
    )
    mean = np.mean(
        [float(r["mae_log"]) for r in cases if (r["scan"], r["method"]) == ("simulated", "network")]
    )
    assert float(pooled["mae_log"]) == pytest.approx(mean, rel=1e-5)
    assert float(pooled["mae_log_low"]) <= mean <= float(pooled["mae_log_high"])
    assert pooled["inside_68"] == "" or 0 <= float(pooled["inside_68"]) <= 1
    covered = [r for r in rows_of(folder / "coverage.csv") if r["scan"] == "simulated"]
    by = {kind: [row for row in covered if row["by"] == kind] for kind in ("all", "peak", "fill")}
    assert [row["method"] for row in by["all"]] == ["network"]
    judged = int(by["all"][0]["voxels"])
    networks = [r for r in cases if (r["scan"], r["method"]) == ("simulated", "network")]
    assert judged == sum(int(row["voxels"]) for row in networks)
    for kind in ("peak", "fill"):
        assert sum(int(row["voxels"]) for row in by[kind]) == judged
    assert "particles" in (folder / "coverage.md").read_text()
    assert "scan" in result.stdout.splitlines()[0]
    text = (folder / "scores.md").read_text()
    assert str(tmp_path) not in text
    assert "sha256" in text
    with Image.open(folder / "slices_block.png") as picture:
        assert picture.width == 4 * 155
    other = tmp_path / "two"
    again = run(config, "-o", other, "--patterns", folder / "held_out.h5", "-q")
    assert (again.exit_code, again.output) == (0, "")
    for name in ("scores.md", "scores.csv", "cases.csv", "coverage.md", "coverage.csv"):
        assert (other / name).read_bytes() == (folder / name).read_bytes()


def test_the_published_protocol_judges_the_brightest_scan_and_bright_patterns(
    tmp_path: Path, config: Path
) -> None:
    shape, rng = (28, 30, 32), np.random.default_rng(2)
    z, y, x = (np.indices(shape).T - np.array(shape) / 2).T
    light = np.exp(-(z**2 + y**2 + x**2) / 90) * (1.1 + np.cos(1.1 * y) * np.cos(x)) + 1e-3
    patterns = [
        StoredPattern(
            index=index,
            expectation=(brightest * light / light.max()).astype(np.float32),
            counts=rng.poisson(brightest * light / light.max()).astype(np.uint32),
            bad=np.zeros(shape, dtype=bool),
            parameters={},
        )
        for index, brightest in enumerate((1e2, 1e4))
    ]
    file = tmp_path / "patterns.h5"
    write_patterns(file, {"shape": shape, "seed": 1}, patterns)
    folder = tmp_path / "out"
    options = ["--protocol", "published", "--methods", "linear,friedel", "--patterns", file]
    result = run(config, "-o", folder, *options)
    assert result.exit_code == 0, result.stderr
    assert "note: a cube shows no Friedel mate" in result.stdout
    cubes = rows_of(folder / "cubes.csv")
    assert {(r["scan"], r["width"], r["method"]) for r in cubes} == {
        *(("block", width, "linear") for width in "36"),
        *(("simulated", width, m) for width in "36" for m in ("linear", "ceiling")),
    }
    of_patterns = {r["cube"].split(".")[0] for r in cubes if r["scan"] == "simulated"}
    assert of_patterns == {"1"}  # the other is too dim
    means = {
        (r["scan"], r["width"], r["method"]): float(r["pearson_log"])
        for r in rows_of(folder / "published.csv")
    }
    assert means["block", "3", "linear"] > means["block", "6", "linear"]
    assert means["simulated", "6", "ceiling"] > means["simulated", "6", "linear"]
    assert (folder / "published_by_counts.png").exists()


def test_the_command_line_changes_methods_and_widths(tmp_path: Path, config: Path) -> None:
    config.write_text(MEASURED_ONLY)
    folder = tmp_path / "out"
    result = run(config, "-o", folder, "--methods", "nearest", "--widths", "2, 5", "-q")
    assert result.exit_code == 0, result.stderr
    keys = {(r["scan"], r["width"], r["method"]) for r in rows_of(folder / "scores.csv")}
    assert keys == {("block", "2", "nearest"), ("block", "5", "nearest")}
    assert not (folder / "held_out.h5").exists()


def test_without_a_folder_of_measured_scans_a_line_says_so(
    tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BCDI_INPAINT_DATA")
    result = run(config, "-o", tmp_path / "out", "--methods", "linear", "--workers", 1)
    assert result.exit_code == 0, result.stderr
    said = "BCDI_INPAINT_DATA is not set: no measured scans (block left out)"
    assert f"note: {said}" in result.stdout.splitlines()
    assert f"- {said}" in (tmp_path / "out" / "scores.md").read_text().splitlines()
    config.write_text(MEASURED_ONLY)
    nothing = run(config, "-o", tmp_path / "none", "--methods", "linear")
    assert nothing.exit_code == 2
    assert f"nothing was judged ({said}), expected" in nothing.stderr


def test_patterns_that_could_not_be_made_are_said(
    tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate = campaign.run

    def run_and_fail(*arguments: Any) -> campaign.CampaignOutcome:
        return replace(
            simulate(*arguments), made=1, reused=0, failures=("pattern 1: no", "pattern 2: no")
        )

    monkeypatch.setattr(campaign, "run", run_and_fail)
    folder = tmp_path / "out"
    for protocol, name in (("gaps", "scores.md"), ("published", "published.md")):
        options = ["--methods", "linear", "--workers", 1, "--force", "--protocol", protocol]
        assert run(config, "-o", folder, *options).exit_code == 0
        text = (folder / name).read_text()
        assert "held_out: only 1 pattern could be made; others failed (pattern 1: no; and 1" in text


def test_what_is_there_stays_unless_forced(tmp_path: Path, config: Path) -> None:
    config.write_text(MEASURED_ONLY)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "cases.csv").write_text("mine")
    options = ["-o", folder, "--methods", "linear", "-q"]
    refused = run(config, *options)
    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"bcdi-inpaint: {folder / 'cases.csv'} exists, expected")
    assert [path.name for path in folder.iterdir()] == ["cases.csv"]
    assert run(config, *options, "--force").exit_code == 0
    assert (folder / "cases.csv").read_text().startswith("scan,")


def test_a_configuration_can_be_checked_alone(
    tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert run(config, "--check").stdout == f"{config}: a valid evaluation\n"
    assert run("--check").exit_code == 0
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["absent.yaml"], "absent.yaml cannot be read"),
        (["list.yaml"], "expected the keys of a configuration"),
        (["{config}", "--methods", "linear,magic"], "'magic' is no method"),
        (["{config}", "--widths", "3;6"], "widths is '3;6'"),
        (["{config}", "--widths", "0"], "at least 1 voxel"),
        (["{config}", "--protocol", "published", "--widths", "20"], "width 20 does not fit"),
        (["{config}", "--model", "absent.safetensors"], "absent.safetensors"),
        (["{config}", "--patterns", "absent.h5", "--methods", "linear"], "absent.h5"),
        (["recipe.yaml"], "recipe.yaml: held_out: colour is 'red'"),
        (["nothing.yaml"], "nothing was judged, expected patterns or measured scans"),
        (["{config}", "-o", "list.yaml/out", "--methods", "linear"], "cannot be made"),
    ],
)
def test_what_cannot_be_is_one_line_and_status_2(
    tmp_path: Path, config: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.yaml").write_text("[1, 2]")
    (tmp_path / "recipe.yaml").write_text("held_out: {count: 1, seed: 1, colour: red}")
    (tmp_path / "nothing.yaml").write_text("{held_out: {}, measured: [], methods: [linear]}")
    result = run(*(text.format(config=config) for text in arguments))
    assert result.exit_code == 2
    assert said in result.stderr.splitlines()[-1]
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.rglob("*.csv"))


@pytest.mark.skipif(pynx_version() is None, reason="PyNX is not there")
def test_crystals_are_judged_after_phasing(tmp_path: Path) -> None:
    config = tmp_path / "phasing.yaml"
    config.write_text(
        "name: tiny\n"
        "crystals: {count: 1, atomistic: 0, size: 32, flux: [1.0e+6, 1.0e+6]}\n"
        "scores: {widths: [3], distances: [2, 3], settings: [known support], hio: 0, raar: 20, "
        "er: 10, treatments: [complete, mask, prior]}\n"
    )
    out = tmp_path / "out"
    result = run("--phasing", config, "-o", out)
    assert result.exit_code == 0, result.output
    rows = rows_of(out / "retrievals.csv")
    assert [row["treatment"] for row in rows] == ["complete", "mask", "prior"]
    assert float(rows[1]["ratio_phase_rms_rad"]) == 1
    report = (out / "phasing.md").read_text()
    alone, _, compared = report.partition("Phased twice")
    assert alone.count("| prior") == 2  # by width, and by the advice
    assert "| by free log-likelihood" in compared
    assert report.count("| auto") == 3 + ("whose complete data come" in report)  # and by flux
    assert (out / "phasing.png").read_bytes().startswith(b"\x89PNG")
    before = rows_of(out / "retrievals.csv")
    # It goes on with what earlier versions wrote, which had another word for treatments.
    text = config.read_text().replace("treatments:", "ways:").replace("prior", "prior, soft")
    config.write_text(text)
    table = out / "retrievals.csv"
    table.write_text(table.read_text().replace("treatment", "way", 1))
    assert run("--phasing", config, "-o", out).exit_code == 0
    assert rows_of(out / "retrievals.csv")[:3] == before
    assert [row["treatment"] for row in rows_of(out / "retrievals.csv")][3:] == ["soft"]
    config.write_text(config.read_text().replace("raar: 20", "raar: 30"))
    other = run("--phasing", config, "-o", out)
    assert other.exit_code == 2
    assert "exists, expected a new evaluation" in other.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scores: {widths: [3], colour: 1}", "scores.colour"),
        ("crystals: {size: 8}", "size"),
        ("scores: {level: 2}", "scores.level"),
        ("scores: {treatments: [mask, harder]}", "'harder' is no treatment"),
        ("scores: {ways: [hard]}", "'mask', which the ratios are to"),
    ],
)
def test_a_wrong_phasing_configuration_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    config = tmp_path / "phasing.yaml"
    config.write_text(text)
    result = run("--phasing", config, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert said in result.output
    assert not (tmp_path / "out").exists()
