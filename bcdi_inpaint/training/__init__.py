"""Training the network, by Lightning: checkpoints, resume, mixed precision, devices.

Lightning is loaded when a name that needs it is asked for, not before.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bcdi_inpaint.training.finetuned import Finetuned
    from bcdi_inpaint.training.finetuning import finetune
    from bcdi_inpaint.training.history import HISTORY, read_history
    from bcdi_inpaint.training.module import Batch, GapTraining
    from bcdi_inpaint.training.plan import Plan, read_plan
    from bcdi_inpaint.training.processes import check_processes, is_first_process, share
    from bcdi_inpaint.training.run import adapt, load_start, prepare, train
    from bcdi_inpaint.training.run_options import RunOptions
    from bcdi_inpaint.training.sizes import check_size, check_sizes

__all__ = [
    "HISTORY",
    "Batch",
    "Finetuned",
    "GapTraining",
    "Plan",
    "RunOptions",
    "adapt",
    "check_processes",
    "check_size",
    "check_sizes",
    "finetune",
    "is_first_process",
    "load_start",
    "prepare",
    "read_history",
    "read_plan",
    "share",
    "train",
]

_MODULES = {
    "finetuned": ("Finetuned",),
    "finetuning": ("finetune",),
    "history": ("HISTORY", "read_history"),
    "module": ("Batch", "GapTraining"),
    "plan": ("Plan", "read_plan"),
    "processes": ("check_processes", "is_first_process", "share"),
    "run": ("adapt", "load_start", "prepare", "train"),
    "run_options": ("RunOptions",),
    "sizes": ("check_size", "check_sizes"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """The names of this room, each from its module when it is first asked for."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
