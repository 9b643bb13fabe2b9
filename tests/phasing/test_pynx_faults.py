"""The runner as a program: what stops it is one line and status 2, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.pynx_faults import check_psf

LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
import bcdi_inpaint.jobs.pynx_runner
from bcdi_inpaint.cli import main
from bcdi_inpaint.pynx_engine import import_pynx

import_pynx("cdi.runner.id01")
import_pynx("cdi")
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 60 * 2**20,) * 2)
main(["pynx-cdi-id01", "--data", "scan.npy", "--nb_raar", "2", "--nb_er", "2", "--nb_run", "2"])
"""


@pytest.mark.usefixtures("pynx")
def test_too_little_memory_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    counts = np.zeros((160, 160, 160), np.float32)
    counts[78:82, 78:82, 78:82] = 1000
    np.save(tmp_path / "scan.npy", counts)
    done = subprocess.run(
        [sys.executable, "-c", LITTLE_MEMORY],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 2
    assert done.stderr == (
        "bcdi-inpaint: out of memory while phasing: take a smaller roi, or --rebin 2\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["scan.npy"]


@pytest.mark.usefixtures("pynx")
def test_a_psf_is_read_before_the_first_run(tmp_path: Path) -> None:
    np.savez(tmp_path / "psf.npz", psf=np.ones((3, 3, 3)))
    for good in (False, "pseudo-voigt,1,0.05,20", "gaussian,1.5", str(tmp_path / "psf.npz")):
        check_psf(good)
    for bad in ("pseudo-voigt", "gaussian,wide", "pseudo-voigt,1", "nothing.npz"):
        with pytest.raises(InputError, match=f"psf is {bad} .*--psf pseudo-voigt,1,0.05,20") as one:
            check_psf(bad)
        assert "\n" not in str(one.value)
