"""An even density where the object is: the modulus of a box around the support, smoothed in place.

A Gaussian is the same along each axis after another, so three small kernels smooth the modulus of
the interior, in a box that is a few per cent of the array; a fourth moves the object. The interior
is found on the host, when the support has changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from bcdi_inpaint.phasing.density import Interior
from bcdi_inpaint.phasing.pynx_kernels import kernel_maker, to_device
from bcdi_inpaint.phasing.schedule import SMALLEST_AMPLITUDE

REACH = 5
"""Standard deviations at which a Gaussian is cut; what is left out of it is below rounding."""

MODULUS = """
const float re = RE(obj[index[i]]);
const float im = IM(obj[index[i]]);
modulus[i] = inside[i] > 0.0f ? SQRT(re * re + im * im) : 0.0f
"""
SMOOTH = """
const int at = (i / stride) % n_line;
const int first = at < reach ? -at : -reach;
const int last = n_line - 1 - at < reach ? n_line - 1 - at : reach;
float sum = 0.0f;
for (int k = first; k <= last; k++) sum += taps[k < 0 ? -k : k] * from[i + k * stride];
to[i] = sum
"""
PULL = f"""
const float re = RE(obj[index[i]]);
const float im = IM(obj[index[i]]);
const float own = FMAX(SQRT(re * re + im * im), {SMALLEST_AMPLITUDE:g}f);
const float factor = 1.0f + strength * (share[i] * smoothed[i] / own - 1.0f);
if (share[i] > 0.0f) obj[index[i]] = COMPLEX(re * factor, im * factor)
"""
"""The formulas of `density`, in float32."""


@dataclass(frozen=True)
class DeviceInterior:
    """An `Interior` on a GPU.

    Attributes
    ----------
    shape : of the box.
    index : of its voxels in the flattened array, int32.
    inside : float32, 1 in the interior, 0 elsewhere.
    share : float32, `inside` over what the smoothing makes of it.
    taps : float32, the Gaussian from its middle on.
    reach : the last tap's number.
    first, second : float32, room for two moduli.
    """

    shape: tuple[int, int, int]
    index: Any
    inside: Any
    share: Any
    taps: Any
    reach: int
    first: Any
    second: Any

    @classmethod
    def of(
        cls,
        backend: ModuleType,
        unit: Any,
        interior: Interior,
        shape: Sequence[int],
        width: float,
    ) -> DeviceInterior:
        """That of an interior on the host.

        Parameters
        ----------
        backend : PyNX's module of operators for this kind of GPU.
        unit : its processing unit.
        interior : with numpy's arrays.
        shape : of the whole array.
        width : of the Gaussian, in voxels.
        """
        index = np.ravel_multi_index(np.broadcast_arrays(*interior.box), tuple(shape))
        reach = math.ceil(REACH * width)
        taps = np.exp(-0.5 * (np.arange(reach + 1) / width) ** 2)
        inside = np.asarray(interior.inside, np.float32)
        empty = np.zeros(inside.size, np.float32)

        def put(array: np.ndarray, kind: type = np.float32) -> Any:
            return to_device(backend, unit, np.ascontiguousarray(array.ravel(), kind))

        arrays = put(index, np.int32), put(inside), put(inside / interior.norm), put(taps)
        n_rock, n_y, n_x = inside.shape
        return cls((n_rock, n_y, n_x), *arrays, reach, put(empty), put(empty))


@dataclass(frozen=True)
class DensityKernels:
    """The kernels that even out a density.

    Attributes
    ----------
    modulus, smooth, pull : take the modulus of the interior, smooth along an axis, and move the
        object.
    """

    modulus: Callable[..., Any]
    smooth: Callable[..., Any]
    pull: Callable[..., Any]

    @classmethod
    def of(cls, backend: ModuleType, unit: Any) -> DensityKernels:
        """Those for a processing unit of a backend of PyNX's."""
        make = kernel_maker(backend, unit)
        numbers = "const int stride, const int n_line, const int reach"
        return cls(
            make("modulus_inside", MODULUS, "INDEX, FLOAT *inside, FLOAT *modulus, COMPLEXES *obj"),
            make("smooth_inside", SMOOTH, f"FLOAT *from, FLOAT *to, FLOAT *taps, {numbers}"),
            make(
                "pull_inside",
                PULL,
                "INDEX, FLOAT *share, FLOAT *smoothed, COMPLEXES *obj, const float strength",
            ),
        )

    def even_out(self, unit: Any, obj: Any, interior: DeviceInterior, strength: float) -> None:
        """Move the modulus of an object on the GPU a part of the way to its local mean.

        Parameters
        ----------
        unit : PyNX's processing unit.
        obj : the object's array on the GPU; it is changed in place.
        interior : where.
        strength : the part.
        """
        index, source, target = interior.index, interior.first, interior.second
        _run(unit, self.modulus, index, interior.inside, source, obj)
        stride = 1
        for n in reversed(interior.shape):
            numbers = np.int32(stride), np.int32(n), np.int32(interior.reach)
            _run(unit, self.smooth, source, target, interior.taps, *numbers)
            source, target, stride = target, source, stride * n
        _run(unit, self.pull, index, interior.share, source, obj, np.float32(strength))


def _run(unit: Any, kernel: Callable[..., Any], *values: Any) -> None:
    """Run a kernel after what went before: OpenCL's wait for events, which are in `unit.ev`."""
    if hasattr(unit, "ev"):
        unit.ev = [kernel(*values, wait_for=unit.ev)]
    else:
        kernel(*values)
