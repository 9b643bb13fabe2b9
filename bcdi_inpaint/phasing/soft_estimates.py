"""A fill where a GPU compiles none of our kernels: PyNX's own soft estimates.

PyNX has estimates of masked voxels on GPUs: their calculated intensity is kept between 0.5 and 1.2
times the estimate. That is less than a prior with its own uncertainty, and better than nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bcdi_inpaint.arrays import Float32Array
from bcdi_inpaint.phasing.constraints import AmplitudeConstraint, AmplitudeInterval, AmplitudePrior
from bcdi_inpaint.phasing.pynx_kernels import DeviceKernels
from bcdi_inpaint.phasing.pynx_projection import HeldAmplitudes, is_gpu, pynx_backend

SCALE = 1e19
"""PyNX keeps an estimate as -(1 + counts) times this."""


def kernels_fail(known: AmplitudeConstraint) -> str:
    """Why a GPU runs no kernel that heeds a constraint; empty where it does, or there is no GPU."""
    backend = pynx_backend()
    if not is_gpu(backend):
        return ""
    try:
        unit = backend.ApplyAmplitude().processing_unit
        kernels = DeviceKernels.of(backend, unit, _one_voxel(known))
        kernels.run_once(backend, unit)
    except Exception as error:  # each driver has errors of its own
        return f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"
    return ""


def _one_voxel(known: AmplitudeConstraint) -> AmplitudeConstraint:
    """A constraint of the same kind, for a trial."""
    index, number = np.zeros(1, np.int64), np.ones(1, np.float32)
    kind = AmplitudePrior if isinstance(known, AmplitudePrior) else AmplitudeInterval
    return kind(index, number, number)


def estimate(cdi: Any, held: HeldAmplitudes, counts: Float32Array) -> None:
    """Let PyNX take a fill for its own soft estimates.

    Parameters
    ----------
    cdi : the `CDI`; the voxels that are held have to be masked.
    held : which voxels they are.
    counts : (n_rock, n_y, n_x), with the fill, centred.
    """
    iobs = cdi.get_iobs()
    cdi.get_obj()  # with the support it comes from the GPU, and goes back with the counts
    cdi.get_support()
    wanted = np.fft.ifftshift(counts).take(held.known.index)
    iobs.put(held.known.index, -(1 + np.maximum(wanted, 0)) * SCALE)
    cdi.iobs = iobs
    cdi._timestamp_counter += 1
