"""Help: commands under headings, examples that run as written, names that the shell completes."""

from __future__ import annotations

import importlib.util
import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner
from small_network import tiny_network

from bcdi_inpaint.cli import main
from bcdi_inpaint.files import write_scan
from bcdi_inpaint.files.example import load_example
from bcdi_inpaint.filling.methods import METHODS
from bcdi_inpaint.network import weights
from bcdi_inpaint.network.weights import save_weights
from bcdi_inpaint.training import finetuning
from bcdi_inpaint.training.finetune_settings import FinetuneSettings

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
SHOWN = sorted(name for name, command in main.commands.items() if not command.hidden)


def help_of(*command: str) -> str:
    result = CliRunner().invoke(main, [*command, "--help"], terminal_width=200)
    assert result.exit_code == 0
    return result.stdout


def test_every_command_stands_under_a_heading_in_a_whole_sentence() -> None:
    text = help_of()
    headings = re.findall(r"^(\S.*):$", text, re.MULTILINE)
    assert headings == ["Options", *main.sections]
    assert "Others" not in headings
    for name in SHOWN:
        (line,) = re.findall(rf"^  {name}  +(\S.*)$", text, re.MULTILINE)
        assert line.endswith(".")
        assert "..." not in line


def examples() -> Iterator[tuple[str, str]]:
    for name in SHOWN:
        if name.startswith("pynx-"):
            continue  # its help is PyNX's
        lines = re.findall(r"^ +(bcdi-inpaint .*)$", main.commands[name].help or "", re.MULTILINE)
        assert lines, f"{name} has no example"
        yield from ((name, line) for line in lines)


IN_ORDER = ("predict", "phase", "finetune", "simulate", "train", "evaluate", "doctor")
"""Of a walk through the commands: the later ones use what the earlier ones have left."""
NEEDS = {
    "phase": "pynx",
    "finetune": "lightning",
    "simulate": "finufft",
    "train": "finufft",
    "view": "PySide6.QtWidgets",
}
"""A library without which the examples of a command cannot run."""


def test_every_example_runs_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder with a scan and the repository's configurations, by a network that is quick."""
    save_weights(tmp_path / "tiny.safetensors", tiny_network(), {})
    monkeypatch.setattr(weights, "default_path", lambda: tmp_path / "tiny.safetensors")
    quick = FinetuneSettings(slabs=1, held_out_slabs=1, held_out_patches=4)
    monkeypatch.setattr(finetuning, "SETTINGS", quick)
    scan = load_example().part((slice(8, 40), slice(64), slice(64)))  # quicker
    write_scan(tmp_path / "scan.cxi", scan.counts, scan.bad_mask)
    (tmp_path / "configs").symlink_to(CONFIGS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BCDI_INPAINT_DATA", str(tmp_path))
    _close_windows_at_once(monkeypatch)
    interrupt = signal.getsignal(signal.SIGINT)  # the window takes Ctrl-C to itself
    order = {name: number for number, name in enumerate(IN_ORDER)}
    for name, line in sorted(examples(), key=lambda one: order.get(one[0], len(order))):
        if name in NEEDS and not _is_there(NEEDS[name]):
            continue
        program, *words = shlex.split(line)
        assert program == "bcdi-inpaint"
        given = [file for word in words for file in _as_the_shell_would(word)]
        result = CliRunner().invoke(main, given)
        assert result.exit_code == 0, f"{line}: {result.output} {result.exception}"
    signal.signal(signal.SIGINT, interrupt)
    left = {path.name for path in tmp_path.iterdir()}
    assert left >= {"scan_inpainted.cxi", "scan_inpainted.png"}


def _is_there(library: str) -> bool:
    try:
        return importlib.util.find_spec(library) is not None
    except ImportError:
        return False


def _close_windows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    if not _is_there(NEEDS["view"]):
        return
    from PySide6.QtWidgets import QApplication

    def close(_app: QApplication) -> None:
        assert QApplication.topLevelWidgets()
        QApplication.closeAllWindows()

    monkeypatch.setattr(QApplication, "exec", close)


def _as_the_shell_would(word: str) -> list[str]:
    return sorted(map(str, Path().glob(word))) if "*" in word else [word]


def completed(*words: str) -> list[tuple[str, str]]:
    """What the shell is told when the last word is being written, as kinds and words."""
    complete = BashComplete(main, {}, "bcdi-inpaint", "_BCDI_INPAINT_COMPLETE")
    found = complete.get_completions(list(words[:-1]), words[-1])
    return [(item.type, str(item.value)) for item in found]


@pytest.mark.parametrize(
    "words",
    [
        ("predict", "sc"),
        ("predict", "scan.cxi", "sc"),
        ("predict", "scan.cxi", "--mask", "sc"),
        ("predict", "scan.cxi", "--mask-good", "sc"),
        ("predict", "scan.cxi", "--gap-mask", "sc"),
        ("predict", "scan.cxi", "--model", "sc"),
        ("predict", "scan.cxi", "-o", "sc"),
        ("phase", "sc"),
        ("finetune", "sc"),
        ("evaluate", "sc"),
        ("evaluate", "--model", "sc"),
        ("train", "sc"),
        ("simulate", "sc"),
        ("pynx-cdi-id01", "--data", "sc"),
    ],
    ids=" ".join,
)
def test_names_of_files_are_completed(words: tuple[str, ...]) -> None:
    assert completed(*words) == [("file", "sc")]


def test_detectors_are_listed_and_completed() -> None:
    assert completed("predict", "scan.cxi", "--detector", "merlin_s") == [("plain", "merlin_sixs")]
    assert completed("simulate", "--detector", "maxi") == [("plain", "maxipix")]
    for command in ("predict", "simulate"):
        assert "maxipix, eiger2m" in " ".join(help_of(command).split())


def test_methods_are_completed() -> None:
    assert completed("predict", "scan.cxi", "--method", "kri") == [("plain", "kriging")]
    assert {name for _, name in completed("predict", "scan.cxi", "--method", "")} == {*METHODS}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("predit", "scan.cxi"), "Did you mean 'predict'?"),
        (("predict", "scan.cxi", "--plto"), "'--plot'"),
        (("scan.cxi",), "scan.cxi is no command but a scan: `bcdi-inpaint predict scan.cxi`"),
        (("raw.h5:/1.1/x",), "`bcdi-inpaint predict raw.h5:/1.1/x` fills it"),
    ],
)
def test_a_word_that_is_none_gets_the_near_one(words: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert said in result.stderr


def test_hidden_commands_stay_hidden() -> None:
    hidden = [name for name, command in main.commands.items() if command.hidden]
    assert hidden
    assert not any(name in help_of() for name in hidden)
    assert isinstance(main, click.Group)
