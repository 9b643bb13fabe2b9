"""`bcdi-inpaint evaluate` on a study of methods."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from small_study import STUDY

from bcdi_inpaint.cli import main
from simulation import campaign


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(STUDY))
    return path


@pytest.mark.parametrize(
    "name",
    [
        "methods_2d",
        "methods_2d_small",
        "methods_3d",
        "methods_3d_gpu",
        "methods_2d_medium",
        "methods_3d_medium",
        "methods_3d_small",
    ],
)
def test_the_studies_that_come_with_the_package_are_valid(name: str) -> None:
    path = Path(__file__).resolve().parents[2] / "configs" / f"{name}.yaml"
    done = CliRunner().invoke(main, ["evaluate", str(path), "--check"])
    assert done.exit_code == 0, done.output
    assert "a valid study of methods" in done.output


@pytest.mark.usefixtures("patterns_made_here")
def test_a_study_without_networks_leaves_its_tables(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCDI_INPAINT_CACHE", str(tmp_path / "cache"))
    config.write_text(yaml.safe_dump(STUDY | {"kinds": [], "widths": [3]}))
    simulate = campaign.run
    monkeypatch.setattr(
        campaign, "run", lambda *asked: replace(simulate(*asked), failures=("pattern 7: no",))
    )
    command = ["evaluate", str(config), "-o", str(tmp_path / "out"), "--workers", "1"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert "kriging" in done.output
    text = (tmp_path / "out" / "methods.md").read_text()
    assert "## Share of the way" in text
    for name in ("patterns", "held_out"):
        assert f"- {name}: only 3 patterns could be made; others failed (pattern 7: no)" in text
    again = CliRunner().invoke(main, command)
    assert again.exit_code == 2
    assert "--force" in again.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--methods", "linear"], "--methods is linear, but"),
        (["--minutes", "3"], "--minutes is 3"),
        (["--protocol", "published"], "--protocol is published"),
        (["--model", "default"], "--model is default"),
    ],
)
def test_options_that_a_study_has_in_its_file_are_refused(
    config: Path, options: list[str], words: str
) -> None:
    done = CliRunner().invoke(main, ["evaluate", str(config), *options])
    assert done.exit_code == 2
    assert words in done.output
    assert "is a study of methods" in done.output
