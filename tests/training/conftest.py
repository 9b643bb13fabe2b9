"""What the tests of trainings share: patterns, and slabs that are made of them once."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from small_training import (
    PLAN,
    QUICK,
    model_that_guesses_too_high,
    scan_with_a_cross,
    state,
    waves,
)

from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.training.finetuned import Finetuned
from bcdi_inpaint.training.finetuning import finetune_on
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


@dataclass(frozen=True)
class Adaptation:
    """A fine-tuning, the model that it was given and its weights before, and what was said."""

    found: Finetuned
    model: Model
    before: dict[str, torch.Tensor]
    said: list[str]


@pytest.fixture(scope="session")
def adaptation() -> Adaptation:
    """What 15 steps on that scan made of that model: takes seconds, and is changed by no test."""
    given = lesson(scan_with_a_cross(np.random.default_rng(20240517)), "peak.cxi")
    model, said = model_that_guesses_too_high(), list[str]()
    before = state(model.network)
    found = finetune_on([given], model, steps=15, device="cpu", say=said.append, settings=QUICK)
    return Adaptation(found, model, before, said)
