"""The measures of the code, on a house of two rooms."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"

LISTS_ALL = '''"""A module."""
from bcdi_inpaint import errors
from bcdi_inpaint.errors import InputError


def add(a: int, b: int, c: int = 0) -> int:
    """Add three numbers.

    Parameters
    ----------
    a, b : what is added.
    c : what is added too.

    Returns
    -------
    Their sum.

    Examples
    --------
    >>> add(1, 2)
    3
    """
    total = a + b

    return total + c


def _hidden(a, b, c):
    return a
'''
LISTS_ONE = '''"""Another."""
import click


class Adder:
    """Adds."""

    def add(self, a: int, b: int, c: int) -> int:
        """Add three numbers.

        Parameters
        ----------
        a : what is added.
        """
        from bcdi_inpaint.room.sums import add

        return add(a, b, c)


@click.command()
def command(a: int, b: int, c: int) -> None:
    """Print a help page."""
'''
ERRORS = '"""Errors."""\n\n\nclass InputError(ValueError):\n    """Bad input."""\n'


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A package of two rooms and a module at the top."""
    package = tmp_path / "bcdi_inpaint"
    sources = {
        "__init__.py": "",
        "errors.py": ERRORS,
        "room/__init__.py": "",
        "room/sums.py": LISTS_ALL,
        "hall/adder.py": LISTS_ONE,
    }
    for name, text in sources.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    return tmp_path


def call(name: str, *arguments: object) -> tuple[int, list[str]]:
    """Exit status of a tool, and the lines that it printed."""
    command = [sys.executable, TOOLS / name, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).splitlines()


def test_the_table(house: Path) -> None:
    status, lines = call("measure_house.py", house)
    table = {
        name.strip(): value.strip() for name, value in (line.rsplit("  ", 1) for line in lines)
    }
    assert status == 0
    assert table["modules at the top of bcdi_inpaint"] == "1"
    assert table["rooms (folders and modules at the top)"] == "3"
    assert table["arrows between rooms"] == "2"  # room to errors, hall to room
    assert table["longest module"] == f"bcdi_inpaint.room.sums ({LISTS_ALL.count(chr(10))} lines)"
    assert table["functions"] == "4"
    assert table["public functions"] == "3"
    assert table["public functions of 3 or more parameters"] == "2"  # a command's help is none
    assert table["of these, list them all"] == "1 (50 %)"
    assert table["public functions with an example"] == "1"
    assert table["arguments typed"] == "75 %"
    assert table["lines of a body: median, ninth decile"].startswith("2, ")


def test_faults_are_a_line_each(house: Path) -> None:
    long = house / "bcdi_inpaint" / "room" / "long.py"
    long.write_text('"""Long."""\n' + "\n" * 300)
    status, lines = call("measure_house.py", house, "--check")
    assert status == 1
    assert lines == [
        "bcdi_inpaint/room/long.py: 301 lines, expected at most 300: split it by idea",
        "bcdi_inpaint/hall/adder.py:8: Adder.add does not list b, c under Parameters",
    ]


def test_a_house_without_faults_passes(house: Path) -> None:
    (house / "bcdi_inpaint" / "hall" / "adder.py").unlink()
    assert call("measure_house.py", house, "--check") == (0, [])


def test_a_folder_without_the_package(tmp_path: Path) -> None:
    status, lines = call("measure_house.py", tmp_path)
    assert status == 2
    assert "has no bcdi_inpaint" in lines[-1]


def test_numpydoc_finds_what_is_not_listed_or_unknown(house: Path) -> None:
    pytest.importorskip("numpydoc")
    sums = house / "bcdi_inpaint" / "room" / "sums.py"
    sums.write_text(LISTS_ALL.replace("    a, b : what", "    a, d : what"))
    status, lines = call("check_docstrings.py", house)
    assert status == 1
    faults = [line.split(": ", 1)[1] for line in lines]
    assert faults[0].startswith("Adder.add: PR01 ")
    assert faults[1:] == [
        "add: PR01 Parameters {'b'} not documented",
        "add: PR02 Unknown parameters {'d'}",
    ]
    sums.write_text(LISTS_ALL)
    (house / "bcdi_inpaint" / "hall" / "adder.py").unlink()
    assert call("check_docstrings.py", house) == (0, [])
