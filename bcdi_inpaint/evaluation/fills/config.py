"""What is judged, on what, and where the gaps lie: typed, and refusing unknown keys."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bcdi_inpaint.classical.methods import METHODS
from bcdi_inpaint.errors import one_line
from bcdi_inpaint.evaluation.fills.methods import NETWORK, REFINED
from bcdi_inpaint.gaps.artificial import PLACEMENTS, SETTINGS, GapPlacement

_NAME = r"^\w[\w.-]*$"
"""Of what gives its name to files."""


class ScanConfig(BaseModel):
    """A measured scan to judge on; line ranges are half-open, (first, last) with None for the end.

    Attributes
    ----------
    name : of it in tables, and in the names of files.
    file : in the folder of measured scans; whatever `files.read_scan` reads.
    mask_key : a further mask, an array of an ``.npz`` file: non-zero = bad.
    frames, rows, columns : the part without gaps.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=_NAME)
    file: str = Field(min_length=1)
    mask_key: str | None = None
    frames: tuple[int | None, int | None] = (None, None)
    rows: tuple[int | None, int | None] = (None, None)
    columns: tuple[int | None, int | None] = (None, None)


class CubesConfig(BaseModel):
    """The protocol of Masto et al., J. Appl. Cryst. 57, 966 (2024).

    Attributes
    ----------
    patches : cubes cut at random places, each with a gap in its middle.
    size : of the cubes, in voxels.
    bins : of the logarithm of a cube's mean counts, over which the mean is taken.
    bright : counts in the brightest voxel from which on a simulated pattern takes part.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patches: int = Field(1000, ge=1)
    size: int = Field(32, ge=16)
    widths: tuple[int, ...] = (3, 6, 9, 12)
    bins: int = Field(20, ge=1)
    bright: float = Field(1e6, gt=0)


class EvaluationConfig(BaseModel):
    """What is judged, on what, and where the gaps lie. Unknown keys are errors.

    Attributes
    ----------
    seed : of the gaps' places and of everything else that is random.
    model : weights of the network, ``default`` or a file.
    methods : names of `classical.methods.METHODS`, ``network`` and ``refined``.
    widths : of the gaps, in voxels.
    kinds : where the gaps lie, see `PLACEMENTS`.
    kinds_per_pattern : how many of the kinds a simulated pattern gets at each width, by turns.
    held_out : recipe of the simulated patterns, checked where patterns are made; empty for none.
    measured : scans to judge on, of the folder in ``BCDI_INPAINT_DATA``; those that it has.
    placements : gaps of each kind and width on a measured scan.
    resamples : of the bootstrap behind the confidence intervals.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("evaluation", pattern=_NAME)
    seed: int = Field(1, ge=0)
    model: str = "default"
    methods: tuple[str, ...] = (*METHODS, NETWORK)
    widths: tuple[int, ...] = (3, 6, 9, 12, 24, 38)
    kinds: tuple[GapPlacement, ...] = PLACEMENTS
    kinds_per_pattern: int = Field(len(PLACEMENTS), ge=1)
    held_out: dict[str, Any] = {"count": 24, "seed": 13, "particles": 12}
    measured: tuple[ScanConfig, ...] = ()
    placements: int = Field(3, ge=1)
    resamples: int = Field(1000, ge=1)
    published: CubesConfig = CubesConfig()

    @field_validator("methods")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        valid = (*METHODS, NETWORK, REFINED)
        for name in names:
            if name not in valid:
                raise ValueError(f"{name!r} is no method, expected some of {', '.join(valid)}")
        if not names or len(set(names)) < len(names):
            raise ValueError("expected at least one method, and each once")
        return names

    @field_validator("widths", "kinds")
    @classmethod
    def _some(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        if not values or len(set(values)) < len(values):
            raise ValueError("expected at least one, and each once")
        if any(isinstance(value, int) and value < 1 for value in values):
            raise ValueError("expected widths of at least 1 voxel")
        return values

    @field_validator("published")
    @classmethod
    def _fits(cls, published: CubesConfig) -> CubesConfig:
        widest = published.size - 2 * SETTINGS.known_beside
        for width in published.widths:
            if not 1 <= width <= widest:
                raise ValueError(
                    f"width {width} does not fit, expected 1 to {widest} in a cube of "
                    f"{published.size}"
                )
        return published


def as_config(values: Any, source: str) -> EvaluationConfig:
    """A configuration of plain values; InputError, which names the source, if they make none."""
    try:
        return EvaluationConfig.model_validate(values)
    except ValidationError as error:
        raise one_line(error, source, EvaluationConfig) from error
