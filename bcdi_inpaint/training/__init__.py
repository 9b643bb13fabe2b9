"""Training the network, by Lightning: checkpoints, resume, mixed precision, devices."""

from bcdi_inpaint.training.history import HISTORY, read_history
from bcdi_inpaint.training.module import Batch, GapTraining
from bcdi_inpaint.training.processes import check_processes, is_first_process, share
from bcdi_inpaint.training.run import adapt, check_size, prepare, train

__all__ = [
    "HISTORY",
    "Batch",
    "GapTraining",
    "adapt",
    "check_processes",
    "check_size",
    "is_first_process",
    "prepare",
    "read_history",
    "share",
    "train",
]
