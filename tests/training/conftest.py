"""What the tests of trainings share: patterns, and slabs that are made of them once."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from small_training import PLAN, model_that_guesses_too_high, scan_with_a_cross, waves

from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.training.lessons import Lesson, lesson
from bcdi_inpaint.training.slab_store import stored_slabs
from bcdi_inpaint.training.streams import Stream


@pytest.fixture(scope="session")
def patterns() -> np.ndarray:
    """Two patterns, (2, 32, 32, 32) log expectations."""
    return waves((32, 32, 32))


@pytest.fixture(scope="session")
def slabs(patterns: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the slabs of `PLAN`."""
    folder = tmp_path_factory.mktemp("slabs")
    for stream, name in ((Stream.SLABS, "slabs"), (Stream.VALIDATION_SLABS, "unseen")):
        stored_slabs(patterns, PLAN, 2, stream, folder / name, 0, True)
    return folder


@pytest.fixture
def folder(tmp_path: Path, slabs: Path) -> Path:
    """A folder for a training that holds the slabs already."""
    return Path(shutil.copytree(slabs, tmp_path / "run"))


@pytest.fixture
def scan(rng: np.random.Generator) -> Scan:
    """A fringed peak with noise, and a cross of gaps."""
    return scan_with_a_cross(rng)


@pytest.fixture
def given(scan: Scan) -> Lesson:
    """What to learn from that scan."""
    return lesson(scan, "peak.cxi")


@pytest.fixture
def model() -> Model:
    """A tiny model that has something to learn in very few steps."""
    return model_that_guesses_too_high()
