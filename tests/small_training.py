"""A training on next to nothing, for the tests of every room that trains."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from small_network import tiny_network

from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.network.unet import GapUNet
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.training.finetune_settings import FinetuneSettings
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


# --- fine-tuning ---------------------------------------------------------------------------------

QUICK = FinetuneSettings(
    slabs=1, held_out_slabs=1, held_out_patches=4, learning_rate=1e-2, batch_size=2
)
"""Few slabs and patches, and a rate that a tiny network takes."""
CROSS = (Gap(1, 30, 33), Gap(2, 8, 10))
"""The gaps of `scan_with_a_cross`."""
CALIBRATION = Calibration(half_widths=((0.1, 0.2, 0.3, 0.4, 0.5, 0.6),), sigma_per_scale=((3.0,),))


def scan_with_a_cross(rng: np.random.Generator) -> Scan:
    """A fringed peak with noise, (34, 40, 40), and a cross of gaps."""
    z, y, x = np.meshgrid(*[np.arange(n) - n / 2 for n in (34, 40, 40)], indexing="ij")
    peak = 3000 / (1 + 0.02 * (z**2 + y**2 + x**2)) ** 1.5
    counts = rng.poisson(peak * (1.2 + np.cos(0.9 * (y + x - z)))).astype(np.int32)
    gap = gap_mask(CROSS, (34, 40, 40))
    counts[gap] = 0
    return Scan(counts, gap)


def model_that_guesses_too_high() -> Model:
    """A tiny network whose every guess is 3 % of a unit too high, a quarter in natural logarithms.

    So there is something to learn in very few steps.
    """
    torch.manual_seed(0)
    network = tiny_network()
    with torch.no_grad():
        network.head.bias[0] = 0.03
    return Model(network, "tiny", "0" * 64, CALIBRATION)


def state(network: GapUNet) -> dict[str, torch.Tensor]:
    """A copy of all weights."""
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    """Whether all weights are equal."""
    return all(torch.equal(a[name], b[name]) for name in a)
