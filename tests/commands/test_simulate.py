"""`bcdi-inpaint simulate`: what it makes, and the one line it answers to what it cannot."""

from __future__ import annotations

from pathlib import Path

import h5py
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from bcdi_inpaint.cli import main
from bcdi_inpaint.files import read_scan
from bcdi_inpaint.files.patterns import n_patterns, read_contents
from simulation import campaign

YAML = "{count: 3, seed: 1, atomistic_share: 0, shape: [24, 24, 24]}"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(YAML)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["simulate", *map(str, arguments)])


def test_a_campaign_leaves_patterns_and_their_picture(
    tmp_path: Path, config: Path, request: pytest.FixtureRequest
) -> None:
    output = tmp_path / "p.h5"
    result = run(config, "-o", output, "--workers", 1)
    assert result.exit_code == 0, result.stderr
    assert n_patterns(output) == 3
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.width == 3 * 175
    assert result.stdout.splitlines() == [
        f"3 patterns made, 0 there before: {output}",
        f"picture: {tmp_path / 'p.png'}",
    ]
    request.getfixturevalue("patterns_made_here")
    again = run(config, "-o", output, "--workers", 1, "--count", 4, "-q")
    assert (again.exit_code, again.output) == (0, "")
    assert n_patterns(output) == 4


@pytest.mark.usefixtures("patterns_made_here")
def test_the_command_line_changes_seed_and_count(tmp_path: Path, config: Path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        output = tmp_path / f"{name}.h5"
        assert run(config, "-o", output, "--count", 1, "--seed", seed, "-q").exit_code == 0
    a, b = (read_contents(tmp_path / f"{name}.h5") for name in "ab")
    assert len(a.row_of) == len(b.row_of) == 1
    assert a.recipe_sha256 != b.recipe_sha256


def test_a_recipe_is_checked_and_nothing_else(tmp_path: Path, config: Path) -> None:
    result = run(config, "-o", tmp_path / "p.h5", "--check")
    assert (result.exit_code, result.output) == (0, f"{config} is a valid recipe of 3 patterns\n")
    config.write_text("{count: 3, seed: 1, strian_rad: [0, 1]}")
    wrong = run(config, "-o", tmp_path / "p.h5", "--check")
    assert wrong.exit_code == 2
    assert "strian_rad" in wrong.stderr
    assert list(tmp_path.iterdir()) == [config]


def test_a_failure_is_status_1(
    tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = campaign.CampaignOutcome(2, 0, ("pattern 1: no",))
    monkeypatch.setattr(campaign, "run", lambda *_, **__: outcome)
    result = run(config, "-o", tmp_path / "p.h5", "-q")
    assert result.exit_code == 1
    assert result.stderr == "1 failed: run again to try them once more\n"


def test_a_single_scan_with_gaps(tmp_path: Path, config: Path) -> None:
    output = tmp_path / "scan.cxi"
    result = run("--single", "-o", output, config, "--gap", "rows=2:4", "--gap", "cols=5:6")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[0] == "gaps: rows 2:4, cols 5:6"
    bad = read_scan(output).bad_mask
    assert bad[:, 2:4].all()
    assert bad[:, :, 5].all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "p.h5"], "CONFIG is missing"),
        (["{config}", "-o", "p.cxi"], "ends in '.cxi', expected .h5"),
        (["{config}", "-o", "absent/p.h5"], "make it first"),
        (["{config}", "-o", "p.h5", "--gap", "rows=1:2"], "--gap is given, expected it only with"),
        (["{config}", "-o", "p.h5", "--roi", "1,2"], "--roi is given"),
        (["{config}", "-o", "p.h5", "--workers", "2", "--scheduler", "x"], "expected one: choose"),
        (["{config}", "-o", "p.h5", "--count", "0"], "--count"),
        (["{config}", "-o", "taken.h5"], "taken.png exists"),
        (["{config}", "-o", "foreign.h5"], "expected 'bcdi-inpaint patterns' version 2"),
        (["--single", "-o", "s.cxi", "--workers", "2"], "--workers is given"),
        (["--single", "-o", "s.h5"], "expected .cxi"),
        (["absent.yaml", "-o", "p.h5"], "absent.yaml cannot be read"),
        (["list.yaml", "-o", "p.h5"], "expected the keys of a configuration"),
        (["unknown.yaml", "-o", "p.h5"], "unknown.yaml: colour is 'red'"),
    ],
)
def test_what_cannot_be_is_one_line_and_status_2(
    tmp_path: Path, config: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.png").touch()
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file.attrs.update(type="bcdi-inpaint patterns", version=1)
    (tmp_path / "list.yaml").write_text("[1, 2]")
    (tmp_path / "unknown.yaml").write_text("{count: 1, seed: 1, colour: red}")
    before = sorted(tmp_path.iterdir())
    result = run(*(text.format(config=config) for text in arguments))
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before
