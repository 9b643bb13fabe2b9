"""What all tests share: a seeded generator, the real data, and the outside engines."""

from __future__ import annotations

import gc
import importlib
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import scipy.fft
from processes import Template
from scipy.ndimage import gaussian_filter

os.environ.setdefault("MPLBACKEND", "Agg")

REPOSITORY = Path(__file__).resolve().parents[1]


def plugins_of_the_window() -> list[str]:
    """Qt's plugin, where Qt is: elsewhere it would stop every test."""
    try:
        importlib.import_module("PySide6.QtWidgets")
        importlib.import_module("pytestqt")
    except ImportError:
        return []
    if shutil.which("Xvfb") is None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    return ["pytestqt.plugin"]


pytest_plugins = plugins_of_the_window()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Nothing of what is loaded meanwhile is garbage: not looking for any saves some seconds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Garbage is sought among what the tests make: what all modules hold takes 0.3 s a time."""
    set_modules_aside()


def pytest_runtest_logfinish() -> None:
    """The same for what a test has loaded: PyNX seeks garbage after each of its runs."""
    if len(sys.modules) > set_aside[0] + 50:
        set_modules_aside()


set_aside = [0]
"""How many modules had been loaded when garbage was last looked for among them."""


def set_modules_aside() -> None:
    """Look for garbage once more, and never again among what is left."""
    gc.collect()
    gc.freeze()
    set_aside[0] = len(sys.modules)


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(20240517)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of measured scans; the test is skipped where there is none."""
    folder = Path(os.environ.get("BCDI_INPAINT_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no measured scans here (set BCDI_INPAINT_DATA to their folder)")
    return folder


@pytest.fixture(scope="session")
def pynx() -> str:
    """The version of PyNX; the test is skipped where it is not installed."""
    from bcdi_inpaint.pynx_engine import pynx_version

    version = pynx_version()
    if version is None:
        pytest.skip("PyNX is not installed (run tools/install_pynx.py)")
    return version


@pytest.fixture(scope="session")
def opencl(pynx: str) -> None:
    """PyNX on an OpenCL device, PoCL too; the test is skipped where there is none."""
    cl = pytest.importorskip("pyopencl")
    pytest.importorskip("pyvkfft.opencl")
    try:
        there = any(platform.get_devices() for platform in cl.get_platforms())
    except cl.Error:
        there = False
    if not there:
        pytest.skip("no OpenCL device")


@pytest.fixture(scope="session")
def particle() -> tuple[np.ndarray, np.ndarray]:
    """A strained, faceted particle without inversion symmetry: object and where it is, 48^3."""
    z, y, x = np.ogrid[-24:24, -24:24, -24:24]
    r = 0.16 * 48
    box = (np.abs(z) <= r) & (np.abs(y) <= 0.8 * r) & (np.abs(x) <= 0.9 * r)
    inside = box & (z + y + x < 0.8 * r) & (z - y + 0.3 * x < r)
    phase_rad = 0.6 * np.sin(np.pi * z / (1.3 * r)) * np.cos(np.pi * y / (2 * r))
    phase_rad = phase_rad + 0.5 * (x / r) ** 2 - 0.5 * z * y / r**2
    return gaussian_filter(inside.astype(float), 0.7) * np.exp(1j * phase_rad), inside


@pytest.fixture(scope="session")
def counts(particle: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Its (48, 48, 48) Poisson counts, 1e6 in the brightest voxel, the peak at the centre."""
    amplitude = scipy.fft.fftshift(scipy.fft.fftn(scipy.fft.ifftshift(particle[0])))
    intensity = np.abs(amplitude) ** 2
    return np.random.default_rng(1).poisson(intensity * 1e6 / intensity.max())


@pytest.fixture
def patterns_made_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patterns are simulated in this process, where their processes are not what is tested."""
    from simulation import campaign

    monkeypatch.setattr(campaign, "open_executor", lambda *_: ThreadPoolExecutor(1))


@pytest.fixture(scope="session")
def template() -> Iterator[Template]:
    """Runs our commands in processes of their own that need not load anything first."""
    template = Template()
    yield template
    template.end()
