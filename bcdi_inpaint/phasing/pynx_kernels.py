"""A fill heeded where the object is: small kernels around the one that PyNX projects with.

One kernel computes what the filled voxels are to become, before PyNX may wipe them; PyNX projects;
a second one puts them in. Both run over the filled voxels alone. With a point spread function PyNX
hands its kernel the convolved intensity, and the fill, an estimate of what a detector would have
counted, is compared with that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from bcdi_inpaint.phasing.constraints import AmplitudeConstraint, AmplitudePrior

CUDA = """
#define RE(z) ((z).x)
#define IM(z) ((z).y)
#define COMPLEX(a, b) (make_float2(a, b))
#define LOG1P log1pf
#define EXPM1 expm1f
#define SQRT sqrtf
#define FMAX fmaxf
#define FMIN fminf
"""
OPENCL = """
#define RE(z) ((z).x)
#define IM(z) ((z).y)
#define COMPLEX(a, b) ((float2)(a, b))
#define LOG1P log1p
#define EXPM1 expm1
#define SQRT sqrt
#define FMAX fmax
#define FMIN fmin
"""
"""What the two languages call the same things."""

CUDA_KERNEL = """
__global__ void {name}({arguments}, const int size)
{{
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= size) return;
  {operation};
}}
"""
BLOCK_SIZE = 256
"""Threads of a block of CUDA's; a usual number."""

OWN = """
const float re = RE(obj[index[i]]) * scale_in;
const float im = IM(obj[index[i]]) * scale_in;
const float own = re * re + im * im;
"""
PLAIN = "const float calc = own;"
# As PyNX does where a convolution by Fourier transforms came out negative.
CONVOLVED = """
const float blurred = icalc[index[i]] * scale_in * scale_in;
const float calc = blurred < 1e-20f ? FMAX(own, icalc[index[i]]) : blurred;
"""
PRIOR = """
const float width = second[i] / half_way;
const float found = LOG1P(calc);
const float wanted = SQRT(EXPM1(found + (first[i] - found) / (1.0f + width * width)));
"""
INTERVAL = "const float wanted = FMIN(FMAX(SQRT(calc), first[i]), second[i]);"
KEPT = """
const float scale = wanted / FMAX(SQRT(calc), 1e-12f) * scale_out;
held[i] = COMPLEX(re * scale, im * scale)
"""
"""The formulas of `constraints`, in float32: what is kept of a voxel until PyNX has projected."""

PUT_BACK = "obj[index[i]] = held[i]"


@dataclass(frozen=True)
class DeviceKernels:
    """A constraint's arrays on a GPU, and the kernels that heed it.

    Attributes
    ----------
    prefix : what PyNX's names begin with, ``cu`` or ``cl``.
    index : of the voxels in the flattened array, int32.
    first, second : their log(1 + counts) and standard deviations, or their bounds.
    held : complex64, room for their amplitudes.
    keep, keep_convolved, put_back : the kernels.
    """

    prefix: str
    index: Any
    first: Any
    second: Any
    held: Any
    keep: Callable[..., Any]
    keep_convolved: Callable[..., Any]
    put_back: Callable[..., Any]

    @classmethod
    def of(cls, backend: ModuleType, unit: Any, known: AmplitudeConstraint) -> DeviceKernels:
        """Those of a constraint.

        Parameters
        ----------
        backend : PyNX's module of operators for this kind of GPU.
        unit : its processing unit.
        known : the constraint.
        """
        is_cuda = hasattr(backend, "CU_ElK")
        is_prior = isinstance(known, AmplitudePrior)
        arrays = _numbers(known)
        first, second = (np.asarray(array, dtype=np.float32) for array in arrays)
        index = np.asarray(known.index, dtype=np.int32)
        held = np.zeros(len(index), dtype=np.complex64)
        make = kernel_maker(backend, unit)
        law = PRIOR if is_prior else INTERVAL
        return cls(
            "cu" if is_cuda else "cl",
            *(to_device(backend, unit, array) for array in (index, first, second, held)),
            *_kernels(make, law),
        )

    def run_once(self, backend: ModuleType, unit: Any) -> None:
        """Compile and run the kernels, on an object of one voxel; raises what the driver raises."""
        obj, icalc = (
            to_device(backend, unit, np.ones(1, kind)) for kind in (np.complex64, np.float32)
        )
        known, scales = (self.index, self.first, self.second, self.held), (np.float32(1),) * 3
        self.keep(*known, obj, *scales)
        self.keep_convolved(*known, obj, icalc, *scales)
        self.put_back(self.index, self.held, obj)
        obj.get()

    @contextmanager
    def around_projection(self, unit: Any, strength: float) -> Iterator[None]:
        """Let PyNX's kernels of the amplitude projection heed the constraint, within the block."""
        plain, convolved = (f"{self.prefix}_apply_amplitude{end}" for end in ("", "_icalc"))
        own = {name: getattr(unit, name) for name in (plain, convolved)}
        setattr(unit, plain, self._heeding(own[plain], self.keep, 2, strength))
        setattr(unit, convolved, self._heeding(own[convolved], self.keep_convolved, 3, strength))
        try:
            yield
        finally:
            for name, kernel in own.items():
                setattr(unit, name, kernel)

    def _heeding(
        self, own: Callable[..., Any], keep: Callable[..., Any], n_arrays: int, strength: float
    ) -> Callable[..., Any]:
        """PyNX's kernel between ours; it is called with iobs, obj, perhaps icalc, and numbers."""

        def project(*args: Any, **options: Any) -> Any:
            arrays, (scale_in, scale_out) = args[1:n_arrays], args[n_arrays : n_arrays + 2]
            known = self.index, self.first, self.second, self.held
            scales = np.float32(scale_in), np.float32(scale_out), np.float32(strength)
            event = keep(*known, *arrays, *scales, **options)
            event = own(*args, **_after(event, options))
            return self.put_back(self.index, self.held, args[1], **_after(event, options))

        return project


