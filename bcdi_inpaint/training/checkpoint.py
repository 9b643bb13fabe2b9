"""Whether a training can go on from a checkpoint."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import torch

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.network.kinds import make_network
from bcdi_inpaint.network.published.adapter import REVISION
from bcdi_inpaint.training.plan import Plan
from bcdi_inpaint.training.plan_time import SpentTime


@dataclass(frozen=True)
class Past:
    """What a training did before it was stopped.

    Attributes
    ----------
    steps : behind the checkpoint.
    average : the moving average of the network's weights by name.
    time : that it took of its plan's minutes; None in checkpoints of before, which do not say.
    """

    steps: int
    average: dict[str, torch.Tensor]
    time: SpentTime | None


def load_past(path: Path) -> Past:
    """What a checkpoint tells of the training before it."""
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    weights = {name.removeprefix("network."): t for name, t in checkpoint["state_dict"].items()}
    return Past(int(checkpoint["global_step"]), weights, checkpoint.get("time"))


def load_averaged_weights(path: Path) -> tuple[int, dict[str, torch.Tensor]]:
    """The steps behind a checkpoint, and the moving average of the network's weights by name."""
    past = load_past(path)
    return past.steps, past.average


def check_checkpoint(path: Path, plan: Plan) -> None:
    """Refuse a checkpoint that a training by this plan cannot go on from; execute nothing in it.

    Raises InputError for a checkpoint that cannot be read, and for one of another plan or network.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        drawn = dict(checkpoint["plan"]["network"])
        revision = drawn.pop(REVISION, 1)
        # Through this version's plan, so that keys of later versions have their defaults.
        past = Plan.model_validate(checkpoint["plan"] | {"network": drawn}).model_dump(mode="json")
        tensors = dict(checkpoint["state_dict"])
        shapes = {name: tensor.shape for name, tensor in tensors.items()}
    except (
        RuntimeError,
        OSError,
        EOFError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        pickle.UnpicklingError,
    ) as error:
        reason = (str(error).splitlines() or ["it ends too early"])[0]
        raise InputError(
            f"checkpoint {path} cannot be read ({reason}), expected a whole one: put a step-*.ckpt "
            "beside it in its place, or start anew in another folder"
        ) from error
    present = plan.model_dump(mode="json")
    for key, value in present.items():
        if past.get(key) != value:
            raise InputError(
                f"the checkpoint was trained by another plan, {key} was {past.get(key)} and now is "
                f"{value}: resume with the same plan, or take another folder"
            )
    with torch.device("meta"):
        network = make_network(plan.network)
    own = {f"network.{name}": t.shape for name, t in network.state_dict().items()}
    if shapes != own or revision != present["network"].get(REVISION, 1):
        raise InputError(
            f"checkpoint {path} is of another version's network, expected this one's: start anew "
            "in another folder"
        )
