"""Latent spaces of fills beside that of the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bcdi_inpaint.evaluation.fills import Subject
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.studies.config import LatentConfig
from bcdi_inpaint.studies.latent_study import AGAIN, CHANCE, MASKED, compare_latent_spaces

SMALL = LatentConfig(patterns=12, width=4, size=16, dimension=4, neighbours=3, steps=8)


@pytest.fixture
def subjects() -> list[Subject]:
    """Images that differ in the place and the width of a peak."""
    rng, grid = np.random.default_rng(0), np.mgrid[:16, :16]
    found = []
    for number in range(SMALL.patterns):
        place, width = rng.uniform(5, 11, (2, 1, 1)), rng.uniform(1, 4)
        counts = 1000 * np.exp(-np.sum((grid - place) ** 2, axis=0) / width**2)[None]
        counts = counts.astype(np.float32)
        found.append(Subject("simulated", number, f"pattern {number}", counts, counts < 0, counts))
    return found


def test_a_perfect_fill_has_the_overlap_of_the_truth_learned_again(
    subjects: list[Subject], tmp_path: Path
) -> None:
    """So that is the most that a fill can have: it does not begin where the truth did."""
    true = iter(subjects)

    def perfect(counts: np.ndarray, gap: np.ndarray, **options: Any) -> Fill:
        whole = next(true).counts
        return Fill(whole, gap, np.zeros_like(whole), Calibration(), "perfect", "")

    rows = compare_latent_spaces(subjects, {"perfect": perfect}, {}, SMALL, 5, tmp_path)
    overlap = {row["patterns"]: row["overlap"] for row in rows}
    assert overlap["perfect"] == overlap[AGAIN] < 1
    assert overlap[MASKED] <= 1
    assert overlap[CHANCE] == 3 / 11
    again = compare_latent_spaces(subjects, {"perfect": perfect}, {}, SMALL, 5, tmp_path)
    assert again == rows  # of what is kept: no pattern is filled once more
