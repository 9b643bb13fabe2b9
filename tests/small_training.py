"""A training on next to nothing, for the tests of every room that trains."""

from pathlib import Path
from typing import Any

import numpy as np

from bcdi_inpaint.training.plan import PatchConfig, Plan
from bcdi_inpaint.training.run_options import RunOptions

PLAN = Plan.model_validate(
    {
        "name": "tiny",
        "patterns": {},
        "held_out": {},
        "patches": {"size": 16, "widths": [[2, 4], [4, 6]], "shares": [0.5, 0.5]},
        "network": {"channels": [8, 16], "dilations": [[1, 1], [1, 2]]},
        "training": {
            "seed": 3,
            "batch_size": 2,
            "steps": 4,
            "steps_per_epoch": 2,
            "warmup_steps": 1,
            "validation_patches": 2,
            "slabs": 2,
            "validation_slabs": 2,
            "precision": "32-true",
        },
    }
)

SMALL = PatchConfig(size=16, widths=((2, 4), (4, 8)), shares=(0.5, 0.5))
"""Patches that are cut and compared."""


def waves(shape: tuple[int, ...]) -> np.ndarray:
    """Fringes of two periods, (2, *shape) log expectations."""
    grids = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")
    phase = grids[0] + 2 * grids[1] - grids[-1]
    return np.stack([3 + 2 * np.cos(2 * np.pi * phase / p) for p in (7, 9)]).astype(np.float16)


def changed(**training: object) -> Plan:
    """The plan with other values in its section `training`."""
    return PLAN.model_copy(update={"training": PLAN.training.model_copy(update=training)})


def flat(plan: Plan) -> Plan:
    """The plan for two dimensions."""
    return plan.model_copy(update={"network": plan.network.model_copy(update={"n_dim": 2})})


def run(plan: Plan, patterns: np.ndarray, folder: Path, **options: Any) -> Path:
    """Train on patterns and validate on the same; the path of the weights."""
    from bcdi_inpaint.training.run import train

    settings = RunOptions(**({"device": "cpu", "quiet": True} | options))
    return train(plan, patterns, patterns, folder, settings)


def peak(shape: tuple[int, ...]) -> np.ndarray:
    """A bright peak with fringes, log expectations (*shape)."""
    grids = np.meshgrid(*[np.arange(n) - n // 2 for n in shape], indexing="ij")
    distance = sum(grid**2 for grid in grids)
    waves = 1 + 0.8 * np.cos(grids[0] + 0.7 * grids[-1])
    return np.log1p(2e4 * waves / (1 + 0.05 * distance) ** 1.5).astype(np.float16)
