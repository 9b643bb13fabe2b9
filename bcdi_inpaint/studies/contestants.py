"""The networks of a study: of which kind, what they see, by which loss they learn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from bcdi_inpaint.errors import one_line
from bcdi_inpaint.network.kinds import KINDS
from bcdi_inpaint.training.plan import LastStepConfig, PatchConfig, Plan, TrainingConfig

Column = Literal["published", "ours"]
"""What a network sees: what its paper's saw, or the channels of `network.channels`."""
OUR_KIND = KINDS[0]
LAST_STEP = "{} + last step"
WITH_LAST_STEP = LAST_STEP.format(OUR_KIND)
"""The name of our network whose fill has a last step too."""
WITH_OURS = "{} + inputs"
"""The name of a published network that sees our channels and learns by our loss."""

MASTO, CHAVEZ = "mse+ssim+gradient", "mae"
PUBLISHED_LOSS = {
    "unet": MASTO,
    "msdnet": MASTO,
    "unet_dilated": MASTO,
    "patch_unet": MASTO,
    "autoencoder": CHAVEZ,
    "tunet": CHAVEZ,
    "partial_conv": CHAVEZ,
    "msdnet_chavez": CHAVEZ,
}
"""The loss that each kind's paper adopts."""


@dataclass(frozen=True)
class Contestant:
    """A network of a study.

    Attributes
    ----------
    name : in tables.
    kind : of `network.kinds`.
    column : what it sees.
    loss : the name of what it learns by.
    plan : of its training.
    width : of the gaps that it is for; None for all.
    by_loss : whether it is there to compare losses alone.
    """

    name: str
    kind: str
    column: Column
    loss: str
    plan: Plan
    width: int | None = None
    by_loss: bool = False


@dataclass(frozen=True)
class _Common:
    """What all networks of a study share."""

    seed: int
    recipes: tuple[Mapping[str, Any], Mapping[str, Any]]
    patches: PatchConfig
    training: TrainingConfig
    n_dim: int
    shapes: Mapping[str, Mapping[str, Any]]

    def contestant(
        self,
        name: str,
        kind: str,
        column: Column,
        loss: str,
        width: int | None = None,
        last_step: LastStepConfig | None = None,
    ) -> Contestant:
        """A network with its plan; ValueError where they do not fit."""
        own = {"seed": self.seed, "last_step": last_step}
        network: dict[str, Any] = {"kind": kind, "n_dim": self.n_dim, **self.shapes.get(kind, {})}
        if kind != OUR_KIND:
            network["inputs"] = column
        patches = self.patches.model_dump()
        if width is not None:
            patches |= {"widths": ((width, width),), "shares": (1.0,)}
        try:
            plan = Plan(
                name=name.replace(" ", "").replace("+", "-").replace(",", "-"),
                patterns=dict(self.recipes[0]),
                held_out=dict(self.recipes[1]),
                patches=PatchConfig(**patches),
                network=network,  # type: ignore[arg-type]
                loss=loss,  # type: ignore[arg-type]
                training=self.training.model_copy(update=own),
            )
        except ValidationError as error:
            raise ValueError(str(one_line(error, name))) from error
        return Contestant(name, kind, column, loss, plan, width)


def find_contestants(
    seed: int,
    recipes: tuple[Mapping[str, Any], Mapping[str, Any]],
    patches: PatchConfig,
    training: TrainingConfig,
    *,
    n_dim: int,
    kinds: Sequence[str],
    columns: Sequence[Column],
    shapes: Mapping[str, Mapping[str, Any]],
    left_out: Sequence[str] = (),
    losses: Sequence[str] = (),
    own_width: int | None = None,
    last_step: LastStepConfig | None = None,
    last_step_behind: Sequence[str] = (),
) -> tuple[Contestant, ...]:
    """The networks that a study trains.

    Parameters
    ----------
    seed : of every training.
    recipes : of the patterns to train and to validate on.
    patches, training : of all alike.
    n_dim : 2 or 3.
    kinds : of `network.kinds.KINDS`.
    columns : what the published ones see; ours always sees its own channels.
    shapes : by kind, what differs from the paper's.
    left_out : names of those that are not trained.
    losses : by which our network is trained as well.
    own_width : ``unet_dilated`` is trained for gaps of this width alone as well.
    last_step : our network is trained with this one as well, in the same time; None for not.
    last_step_behind : published kinds that have it too, behind their network with our inputs.

    Raises
    ------
    ValueError
        A plan that cannot be, such as patches that a network cannot take, or a name that none has.
    """
    common = _Common(seed, recipes, patches, training, n_dim, shapes)
    found = [*_contestants(common, kinds, columns, losses, own_width)]
    if last_step is not None:
        found[:0] = [
            common.contestant(LAST_STEP.format(name), kind, "ours", "ours", last_step=last_step)
            for name, kind in (
                (OUR_KIND, OUR_KIND),
                *((WITH_OURS.format(kind), kind) for kind in last_step_behind),
            )
        ]
    names = [each.name for each in found]
    if unknown := [name for name in left_out if name not in names]:
        raise ValueError(
            f"left_out has {unknown[0]!r}, which none is called, expected some of "
            f"{', '.join(names)}"
        )
    return tuple(each for each in found if each.name not in left_out)


def _contestants(
    common: _Common,
    kinds: Sequence[str],
    columns: Sequence[Column],
    losses: Sequence[str],
    own_width: int | None,
) -> Iterator[Contestant]:
    for kind in kinds:
        if kind == OUR_KIND:
            yield common.contestant(kind, kind, "ours", "ours")
            continue
        if "published" in columns:
            yield common.contestant(kind, kind, "published", PUBLISHED_LOSS[kind])
        if "ours" in columns:
            yield common.contestant(WITH_OURS.format(kind), kind, "ours", "ours")
    for loss in losses:
        if loss == "ours" and OUR_KIND in kinds:
            continue  # is there already
        found = common.contestant(f"{OUR_KIND}, {loss}", OUR_KIND, "ours", loss)
        yield Contestant(**{**vars(found), "by_loss": True})
    if own_width is not None:
        yield common.contestant(
            f"unet_dilated, {own_width} px only",
            "unet_dilated",
            "published",
            MASTO,
            own_width,
        )


def own_widths(contestants: Sequence[Contestant]) -> dict[str, int]:
    """The widths of the gaps that networks are for, by name; not of those that are for all."""
    return {each.name: each.width for each in contestants if each.width is not None}


def our_name(names: Sequence[str]) -> str:
    """Which of a study's networks is ours: the one with the last step where it is there.

    Examples
    --------
    >>> our_name(["gap_unet", "unet"]), our_name(["gap_unet + last step", "gap_unet"])
    ('gap_unet', 'gap_unet + last step')
    """
    return WITH_LAST_STEP if WITH_LAST_STEP in names else OUR_KIND
