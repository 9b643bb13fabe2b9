"""An even density heeded inside PyNX's own cycles.

Each cycle of PyNX (HIO, RAAR, ER, CF, and those against twins) ends with a projection onto the
support, of an object that has just got its measured amplitudes. Before that projection the modulus
of the object goes a part of the way to its own local mean, well inside the support; see `density`.
The last projection of a run, which no support follows, stays PyNX's. GPS, whose object is between
projections another thing, is left as it is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from bcdi_inpaint.phasing.density import DensitySettings, Interior, find_interior
from bcdi_inpaint.phasing.pynx_density_kernels import DensityKernels, DeviceInterior
from bcdi_inpaint.phasing.pynx_kernels import to_device
from bcdi_inpaint.phasing.pynx_projection import is_gpu, pynx_backend

DENSITY = "held_density"
"""The attribute of a PyNX `CDI` that holds how even its density is to be."""
PROJECTIONS = ("HIOProj", "RAARProj", "ERProj", "CFProj")
"""PyNX's projections onto the support."""


@dataclass
class HeldDensity:
    """What a `CDI` carries along: how its density is evened out, and its interior as it is now.

    Attributes
    ----------
    settings : strength, width, margin and when it begins.
    cycles : of the run that find the object, of which `settings.begin` is a part.
    """

    settings: DensitySettings
    cycles: int
    _support: Any = field(default=None, repr=False)
    _size: int = field(default=-1, repr=False)
    _interior: Any = field(default=None, repr=False)
    _kernels: dict[int, DensityKernels] = field(default_factory=dict, repr=False)

    def begins(self, cycle: int) -> bool:
        """Whether it is heeded in a cycle of a run, counted from 0."""
        return self.settings.strength > 0 and cycle >= self.settings.begin * self.cycles

    def interior(self, support: Any, size: int, find: Callable[[Any], Any]) -> Any:
        """The interior of a support, found again where the support is another one.

        Parameters
        ----------
        support : array of PyNX's, on the host or a GPU.
        size : how many voxels it has; PyNX changes those on a GPU in place.
        find : makes the interior of it, as the host or the GPU takes it; None without one.
        """
        if support is not self._support or size != self._size:
            self._support, self._size = support, size  # kept alive: identity is what is compared
            self._interior = find(support)
        return self._interior

    def kernels(self, backend: ModuleType, unit: Any) -> DensityKernels:
        """The kernels of a GPU, made once."""
        if id(unit) not in self._kernels:
            self._kernels[id(unit)] = DensityKernels.of(backend, unit)
        return self._kernels[id(unit)]


def heed_density() -> None:
    """Make PyNX's cycles even out the density of every `CDI` that carries how.

    Without it they do what they did. Calling this again changes nothing.
    """
    backend = pynx_backend()
    for name in PROJECTIONS:
        projection = getattr(backend, name)
        if not hasattr(projection.op, "without_density"):
            projection.op = _evening(backend, projection.op)


def density_fails() -> str:
    """Why a GPU runs no kernel that evens out a density; empty where it does, or there is none."""
    backend = pynx_backend()
    if not is_gpu(backend):
        return ""
    try:
        _even_out_once(backend, backend.ERProj().processing_unit)
    except Exception as error:  # each driver has errors of its own
        return f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"
    return ""


def _even_out_once(backend: ModuleType, unit: Any) -> None:
    """Compile and run the kernels on a small object."""
    settings = DensitySettings(strength=0.5, margin=0)
    interior = find_interior(np.ones((4, 4, 4), dtype=bool), settings)
    assert interior is not None, "it is large enough"
    there = DeviceInterior.of(backend, unit, interior, (4, 4, 4), settings.width)
    obj = to_device(backend, unit, np.ones((4, 4, 4), np.complex64))
    DensityKernels.of(backend, unit).even_out(unit, obj, there, settings.strength)
    obj.get()


def _evening(backend: ModuleType, own: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    @functools.wraps(own)
    def op(operator: Any, cdi: Any) -> Any:
        held: HeldDensity | None = getattr(cdi, DENSITY, None)
        if held is not None and held.begins(cdi.cycle):
            if is_gpu(backend):
                _on_device(backend, operator.processing_unit, cdi, held)
            else:
                _on_host(cdi, held)
        return own(operator, cdi)

    op.without_density = own  # type: ignore[attr-defined]
    return op


def _on_host(cdi: Any, held: HeldDensity) -> None:
    def find(support: Any) -> Interior | None:
        return find_interior(support > 0, held.settings)

    interior = held.interior(cdi._support, int(cdi.nb_point_support), find)
    if interior is not None:
        interior.even_out(cdi._obj, held.settings.strength)


def _on_device(backend: ModuleType, unit: Any, cdi: Any, held: HeldDensity) -> None:
    def find(support: Any) -> DeviceInterior | None:
        interior = find_interior(support.get() > 0, held.settings)
        if interior is None:
            return None
        return DeviceInterior.of(backend, unit, interior, support.shape, held.settings.width)

    prefix = "cu" if hasattr(backend, "CU_ElK") else "cl"
    support = getattr(cdi, f"_{prefix}_support")
    interior = held.interior(support, int(cdi.nb_point_support), find)
    if interior is not None:
        obj = getattr(cdi, f"_{prefix}_obj")
        held.kernels(backend, unit).even_out(unit, obj, interior, held.settings.strength)
