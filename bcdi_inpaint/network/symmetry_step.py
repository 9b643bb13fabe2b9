"""The last step of a fill: voxel by voxel, with what a network of patches cannot see.

A network sees a patch. Whether the crystal is strained shows in the whole scan: with strain the
pattern and its inversion differ (Friedel's law), and what lies opposite a gap says less of it. A
network that learned from crystals of all kinds uses the mate too little where a scan is symmetric,
and where it is not it corrects too much. This step knows how symmetric the scan is, and how far
the mates around a voxel are off, and gives the network's correction and the mate the weights that
follow from that.

It is a small network of single voxels. Its weights go with those of the network that it follows.
"""

from __future__ import annotations

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

INPUTS = (
    "log_counts",
    "correction",
    "mate_less_fill",
    "mate_known",
    "guess_sigma",
    "log_scale",
    "log_width",
    "symmetry",
    "mate_mean_error",
    "mate_rms_error",
    "mate_weight",
)
"""What the step sees of a voxel, in this order; see `filling.voxel_inputs`."""
FARTHEST = 5.0
"""Standard deviations of what it learned from, beyond which a voxel is taken as if it were there: a
small network says anything of what it has not seen."""
LARGEST = 3.0
"""Weights beyond are no reweighing any more."""
CHUNK = 100_000
"""Voxels at once, so that a large scan needs little more memory."""


class StepConfig(BaseModel):
    """How large the step is.

    Attributes
    ----------
    hidden : values in each of the two hidden layers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    hidden: int = Field(32, ge=1, le=1024)


class SymmetryStep(nn.Module):
    """Reweighs a fill voxel by voxel; untrained it changes nothing.

    Parameters
    ----------
    config : how large it is.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, config: StepConfig = StepConfig()) -> None:
        super().__init__()
        self.config = config
        n, hidden = len(INPUTS), config.hidden
        self.register_buffer("centre", torch.zeros(n))
        self.register_buffer("spread", torch.ones(n))
        head = nn.Linear(hidden, 4)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        self.layers = nn.Sequential(
            nn.Linear(n, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), head
        )

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Expected log(1 + counts), and the logarithm of their error's scale.

        Parameters
        ----------
        inputs : (n, n_inputs) float, as `INPUTS` has them.

        Returns
        -------
        Two of (n,).
        """
        usual = ((inputs - self.centre) / self.spread).clamp(-FARTHEST, FARTHEST)
        found = self.layers(usual).clamp(-LARGEST, LARGEST)
        log_counts, correction, towards_mate = inputs[:, 0], inputs[:, 1], inputs[:, 2]
        logs = log_counts + found[:, 0] * correction + found[:, 1] * towards_mate
        return logs + 0.1 * found[:, 2], inputs[:, 5] + found[:, 3]

    @torch.inference_mode()
    def apply_to(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The same for many voxels, a part of them at a time."""
        parts = [self(part) for part in inputs.split(CHUNK)] or [self(inputs)]
        logs, scales = zip(*parts, strict=True)
        return torch.cat(logs), torch.cat(scales)
