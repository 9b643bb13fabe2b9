"""PyNX, the outside engine for phase retrieval and scattering: whether it is there, and working.

This is the one place that knows. Everything else asks here and gets either a module or one line
that says how to get it.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import importlib.util
import io
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from bcdi_inpaint.errors import MissingEngineError, brief

HOW_TO_GET_PYNX = (
    "run `make setup` or `python tools/install_pynx.py` in the repository, or load your site's "
    "PyNX module"
)

# What `Fhkl_thread` needs for OpenCL: an empty name takes whatever device is there, PoCL's CPU
# device too, whose name differs between its versions.
OPENCL: dict[str, str] = {"language": "opencl", "gpu_name": ""}

# A small sum with a known answer: F(h) = sum over atoms of exp(-2i pi h.x). Sizes are no multiples
# of the kernels' block size, so that the padding is exercised too.
_OPENCL_PROBE = f"""
import numpy as np
from pynx.scattering import fhkl

rng = np.random.default_rng(0)
x, y, z = rng.uniform(-5, 5, (3, 77)).astype(np.float32)
h, k, l = rng.uniform(-1, 1, (3, 50)).astype(np.float32)
amplitude, _ = fhkl.Fhkl_thread(h, k, l, x, y, z, **{OPENCL!r})
turns = np.outer(h, x) + np.outer(k, y) + np.outer(l, z)
expected = np.exp(-2j * np.pi * turns).sum(axis=1)
works = len(fhkl.gputhreads.cl_devices) > 0 and np.allclose(amplitude, expected, atol=1e-3)
print("works" if works else "wrong")
"""


def _pynx_folder() -> Path | None:
    """Where `import pynx` would look; None if nothing of that name is there. Imports nothing."""
    spec = importlib.util.find_spec("pynx")
    if spec is None:
        return None
    places = list(spec.submodule_search_locations or [])
    return Path(places[0] if places else str(spec.origin))


def _checked_pynx_folder() -> Path:
    """The folder of PyNX; raises MissingEngineError if it is absent or the wrong `pynx`."""
    folder = _pynx_folder()
    if folder is None:
        raise MissingEngineError(f"PyNX is not installed: {HOW_TO_GET_PYNX}")
    # The public index has an unrelated tool of the same name, which lacks both.
    if not all((folder / name / "__init__.py").is_file() for name in ("cdi", "scattering")):
        raise MissingEngineError(
            f"the `pynx` in {folder} is not PyNX but another project of that name: remove it with "
            f"`{sys.executable} -m pip uninstall pynx`, then {HOW_TO_GET_PYNX}"
        )
    return folder


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hold back what PyNX prints and warns about while it is imported and running."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _has_opencl_gpu() -> bool:
    """Whether OpenCL shows a GPU and PyNX could transform on it."""
    if not all(importlib.util.find_spec(name) for name in ("pyopencl", "pyvkfft")):
        return False
    try:
        cl = importlib.import_module("pyopencl")
        platforms = cl.get_platforms()
        return any(platform.get_devices(cl.device_type.GPU) for platform in platforms)
    except Exception:  # a broken driver may raise anything, and then there is no GPU for us
        return False


def _has_cuda_gpu() -> bool:
    """Whether PyCUDA finds a GPU; on a machine without one, as a cluster's front end, it may be
    installed all the same.
    """
    if importlib.util.find_spec("pycuda") is None:
        return False
    try:
        driver = importlib.import_module("pycuda.driver")
        driver.init()
        return bool(driver.Device.count() > 0)
    except Exception:  # no driver, or a broken one
        return False


def has_gpu() -> bool:
    """Whether PyNX could phase on a GPU of this machine."""
    with quiet():
        return _has_cuda_gpu() or _has_opencl_gpu()


def _choose_processing_unit() -> None:
    """Set PYNX_PU to the CPU where PyNX would find no GPU; a user's own choice stays.

    PyNX reads it when it is imported, and raises later on a machine whose only OpenCL device is
    the CPU.
    """
    if "PYNX_PU" not in os.environ and not has_gpu():
        os.environ["PYNX_PU"] = "cpu"


def needs_cpu() -> bool:
    """Whether PyNX is there, finds no GPU and was not told to take the CPU."""
    return _pynx_folder() is not None and "PYNX_PU" not in os.environ and not has_gpu()


def import_pynx(submodule: str) -> ModuleType:
    """Import one module of PyNX, for example ``"cdi"`` or ``"scattering.fhkl"``, silently.

    Raises
    ------
    MissingEngineError
        PyNX is absent, another project called `pynx` is installed in its place, or it does not
        import; the message says what to do.
    """
    folder = _checked_pynx_folder()
    name = f"pynx.{submodule}"
    if name in sys.modules:
        return sys.modules[name]
    _choose_processing_unit()
    try:
        with quiet():
            module = importlib.import_module(name)
            gc.collect()  # PyNX asks git for its version and leaves the pipes open
            return module
    except Exception as error:
        if type(error).__name__ == "ProcessingUnitException":  # PyNX's own
            raise MissingEngineError(
                f"PYNX_PU is {os.environ.get('PYNX_PU')}, but there is no such thing here "
                f"({brief(error)}), expected cuda, opencl or cpu: unset it"
            ) from error
        raise MissingEngineError(
            f"PyNX in {folder} does not import ({type(error).__name__}: {error}): {HOW_TO_GET_PYNX}"
        ) from error


def pynx_or_reason() -> tuple[str | None, str]:
    """The version of the installed PyNX, or None and in one line why there is no usable one."""
    try:
        return str(import_pynx("version").__version__), ""
    except MissingEngineError as error:
        return None, str(error)


def pynx_version() -> str | None:
    """The version of the installed PyNX, for example ``"2025.1"``, or None without a usable one."""
    return pynx_or_reason()[0]


@functools.cache
def opencl_works(timeout_s: float = 60.0) -> bool:
    """Whether PyNX computes structure factors right with OpenCL (`Fhkl_thread(..., **OPENCL)`).

    PyNX's worker threads can die silently and leave their caller waiting for ever. So a small sum
    is computed in a process of its own, compared with the direct sum in numpy, and given up after
    `timeout_s` seconds. The answer is kept for the life of this process.
    """
    try:
        _checked_pynx_folder()
        result = subprocess.run(
            [sys.executable, "-P", "-W", "ignore", "-c", _OPENCL_PROBE],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env={**os.environ, "PYNX_PU": "cpu"},  # of the phasing part, which is not used here
        )
    except (MissingEngineError, OSError, subprocess.TimeoutExpired):
        return False
    return result.stdout.strip().endswith("works")
