"""A training on next to nothing, for the tests of every room that trains."""

import numpy as np

from bcdi_inpaint.training.plan import Plan

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


def waves(shape: tuple[int, ...]) -> np.ndarray:
    """Fringes of two periods, (2, *shape) log expectations."""
    grids = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")
    phase = grids[0] + 2 * grids[1] - grids[-1]
    return np.stack([3 + 2 * np.cos(2 * np.pi * phase / p) for p in (7, 9)]).astype(np.float16)
