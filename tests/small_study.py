"""A study of methods on next to nothing, for the tests of every room that studies."""

from __future__ import annotations

from typing import Any

from bcdi_inpaint.evaluation.fills import Record
from bcdi_inpaint.evaluation.fills.records import SCORES
from bcdi_inpaint.studies.config import StudyConfig, as_study
from bcdi_inpaint.studies.judging import FURTHER

RECIPE = {
    "count": 3,
    "seed": 41,
    "shape": [32, 32],
    "atomistic_share": 0,
    "oversampling": [2.0, 4.0],
    "realism": {"flux": [1e5, 1e6]},
}
STUDY: dict[str, Any] = {
    "study": "methods",
    "name": "tiny",
    "seed": 3,
    "patterns": RECIPE,
    "held_out": {**RECIPE, "seed": 42},
    "patches": {"size": 16, "widths": [[2, 4]], "shares": [1.0]},
    "training": {
        "batch_size": 2,
        "steps": 2,
        "steps_per_epoch": 2,
        "warmup_steps": 1,
        "validation_patches": 1,
        "slabs": 2,
        "validation_slabs": 1,
        "precision": "32-true",
    },
    "kinds": ["gap_unet", "tunet"],
    "shapes": {
        "gap_unet": {"channels": [8, 8], "dilations": [[1, 1], [1, 1]]},
        "tunet": {"depth": 2, "base": 4},
    },
    "classical": ["linear", "kriging"],
    "widths": [3, 17],
    "judged": 2,
    "resamples": 20,
}


def study(**changes: Any) -> StudyConfig:
    """The tiny study with other values."""
    return as_study(STUDY | changes, "tiny.yaml")


def volumes(**changes: Any) -> StudyConfig:
    """The tiny study with patterns of three dimensions."""
    recipe = {**RECIPE, "shape": [32, 32, 32], "count": 1}
    both = {"patterns": recipe, "held_out": {**recipe, "seed": 42}, "widths": [3]}
    return study(**(both | changes))


def records_of(scores: dict[str, float]) -> list[Record]:
    """Records of methods in nine gaps each."""
    return [
        {
            **dict.fromkeys((*SCORES, *FURTHER), 0.5),
            "scan": "simulated",
            "width": 6,
            "method": name,
            "cluster": f"pattern {index}",
            "pearson_log": score + 0.01 * index,
        }
        for name, score in scores.items()
        for index in range(9)
    ]
