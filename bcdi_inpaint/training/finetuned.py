"""What a fine-tuning gave: the model, how good it is, and the file of its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import check_place
from bcdi_inpaint.network.weights import Model, save_weights
from bcdi_inpaint.tables import number_of
from bcdi_inpaint.training.held_out import HeldOutScore
from bcdi_inpaint.training.lessons import Lesson, name_kind
from bcdi_inpaint.training.own_gaps import Part
from bcdi_inpaint.training.plan import Plan


@dataclass(frozen=True, repr=False)
class Finetuned:
    """What a fine-tuning gave.

    Attributes
    ----------
    model : ready for `inpaint`: the adapted network where it was better on what was held out, else
        the model as it came. Adapted weights have no file yet, so their sha256 is empty; `save`
        writes one.
    before, after : the scores of the given and of the adapted weights on what was held out.
    steps : how many were taken.
    card : how it was made, as the file of the weights says it.
    """

    model: Model
    before: HeldOutScore
    after: HeldOutScore
    steps: int
    card: dict[str, Any]

    @property
    def improved(self) -> bool:
        """Whether the adapted weights were kept."""
        return self.after.beats(self.before)

    def save(self, path: str | Path) -> None:
        """Write the weights with the model's calibration and last step, then rename the file."""
        own = self.model
        save_weights(Path(path), own.network, self.card, own.calibration, own.last_step)

    def __repr__(self) -> str:
        kept = "the adapted weights are kept" if self.improved else "the weights stay as they were"
        return (
            f"{number_of(self.steps, 'step')} on {', '.join(self.card['finetuned_on'])}: {kept} "
            f"(held out, before: {self.before}; after: {self.after})"
        )


def check_weights_output(path: Path, force: bool, inputs: Sequence[str | Path]) -> None:
    """Refuse a file of weights that cannot or must not be written.

    Parameters
    ----------
    path : of the weights to be written.
    force : whether a file that exists may be replaced.
    inputs : files that are read, and must not be replaced in any case.

    Raises
    ------
    InputError
        The name does not end in .safetensors, the file exists, or is one of the inputs.
    """
    if path.suffix != ".safetensors":
        raise InputError(
            f"output {path} ends in {path.suffix!r}, expected .safetensors: give such a name"
        )
    check_place(path, force, inputs)


def make_card(
    lessons: Sequence[Lesson],
    parts: Sequence[Part],
    parent: Model,
    plan: Plan,
    before: HeldOutScore,
    after: HeldOutScore,
    steps: int,
) -> dict[str, Any]:
    """How the weights were made and how good they are, as their file says it.

    Parameters
    ----------
    lessons : the scans.
    parts : of these scans.
    parent : the model to begin with.
    plan : of the fine-tuning.
    before : the score of the given weights.
    after : the score of the adapted weights.
    steps : how many were taken.
    """
    return {
        "plan": {"patches": {"size": plan.patches.size}},
        "finetuned_on": [each.name for each in lessons],
        "gaps": [name_kind(kind) for part in parts for kind in part.kinds],
        "parent": Path(parent.name).name,
        "parent_sha256": parent.sha256,
        "steps": steps,
        "improved": after.beats(before),
        "seed": plan.training.seed,
        "learning_rate": plan.training.learning_rate,
        "batch_size": plan.training.batch_size,
        "held_out_before": asdict(before),
        "held_out_after": asdict(after),
    }
