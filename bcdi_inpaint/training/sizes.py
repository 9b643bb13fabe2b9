"""Whether patterns are large enough for a plan, which their shape alone tells."""

from __future__ import annotations

from collections.abc import Sequence

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.artificial import SETTINGS
from bcdi_inpaint.training.plan import LastStepConfig, Plan


def check_size(plan: Plan, shape: Sequence[int], name: str = "patterns") -> None:
    """Refuse patterns that no patch can be cut from.

    Parameters
    ----------
    plan : of the training.
    shape : (n, *spatial) of the patterns.
    name : what they are called.

    Raises
    ------
    InputError
        They are smaller than a patch, or of other dimensions than the network.
    """
    size, n_dim = plan.patches.size, plan.network.n_dim
    if len(shape) != n_dim + 1 or not shape[0] or min(shape[1:]) < size:
        raise InputError(
            f"{name} have the shape {tuple(shape)}, expected (n, ...) with {n_dim} sides of at "
            f"least {size}: make larger ones, or set patches.size and network.n_dim"
        )


def check_sizes(plan: Plan, patterns: Sequence[int], held_out: Sequence[int]) -> None:
    """Refuse patterns too small for a plan, before they are made.

    Parameters
    ----------
    plan : of the training.
    patterns : (n, *spatial), the shape of those to train on.
    held_out : the same of those to validate on.

    Raises
    ------
    InputError
        No patch can be cut from them, or no gap of the last step fits, wherever the peak is.
    """
    check_size(plan, patterns)
    check_size(plan, held_out, "held-out patterns")
    settings = plan.training.last_step
    if settings is not None:
        beside = SETTINGS.known_beside + 1  # the peak's own line
        if min(settings.widths) + beside > max(patterns[2:]):
            raise no_room(settings, patterns[1:])


def no_room(settings: LastStepConfig, shape: Sequence[int]) -> InputError:
    """What is said where no gap to learn a last step from has a place.

    Parameters
    ----------
    settings : of the last step.
    shape : of a pattern.
    """
    return InputError(
        f"training.last_step.widths is {settings.widths}, expected some for which patterns of "
        f"{tuple(shape)} have room beside their peaks: give narrower ones, or larger patterns"
    )
