"""A refinement that cannot be made leaves the fill, which is written all the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from small_network import tiny_network

from bcdi_inpaint.files import read_provenance, read_scan
from bcdi_inpaint.network.weights import save_weights

FULL_MEMORY = """
import resource, sys
from pathlib import Path
from bcdi_inpaint.jobs.predict import predict
from bcdi_inpaint.jobs.request import Request

free, hard = resource.getrlimit(resource.RLIMIT_AS)

def say(line):
    print(line)
    if "calibrated" in line:  # the fill is made, and from here on no memory is left
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize(), hard))
    if "refined" in line:
        resource.setrlimit(resource.RLIMIT_AS, (free, hard))

predict(Request(sys.argv[1], model=sys.argv[2], refine=True, background=0.3), say=say)
"""


def test_without_memory_for_it_the_fill_is_written(tmp_path: Path) -> None:
    """A real process, whose memory is full once the fill is made."""
    along = np.sinc((np.arange(64) - 32) / 5.3) ** 2
    expected = 1e5 * along[:, None, None] * along[:, None] * along
    counts = np.random.default_rng(0).poisson(expected).astype(np.int32)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, :, 40:44] = True
    scan, model = tmp_path / "s.npz", tmp_path / "tiny.safetensors"
    np.savez(scan, counts=np.where(gap, 0, counts), mask=gap)
    save_weights(model, tiny_network(), {})
    command = [sys.executable, "-c", FULL_MEMORY, str(scan), str(model)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = [line for line in done.stdout.splitlines() if "refined" in line]
    assert len(told) == 1
    assert told[0].startswith("not refined: out of memory")
    output = tmp_path / "s_inpainted.cxi"
    assert not read_provenance(output)["refined"]
    assert read_provenance(output)["background"] == 0.3  # what the user says holds all the same
    np.testing.assert_array_equal(read_scan(output).counts[~gap], counts[~gap])
