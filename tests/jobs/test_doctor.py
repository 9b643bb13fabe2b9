"""The doctor: what is there is named with its version, what is not with the way to get it."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bcdi_inpaint.cli import main
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import own_version
from bcdi_inpaint.jobs import doctor
from bcdi_inpaint.pynx_engine import pynx_or_reason


def test_everything_has_a_line_with_its_version() -> None:
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 0, result.output
    lines = {line[8:20].strip(): line for line in result.stdout.splitlines()}
    assert own_version() in lines["bcdi-inpaint"]
    assert importlib.metadata.version("h5py") in lines["libraries"]
    assert importlib.metadata.version("torch").partition("+")[0] in lines["network"]
    assert ".cxi" in lines["formats"]
    version, reason = pynx_or_reason()
    assert (version or reason) in lines["PyNX"]
    assert lines.keys() >= {"GPU", "PyNX's GPU", "LAMMPS", "training", "window (Qt)"}
    assert all(line.startswith(("ok ", "no ")) for line in lines.values())


def test_what_is_missing_is_told_with_the_way_to_get_it() -> None:
    with pytest.raises(InputError, match=r"nobody_has not installed: pip install .*\[train\]"):
        doctor._versions(("numpy", "nobody_has"), "train")

    def broken() -> object:
        raise OSError("libmpi.so.12 is not there")

    findings = {one.name: one for one in doctor.examine({"lammps": broken})}
    assert str(findings["LAMMPS"]).startswith("no      LAMMPS")
    assert "libmpi.so.12" in findings["LAMMPS"].text
    assert doctor.is_enough(findings.values())
    assert not doctor.is_enough([doctor.Finding("network", False, "", is_needed=True)])


def test_another_projects_pynx_is_no_pynx(tmp_path: Path) -> None:
    """The one that the public index has under this name."""
    (tmp_path / "pynx").mkdir()
    (tmp_path / "pynx" / "__init__.py").touch()
    code = "from bcdi_inpaint.jobs import doctor; print(doctor._find('PyNX', doctor._pynx, False))"
    paths = os.pathsep.join((str(tmp_path), *filter(None, sys.path)))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert done.stdout.startswith("no      PyNX")
    assert "is not PyNX but another project of that name" in done.stdout