def _numbers(known: AmplitudeConstraint) -> tuple[Any, Any]:
    if isinstance(known, AmplitudePrior):
        return known.log_counts, known.sigma
    return known.least, known.most


def _after(event: Any, options: dict[str, Any]) -> dict[str, Any]:
    """OpenCL's kernels wait for one another by their events; CUDA's follow one another."""
    return options | {"wait_for": [event]} if "wait_for" in options else options


def kernel_maker(backend: ModuleType, unit: Any) -> Callable[[str, str, str], Any]:
    """Makes kernels for a GPU: from a name, what is done at each place, and the arguments.

    Arguments are spelled ``INDEX``, ``FLOAT *name``, ``COMPLEXES *name``, ``const float name`` and
    ``const int name``; the first array says how many places there are.
    """
    is_cuda = hasattr(backend, "CU_ElK")
    return _cuda_kernel(backend, unit) if is_cuda else _opencl_kernel(backend, unit)


def _kernels(make: Callable[[str, str, str], Any], law: str) -> Iterator[Any]:
    """The three kernels; `make` takes a name, what it does and its further arguments."""
    vectors = "INDEX, FLOAT *first, FLOAT *second, COMPLEXES *held, COMPLEXES *obj"
    numbers = "const float scale_in, const float scale_out, const float half_way"
    yield make("keep_filled", OWN + PLAIN + law + KEPT, f"{vectors}, {numbers}")
    blurred = f"{vectors}, FLOAT *icalc, {numbers}"
    yield make("keep_filled_convolved", OWN + CONVOLVED + law + KEPT, blurred)
    yield make("put_back_filled", PUT_BACK, "INDEX, COMPLEXES *held, COMPLEXES *obj")


def _spell(arguments: str, index: str, real: str, complexes: str) -> str:
    """Arguments in a backend's own words."""
    named = arguments.replace("INDEX", index).replace("FLOAT", real)
    return named.replace("COMPLEXES", complexes)


def _cuda_kernel(backend: ModuleType, unit: Any) -> Callable[[str, str, str], Any]:
    """Kernels that are prepared: PyCUDA's elementwise ones take tens of microseconds to be called,
    which is a part of a cycle of a small array.
    """

    def make(name: str, operation: str, arguments: str) -> Any:
        listed = _spell(arguments, "const int *index", "float", "float2")
        source = CUDA_KERNEL.format(name=name, arguments=listed, operation=operation)
        module = backend.SourceModule(CUDA + source, options=unit.cu_options)
        function = module.get_function(name)
        kinds = ["P" if "*" in a else "f" if "float" in a else "i" for a in listed.split(",")]
        function.prepare("".join(kinds) + "i")
        convert: dict[str, Callable[[Any], Any]] = {"f": float, "i": int}
        convert["P"] = lambda array: array.ptr

        def call(*values: Any) -> None:
            given = [convert[kind](value) for kind, value in zip(kinds, values, strict=True)]
            size = int(values[0].size)
            grid = (-(-size // BLOCK_SIZE), 1)
            function.prepared_call(grid, (BLOCK_SIZE, 1, 1), *given, size)

        call.module = module  # type: ignore[attr-defined]  # it lives as long as the kernel
        return call

    return make


def _opencl_kernel(backend: ModuleType, unit: Any) -> Callable[[str, str, str], Any]:
    def make(name: str, operation: str, arguments: str) -> Any:
        words = "__global const int *index", "__global float", "__global float2"
        return backend.CL_ElK(
            unit.cl_ctx,
            name=name,
            operation=operation,
            preamble=OPENCL,
            options=unit.cl_options,
            arguments=_spell(arguments, *words),
        )

    return make


def to_device(backend: ModuleType, unit: Any, array: np.ndarray) -> Any:
    """An array on a GPU.

    Parameters
    ----------
    backend : PyNX's module of operators for this kind of GPU.
    unit : its processing unit.
    array : of a type that the GPU has.
    """
    if hasattr(backend, "CU_ElK"):
        return backend.cua.to_gpu(array)
    return backend.cla.to_device(unit.cl_queue, array)
