"""The verbs of `make` end with how to call the command: it was in .venv, and nobody was told."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not here")
@pytest.mark.parametrize(
    ("verb", "is_told"), [("setup", True), ("demo", True), ("test", False), ("help", False)]
)
def test_the_last_line_says_how_the_command_is_called(verb: str, is_told: bool) -> None:
    # The environment is there, and what would run in it is `true`.
    command = ["make", "--no-print-directory", "-o", ".venv/.ready", "RUN=true", verb]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    last = done.stdout.splitlines()[-1]
    assert (".venv/bin/bcdi-inpaint" in last) == is_told
    if is_told:
        assert "source .venv/bin/activate" in last
