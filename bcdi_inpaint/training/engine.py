"""The door to Lightning, the engine of trainings: every part of it that is used comes from here.

Importing this module where Lightning is not installed raises MissingEngineError, with the command
that installs it. Whoever fills scans needs no Lightning, so only what trains imports this.
"""
# ruff: noqa: E402 - Lightning is imported after it was asked for

from __future__ import annotations

from bcdi_inpaint.errors import require

require("lightning", "train", "training")

import lightning.pytorch as pl
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, Timer, WeightAveraging
from lightning.pytorch.callbacks.progress import TQDMProgressBar
from lightning.pytorch.utilities import rank_zero_only

__all__ = [
    "Callback",
    "MisconfigurationException",
    "ModelCheckpoint",
    "TQDMProgressBar",
    "Timer",
    "TorchCheckpointIO",
    "WeightAveraging",
    "pl",
    "rank_zero_only",
]
