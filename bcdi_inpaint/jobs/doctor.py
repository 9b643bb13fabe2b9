"""What an installation has: each library and engine with its version, and how to get what it lacks.

Every check tries the thing itself, because what is installed need not work: LAMMPS wants MPI's
library, PyNX a GPU or the word that there is none, Qt the system's libraries.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bcdi_inpaint.errors import InputError, brief
from bcdi_inpaint.files import SCAN_SUFFIXES, own_version
from bcdi_inpaint.pynx_engine import has_gpu, opencl_works, pynx_or_reason
from bcdi_inpaint.tables import number_of

NEEDED = (
    "numpy",
    "scipy",
    "h5py",
    "hdf5plugin",
    "fabio",
    "tifffile",
    "scikit-image",
    "safetensors",
)
"""Distributions that filling takes, besides torch."""
SIMULATE, TRAIN = ("ase", "finufft", "wulffpack"), ("lightning",)
PROBE_SECONDS = 60
"""How long another process may take to say that Qt works."""
_QT_PROBE = """
import PySide6.QtWidgets as widgets, silx.gui.qt, qtawesome
widgets.QApplication([])
print("works")
"""

Check = Callable[[], str]
"""Returns what there is; raises InputError with what is missing, and how to get it."""


@dataclass(frozen=True)
class Finding:
    """What was found of one thing.

    Attributes
    ----------
    name : of the thing.
    is_there : whether it is there and works.
    text : what there is, or what is missing and how to get it.
    is_needed : whether nothing can be filled without it.
    """

    name: str
    is_there: bool
    text: str
    is_needed: bool = False

    def __str__(self) -> str:
        mark = "ok" if self.is_there else "MISSING" if self.is_needed else "no"
        return f"{mark:<7} {self.name:<12} {self.text}"


def examine(further: Mapping[str, Callable[[], object]] | None = None) -> Iterator[Finding]:
    """Look at everything, one after the other.

    Parameters
    ----------
    further : what loads libraries that another package knows, by the library: ``lammps``.

    Yields
    ------
    What was found, in the order in which people need it.
    """
    loaders = further or {}
    checks: tuple[tuple[str, Check, bool], ...] = (
        ("bcdi-inpaint", _ourselves, True),
        ("libraries", lambda: _versions(NEEDED, None), True),
        ("network", _network, True),
        ("GPU", _gpu, False),
        ("formats", _formats, True),
        ("PyNX", _pynx, False),
        ("PyNX's GPU", _pynx_backend, False),
        ("simulation", lambda: _versions(SIMULATE, "simulate"), False),
        ("LAMMPS", lambda: _loaded("lammps", loaders.get("lammps")), False),
        ("training", lambda: _versions(TRAIN, "train"), False),
        ("window (Qt)", _window, False),
        ("cluster", lambda: _versions(("distributed",), "cluster"), False),
    )
    for name, check, is_needed in checks:
        yield _find(name, check, is_needed)


def is_enough(findings: Iterable[Finding]) -> bool:
    """Whether scans can be filled with what was found."""
    return all(finding.is_there for finding in findings if finding.is_needed)


def _find(name: str, check: Check, is_needed: bool) -> Finding:
    try:
        return Finding(name, True, check(), is_needed)
    except InputError as error:
        return Finding(name, False, str(error), is_needed)
    except Exception as error:  # a broken library may raise anything
        return Finding(name, False, f"{type(error).__name__}: {brief(error)}", is_needed)


def _ourselves() -> str:
    where = Path(__file__).parents[1]
    python = f"Python {platform.python_version()} ({sys.executable})"
    cores = len(os.sched_getaffinity(0))
    return f"{own_version()} in {where}, {python}, {number_of(cores, 'core')}"


def _versions(names: Iterable[str], extra: str | None) -> str:
    """Each distribution with its version; InputError where one is not installed."""
    found, missing = [], []
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        raise InputError(f"{', '.join(missing)} not installed: {how_to_install(extra)}")
    return ", ".join(found)


def how_to_install(extra: str | None) -> str:
    """The command that installs an extra, or all that filling takes.

    >>> how_to_install("train")
    "pip install 'bcdi-inpaint[train]'"
    """
    return f"pip install 'bcdi-inpaint{'' if extra is None else f'[{extra}]'}'"


def _network() -> str:
    import torch

    from bcdi_inpaint.network.weights import load_model

    model = load_model("default")
    return f"torch {torch.__version__}, released weights {model.sha256[:12]}"


def _gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        raise InputError(
            "torch sees none, the network runs on the CPU: for an NVIDIA GPU, its driver and a "
            "torch built for CUDA"
        )
    return ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))


def _formats() -> str:
    return f"{' '.join(SCAN_SUFFIXES)}; HDF5 with bitshuffle-lz4"


def _pynx() -> str:
    version, reason = pynx_or_reason()
    if version is None:
        raise InputError(reason)
    return f"{version}: `phase` and `pynx-cdi-id01` work"


def _pynx_backend() -> str:
    """Where PyNX phases, and whether OpenCL sums structure factors."""
    if pynx_or_reason()[0] is None:
        raise InputError("no PyNX")
    scattering = "OpenCL" if opencl_works() else "the CPU"
    chosen = os.environ.get("PYNX_PU")
    if not has_gpu():
        raise InputError(
            f"none, PyNX phases on the CPU and scatters on {scattering}: for a GPU, pip install "
            "pyopencl pyvkfft (OpenCL) or pycuda pyvkfft (CUDA); PyNX's own command wants "
            "PYNX_PU=cpu"
        )
    return f"phases on {chosen or 'the GPU'}, scatters on {scattering}"


def _loaded(name: str, load: Callable[[], object] | None) -> str:
    """The version of a library that was loaded."""
    if load is not None:
        load()
    return _versions((name,), "simulate")


def _window() -> str:
    """Qt and silx, tried in another process: a missing library ends the one that tries."""
    found = _versions(("PySide6-Essentials", "silx", "qtawesome"), "window")
    screen = {} if os.environ.get("DISPLAY") else {"QT_QPA_PLATFORM": "offscreen"}
    tried = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _QT_PROBE],
        capture_output=True,
        text=True,
        timeout=PROBE_SECONDS,
        env={**os.environ, **screen},
    )
    if "works" not in tried.stdout:
        said = tried.stderr.strip().splitlines() or ["it ends without a word"]
        raise InputError(
            f"{found}, but it does not start ({said[-1][:120]}): install the system's libegl1, "
            "libxkbcommon-x11 and libxcb-cursor0"
        )
    return found if os.environ.get("DISPLAY") else f"{found}; no screen here (DISPLAY is not set)"
