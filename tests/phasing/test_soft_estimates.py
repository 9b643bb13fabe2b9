"""Where a GPU compiles none of our kernels: found out before a run, and PyNX's own estimates."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from bcdi_inpaint.phasing.constraints import PriorConstraint
from bcdi_inpaint.phasing.pynx_projection import HeldAmplitudes
from bcdi_inpaint.phasing.soft_estimates import estimate, kernels_fail
from bcdi_inpaint.pynx_engine import import_pynx, quiet

POCL = """
import sys
import numpy as np
from bcdi_inpaint.pynx_engine import import_pynx

unit = import_pynx("processing_unit").default_processing_unit
cl = sys.modules["pyopencl"]
unit.use_opencl(cl_device=cl.get_platforms()[0].get_devices()[0], test_fft=False)
from bcdi_inpaint.phasing import pynx_kernels
from bcdi_inpaint.phasing.constraints import AmplitudePrior
from bcdi_inpaint.phasing.soft_estimates import kernels_fail

known = AmplitudePrior(np.arange(5), np.ones(5), np.ones(5))
works = kernels_fail(known)
pynx_kernels.PUT_BACK = "this does not compile"
print([works, kernels_fail(known)])
"""


def held(filled: np.ndarray, counts: np.ndarray) -> HeldAmplitudes:
    sigma = np.where(filled, np.float32(0.1), np.float32(np.inf))
    known = PriorConstraint(counts.astype(np.float32), sigma)
    return HeldAmplitudes(known.on_amplitudes(filled))


@pytest.mark.usefixtures("pynx")
def test_the_cpu_needs_no_kernel(counts: np.ndarray) -> None:
    filled = np.zeros(counts.shape, bool)
    filled[:, 3] = True
    assert kernels_fail(held(filled, counts).known) == ""


@pytest.mark.usefixtures("pynx")
def test_estimates_are_kept_as_pynx_keeps_them(counts: np.ndarray) -> None:
    filled, bad = np.zeros(counts.shape, bool), np.zeros(counts.shape, bool)
    filled[:, :, 28:34] = True
    bad[1] = True
    with quiet():
        iobs = np.fft.fftshift(counts).astype(np.float32)
        masked = np.fft.fftshift(bad | filled).astype(np.int8)
        cdi = import_pynx("cdi").CDI(iobs=iobs, mask=masked)
        before = np.fft.fftshift(cdi.get_iobs()).copy()
        estimate(cdi, held(filled, counts), counts.astype(np.float32))
    found = np.fft.fftshift(cdi.get_iobs())
    assert np.array_equal(found[~filled], before[~filled])
    assert (found[bad & ~filled] <= -1e38).all()  # wholly masked
    np.testing.assert_allclose(-found[filled] / 1e19 - 1, counts[filled], rtol=1e-5, atol=1e-5)


def test_a_kernel_that_does_not_compile_is_found_out(opencl: None) -> None:
    """PoCL will do for a GPU."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", POCL],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYNX_PU": "opencl", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    works, failure = eval(done.stdout.splitlines()[-1])
    assert works == ""
    assert "clBuildProgram failed" in failure
    assert "\n" not in failure
