"""Processes of MPI that share a command: the same free voxels, and none waits for ever."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import write_scan
from bcdi_inpaint.jobs.mpi_processes import all_processes, stopping_together

FREE = "entry_1/image_1/process_1/configuration/free_pixel_mask"
MPIEXEC = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")


@pytest.mark.usefixtures("pynx")
def test_a_process_alone_fails_as_ever() -> None:
    assert all_processes() is None
    with pytest.raises(InputError, match="bad"), stopping_together():
        raise InputError("bad")


@pytest.mark.usefixtures("pynx")
@pytest.mark.skipif(
    importlib.util.find_spec("mpi4py") is None or MPIEXEC is None,
    reason="mpi4py or mpiexec is not installed",
)
def test_two_processes_share_the_runs(tmp_path: Path, counts: np.ndarray) -> None:
    middle = counts[8:40, 8:40, 8:40].astype(np.float32)
    write_scan(tmp_path / "scan.cxi", middle, np.zeros(middle.shape, bool))
    command = [str(MPIEXEC), "-n", "2", sys.executable, "-m", "bcdi_inpaint", "pynx-cdi-id01"]
    cycles = ["--nb_raar", "6", "--nb_er", "2"]
    options = ["--data", "scan.cxi", "--nb_run", "4", "--nb_run_keep", "3", "--mpi", "run", *cycles]
    libraries = {"LD_LIBRARY_PATH": f"{sys.prefix}/lib", "OMP_NUM_THREADS": "1"}

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *options, *more],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            env={**os.environ, **libraries},
        )

    done = run()
    assert done.returncode == 0, done.stderr
    kept = list(tmp_path.glob("*_Run*.cxi"))
    assert len(kept) == 3
    free = []
    for file in kept:
        with h5py.File(file) as opened:
            free.append(opened[FREE][()])
    assert free[0].any()
    assert all(np.array_equal(free[0], other) for other in free)
    assert not list(tmp_path.glob(".*"))
    refused = run("--nb_rum", "3")
    assert refused.returncode == 2
    assert "unrecognized arguments: --nb_rum 3" in refused.stderr
