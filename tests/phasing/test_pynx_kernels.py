"""The kernels on OpenCL, against the CPU; PoCL will do, handed over to PyNX as a device."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "cuda_prior.py"
LIMIT_S = 300
"""The first compilation takes half a minute; PoCL keeps what it compiled."""


def test_cycles_on_opencl_are_those_of_the_cpu(opencl: None) -> None:
    done = subprocess.run(
        [
            sys.executable, "-W", "ignore", str(SCRIPT),
            *("--backend", "opencl", "--any-device", "--size", "24", "--timed"),
        ],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(r"24\^3 (\w+)\s+differs by (\S+) \(ok\), from no fill by (\S+)", done.stdout)
    assert len(rows) == 16
    assert all(float(effect) > 0.01 for name, _, effect in rows if not name.startswith("plain"))
