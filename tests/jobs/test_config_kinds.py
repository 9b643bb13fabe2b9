"""Each configuration is known by its keys, and refused in a word where it is another command's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from bcdi_inpaint.cli import main
from bcdi_inpaint.jobs.config_kinds import CRYSTALS, FILLS, SIMULATE, TRAIN, kind_of

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_configuration_is_of_the_command_that_its_head_names(path: Path) -> None:
    text = path.read_text()
    named = re.findall(r"bcdi-inpaint (evaluate --phasing|evaluate|train|simulate)\b", text)
    assert kind_of(yaml.safe_load(text)) in named


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("evaluate", "phasing_small.yaml", "--check"), "add --phasing"),
        (("evaluate", "phasing_small.yaml"), "add --phasing"),
        (("evaluate", "--phasing", "evaluate_small.yaml"), "leave out --phasing"),
        (("train", "patterns.yaml"), "call `bcdi-inpaint simulate"),
        (("simulate", "release.yaml", "-o", "p.h5"), "call `bcdi-inpaint train"),
        (("evaluate", "--phasing", "--widths", "3"), "--widths is given with --phasing"),
    ],
)
def test_another_commands_configuration_is_refused_in_a_word(
    words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CONFIGS)
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert said in result.stderr


def test_checking_an_evaluation_of_crystals_judges_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = CONFIGS / "phasing_small.yaml"
    result = CliRunner().invoke(main, ["evaluate", "--phasing", str(path), "--check"])
    assert (result.exit_code, result.stdout) == (0, f"{path}: a valid evaluation of crystals\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"just text", "holds 'just text', expected the keys of a configuration"),
        (b"", "holds nothing, expected the keys"),
        (b"\xff\xfe\x00", "is no text, expected a YAML file"),
        (b"a: [1", "is no YAML"),
        (None, "is a folder, expected a YAML file"),
    ],
)
@pytest.mark.parametrize("command", [TRAIN, SIMULATE, FILLS, CRYSTALS])
def test_what_is_no_configuration_is_said_in_one_line(
    tmp_path: Path, command: str, content: bytes | None, said: str
) -> None:
    path = tmp_path / "c.yaml"
    path.mkdir() if content is None else path.write_bytes(content)
    more = ["-o", str(tmp_path / "p.h5")] if command == SIMULATE else []
    result = CliRunner().invoke(main, [*command.split(), str(path), *more])
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert said in result.stderr
