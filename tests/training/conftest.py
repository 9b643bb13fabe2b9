"""What the tests of trainings share: patterns, and slabs that are made of them once."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from small_training import PLAN, waves

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
