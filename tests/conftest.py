"""What all tests share: a seeded generator, the real data, and the outside engines."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("MPLBACKEND", "Agg")

REPOSITORY = Path(__file__).resolve().parents[1]


def heed_ctrl_c() -> None:
    """For `preexec_fn`: a shell that runs the tests in the background has SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


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
    from bcdi_inpaint.engines import pynx_version

    version = pynx_version()
    if version is None:
        pytest.skip("PyNX is not installed (run tools/install_pynx.py)")
    return version
