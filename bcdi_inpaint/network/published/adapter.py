"""A published network in the place of ours: what it sees, and what becomes of its output."""

from __future__ import annotations

import math
from typing import Any, Literal, Self

import torch
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from torch import Tensor, nn

from bcdi_inpaint.network.channels import CHANNEL_ORDER, GuessKind
from bcdi_inpaint.network.gap_network import GapNetwork
from bcdi_inpaint.network.published.layers import last_convolution, spatial
from bcdi_inpaint.network.units import LOG_UNIT

MEAN_ONLY_SCALE = 0.2 / LOG_UNIT
"""Scale that a network without an own one gives everywhere: 0.2 natural logarithms. The
calibration, measured by gap width and counts, makes it the error that such a network has."""
SCALE_RANGE = math.log(100)
"""How far, as a logarithm, a trained scale may go from it."""


REVISION = "revision"
"""The key of `PublishedConfig.revision` where a configuration is written."""


class PublishedConfig(BaseModel):
    """What all published networks have to say; unknown keys are errors.

    Attributes
    ----------
    n_dim : 2 or 3.
    inputs : ``published``, what the papers' networks see: log(1 + counts), scaled to 0..1 over the
        patch's known voxels, with 0 in the unknown ones. Their output, 0..1, is scaled back, so
        nothing above the brightest known voxel can come out where a sigmoid ends the network; and
        it is a mean alone. ``ours``, the channels of `network.channels`: then the network corrects
        the guess and gives a scale, as `GapUNet` does, and has no sigmoid.
    guess : how the first guess is made, in training and in filling; of no use to ``published``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_dim: int = Field(3, ge=2, le=3)
    inputs: Literal["published", "ours"] = "published"
    guess: GuessKind = "kriged"

    @property
    def divisor(self) -> int:
        """A patch's sides have to be multiples of this."""
        return 1

    @property
    def slope(self) -> float | None:
        """Of the sigmoid that ends the published network; None for no sigmoid."""
        return None

    @property
    def revision(self) -> int:
        """Counts from 1 how often what this network computes or learns by was put right.

        Weights of another revision are not this network's, though their layers may fit. It is
        written only where it is not 1, so that what never changed keeps the name it is stored by.
        The second of all networks as published: the first took the loss in network units.
        """
        return 2 if self.inputs == "published" else 1

    def make_body(self, n_in: int, n_out: int) -> Body:
        """The layers between the input's channels and the output's."""
        raise NotImplementedError

    def check_revision(self, stored: object) -> None:
        """Refuse, with a ValueError, what was written by another revision than this one."""
        if stored != self.revision:
            raise ValueError(
                f"{REVISION} of {getattr(self, 'kind', 'it')} is {stored}, expected "
                f"{self.revision}: what it computes or learns by has changed since, train it anew"
            )

    @model_serializer(mode="wrap")
    def _with_revision(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = write(self)
        return values if self.revision == 1 else values | {REVISION: self.revision}

    @model_validator(mode="wrap")
    @classmethod
    def _of_this_revision(cls, values: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        stored = values.get(REVISION) if isinstance(values, dict) else None
        if stored is not None:
            values = {key: value for key, value in values.items() if key != REVISION}
        config = read(values)
        if stored is not None:
            config.check_revision(stored)
        return config


class Body(nn.Module):
    """The layers of a published network; `head` is the last of them, a convolution.

    Called with (batch, n_in, *spatial) and (batch, 1, *spatial) bool, which voxels are known. Most
    are blind: they do not look at it.
    """

    head: nn.Module


class PublishedNetwork(GapNetwork):
    """A published network between the channels of this package and its network units."""

    config: PublishedConfig

    def __init__(self, config: PublishedConfig) -> None:
        super().__init__()
        self.config = config
        self.is_ours = config.inputs == "ours"
        sizes = (len(CHANNEL_ORDER), 2) if self.is_ours else (1, 1)
        self.body = config.make_body(*sizes)
        if self.is_ours:  # an untrained network is the first guess
            head = last_convolution(self.body.head)
            nn.init.zeros_(head.weight)
            assert head.bias is not None
            nn.init.zeros_(head.bias)

    def forward(self, channels: Tensor) -> tuple[Tensor, Tensor]:
        """See `GapNetwork`."""
        known = channels[:, [CHANNEL_ORDER.index("unknown")]] == 0
        logs = channels[:, :1]
        if self.is_ours:
            correction, log_scale = self.body(channels, known).to(channels.dtype).split(1, dim=1)
            log_scale = log_scale.clamp(-SCALE_RANGE, SCALE_RANGE)
            return logs + correction, MEAN_ONLY_SCALE * torch.exp(log_scale)
        low, span = known_range(logs, known)
        image = torch.where(known, (logs - low) / span, 0)
        output = self.body(image, known).to(channels.dtype)
        if self.config.slope is not None:
            output = torch.sigmoid(self.config.slope * output)
        return low + span * output, torch.full_like(output, MEAN_ONLY_SCALE)

    def loss_range(self, channels: Tensor) -> tuple[Tensor | float, Tensor | float]:
        """As published, a patch is in 0..1 where it is learned from too."""
        if self.is_ours:
            return super().loss_range(channels)
        known = channels[:, [CHANNEL_ORDER.index("unknown")]] == 0
        return known_range(channels[:, :1], known)


def known_range(logs: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """The least known value of each patch, and how far above it the largest is.

    Parameters
    ----------
    logs : (batch, 1, *spatial).
    known : the same shape, bool.

    Returns
    -------
    Two of (batch, 1, *ones); 0 and 1 where nothing is known, and a span of 1 where all is equal.
    """
    axes = [*spatial(logs)]
    any_known = known.flatten(1).any(dim=1).reshape(-1, *(1,) * (logs.ndim - 1))
    low = torch.where(known, logs, torch.inf).amin(dim=axes, keepdim=True)
    high = torch.where(known, logs, -torch.inf).amax(dim=axes, keepdim=True)
    low, high = torch.where(any_known, low, 0), torch.where(any_known, high, 0)
    return low, torch.where(high > low, high - low, 1)
