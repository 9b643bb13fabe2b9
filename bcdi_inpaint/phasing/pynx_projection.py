"""A fill heeded inside PyNX's own cycles.

PyNX has one amplitude projection on each backend, `ApplyAmplitude`, and every algorithm of PyNX
(HIO, RAAR, ER, CF, GPS, the one against twins, the last projection of a run) goes through it. So a
fill is heeded in one place: around that projection. What it does for a `CDI` that carries no fill
stays as it is.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.constraints import AmplitudeConstraint, scale_modulus
from bcdi_inpaint.phasing.pynx_kernels import DeviceKernels
from bcdi_inpaint.phasing.pynx_psf import SEEN, heed_psf
from bcdi_inpaint.phasing.schedule import half_way
from bcdi_inpaint.pynx_engine import import_pynx

CARRIED = "carried_fill"
"""The attribute of a PyNX `CDI` that holds what is known of its masked voxels."""


@dataclass
class HeldAmplitudes:
    """What a `CDI` carries along: what is known of its masked voxels, and how far its run is.

    Attributes
    ----------
    known : the constraint.
    cycles : over which a prior grows stricter, see `schedule.half_way`; 0 for strict at once.
    release_after : cycles for which the constraint holds; None keeps it.
    done : cycles since the run began.
    """

    known: AmplitudeConstraint
    cycles: int = 0
    release_after: int | None = None
    done: int = 0
    _on_device: dict[int, DeviceKernels] = field(default_factory=dict, repr=False)

    def begin(self) -> None:
        """A new run begins."""
        self.done = 0

    def step(self) -> float | None:
        """The `half_way` of the next cycle, which is counted; None if nothing is held any more."""
        done, self.done = self.done, self.done + 1
        if self.release_after is not None and done >= self.release_after:
            return None
        return half_way(done / self.cycles if self.cycles else 1.0)

    def kernels(self, backend: ModuleType, unit: Any) -> DeviceKernels:
        """The arrays and kernels on a GPU, made once."""
        if id(unit) not in self._on_device:
            self._on_device[id(unit)] = DeviceKernels.of(backend, unit, self.known)
        return self._on_device[id(unit)]


def pynx_backend() -> ModuleType:
    """The module that PyNX's operators come from: its CPU's, OpenCL's or CUDA's."""
    return sys.modules[import_pynx("cdi").HIO.__module__]


def heed_fills() -> None:
    """Make PyNX's amplitude projection heed the fill of every `CDI` that carries one.

    The CPU's heeds a point spread function too, which PyNX's own does on GPUs alone. Without
    either it does what it did. Calling this again changes nothing.
    """
    backend = pynx_backend()
    projection = backend.ApplyAmplitude
    if not hasattr(projection.op, "without_fill"):
        projection.op = _heeding(backend, projection.op)
    if not is_gpu(backend):
        heed_psf(backend)  # around the fill's, which is to know the intensity as it is seen


def is_gpu(backend: ModuleType) -> bool:
    """Whether a module of PyNX's operators is that of OpenCL or CUDA."""
    return hasattr(backend, "CU_ElK") or hasattr(backend, "CL_ElK")


def _heeding(backend: ModuleType, own: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    around = _on_device if is_gpu(backend) else _on_host

    @functools.wraps(own)
    def op(operator: Any, cdi: Any) -> Any:
        held: HeldAmplitudes | None = getattr(cdi, CARRIED, None)
        strength = None if held is None else held.step()
        if held is None or strength is None or not len(held.known.index):
            return own(operator, cdi)
        _check_unchanged(cdi)
        return around(backend, own, operator, cdi, held, strength)

    op.without_fill = own  # type: ignore[attr-defined]
    return op


def _check_unchanged(cdi: Any) -> None:
    """Refuse what changes the grid under the fill."""
    for name in ("upsample", "bin", "crop"):
        if getattr(cdi, f"get_{name}")() is not None:
            raise InputError(
                f"{name} changes the grid of a CDI that carries a fill, expected it unchanged: "
                "leave it out, or cut and bin the data (roi, rebin)"
            )


def _on_host(
    backend: ModuleType,
    own: Callable[[Any, Any], Any],
    operator: Any,
    cdi: Any,
    held: HeldAmplitudes,
    strength: float,
) -> Any:
    """The CPU's projection, with a fill."""
    amplitude = cdi._obj.take(held.known.index) * operator.scale_in
    seen = getattr(cdi, SEEN, None)
    modulus = np.abs(amplitude) if seen is None else np.sqrt(seen.take(held.known.index))
    wanted = scale_modulus(amplitude, modulus, held.known.modulus(modulus, strength))
    cdi = own(operator, cdi)
    cdi._obj.put(held.known.index, wanted * operator.scale_out)
    return cdi


def _on_device(
    backend: ModuleType,
    own: Callable[[Any, Any], Any],
    operator: Any,
    cdi: Any,
    held: HeldAmplitudes,
    strength: float,
) -> Any:
    """A GPU's projection, with a fill: PyNX's kernel between two small ones."""
    unit = operator.processing_unit
    with held.kernels(backend, unit).around_projection(unit, strength):
        return own(operator, cdi)
