"""What a study of methods compares, on what, and for how long: typed, refusing unknown keys."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from bcdi_inpaint.classical.methods import METHODS
from bcdi_inpaint.errors import one_line
from bcdi_inpaint.evaluation.fills.config import CubesConfig, ScanConfig
from bcdi_inpaint.filling.learned_fill import LEARNING, LEAST_GAN_STEPS, Start
from bcdi_inpaint.network.kinds import KINDS
from bcdi_inpaint.studies.config_checks import check_all_alike, check_fit
from bcdi_inpaint.studies.contestants import OUR_KIND, Column, Contestant, find_contestants
from bcdi_inpaint.training.gap_loss import LOSSES
from bcdi_inpaint.training.plan import LastStepConfig, PatchConfig, TrainingConfig

GapShape = Literal["vertical", "cross"]
"""Of a gap: columns, or columns and rows."""


class LearningConfig(BaseModel):
    """Methods that learn from the one scan they fill, on a few patterns.

    Attributes
    ----------
    methods : some of `filling.learned_fill.LEARNING`.
    starts : what they learn: the scan itself, as in their papers, or what a smooth fit lacks.
    patterns : held-out patterns, each with one gap of each of the widths.
    minutes : a run may take at most, of the clock on the wall.
    dip_steps, gan_steps : of a run, at most.
    runs : from different random numbers; their spread is reported.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    methods: tuple[str, ...] = LEARNING
    starts: tuple[Start, ...] = ("published", "smooth")
    patterns: int = Field(4, ge=1)
    widths: tuple[int, ...] = (6,)
    minutes: float = Field(2.0, gt=0)
    dip_steps: int = Field(1500, ge=1)
    gan_steps: int = Field(4000, ge=LEAST_GAN_STEPS)
    runs: int = Field(2, ge=1)

    @field_validator("methods")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _one_of(names, LEARNING, "method that learns from one scan")

    @field_validator("starts", "widths")
    @classmethod
    def _some(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return _some_once(values)


class LatentConfig(BaseModel):
    """The study of latent spaces (Chavez et al., section 4.4).

    Attributes
    ----------
    patterns : held-out patterns, each with a gap of `width`.
    width : of the gap, in pixels.
    size : autoencoders look at patterns that are binned to this many pixels a side.
    dimension : of the latent space.
    neighbours : how many nearest ones are compared.
    steps : of the training of each autoencoder.
    methods : whose fills are looked at, besides the masked and the true patterns.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patterns: int = Field(1000, ge=2)
    width: int = Field(17, ge=1)
    size: int = Field(64, ge=16, multiple_of=16)
    dimension: int = Field(200, ge=1)
    neighbours: int = Field(100, ge=1)
    steps: int = Field(1500, ge=1)
    methods: tuple[str, ...] = ("linear", "kriging")

    @model_validator(mode="after")
    def _enough(self) -> LatentConfig:
        if self.neighbours >= self.patterns:
            raise ValueError(
                f"neighbours is {self.neighbours}, expected fewer than the {self.patterns} "
                "patterns: give more patterns, or fewer neighbours"
            )
        return self


class StudyConfig(BaseModel):
    """What is compared. Unknown keys are errors.

    Attributes
    ----------
    study : says that this is a study of methods.
    name : of the folder of results.
    seed : of everything that is random.
    patterns, held_out : recipes of the simulated patterns to train and to judge on, of two or of
        three dimensions.
    patches, training : of all networks alike: so many minutes for each.
    kinds : of the networks, see `network.kinds`.
    columns : what they see: ``published``, as in their papers, or ``ours``.
    left_out : names of networks of these kinds and columns that are not trained.
    shapes : by kind, keys of its configuration that differ from the paper's.
    losses : by which our network is trained as well, see `training.gap_loss.LOSSES`.
    last_step : of the fill, with which our network is trained as well; of the minutes of all it
        takes its share. In 3D; None for none.
    last_step_behind : published ones of `kinds` that are trained with it too, with our inputs.
    own_width : a published network for gaps of this width alone, as Masto et al. had them; it is
        judged at this width alone.
    classical : methods without training.
    released : judge the network that comes with the package too; in 3D.
    widths : of the gaps that are judged, in voxels.
    shapes_of_gaps : of images.
    judged : held-out patterns that methods are judged on, from the first.
    learning : methods that learn from one scan; None for none.
    latent : the study of latent spaces, of images; None for none.
    cubes : the published protocol, in 3D; None for none.
    measured : scans of the folder in ``BCDI_INPAINT_DATA``, in 3D; those that are there.
    measured_widths : of the gaps on measured scans; `widths` where empty.
    resamples : of the bootstrap behind the intervals.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    study: Literal["methods"]
    name: str = Field("methods", pattern=r"^\w[\w.-]*$")
    seed: int = Field(1, ge=0)
    patterns: dict[str, Any]
    held_out: dict[str, Any]
    patches: PatchConfig = PatchConfig(size=64)
    training: TrainingConfig = TrainingConfig(minutes=40, clock="processor")
    kinds: tuple[str, ...] = KINDS
    columns: tuple[Column, ...] = ("published", "ours")
    left_out: tuple[str, ...] = ()
    shapes: dict[str, dict[str, Any]] = {}
    losses: tuple[str, ...] = ()
    last_step: LastStepConfig | None = None
    last_step_behind: tuple[str, ...] = ()
    own_width: int | None = Field(None, ge=1)
    classical: tuple[str, ...] = tuple(METHODS)
    released: bool = False
    widths: tuple[int, ...] = (3, 6, 9, 12)
    shapes_of_gaps: tuple[GapShape, ...] = ("vertical", "cross")
    judged: int = Field(100, ge=1)
    learning: LearningConfig | None = None
    latent: LatentConfig | None = None
    cubes: CubesConfig | None = None
    measured: tuple[ScanConfig, ...] = ()
    measured_widths: tuple[int, ...] = ()
    resamples: int = Field(1000, ge=1)

    @field_validator("kinds")
    @classmethod
    def _known_kinds(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _one_of(names, KINDS, "kind of network")

    @field_validator("losses")
    @classmethod
    def _known_losses(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _one_of(names, tuple(LOSSES), "loss")

    @field_validator("widths", "shapes_of_gaps")
    @classmethod
    def _some(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return _some_once(values)

    @field_validator("measured_widths", "columns")
    @classmethod
    def _each_once(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return _some_once(values) if values else values

    @field_validator("classical")
    @classmethod
    def _known_methods(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _one_of(names, tuple(METHODS), "classical method")

    @model_validator(mode="after")
    def _fits(self) -> StudyConfig:
        check_all_alike(self)
        behind = tuple(kind for kind in self.kinds if kind != OUR_KIND)
        _one_of(self.last_step_behind, behind, "published one of kinds (last_step_behind)")
        if self.last_step_behind and self.last_step is None:
            raise ValueError(
                f"last_step_behind has {self.last_step_behind[0]}, and last_step is not given, "
                "expected both or none"
            )
        contestants = self.contestants()
        check_fit(self, [each.name for each in contestants])
        return self

    @property
    def n_dim(self) -> int:
        """2 or 3, as the patterns are."""
        shape = self.patterns.get("shape")
        return len(shape) if isinstance(shape, list | tuple) else 3

    def contestants(self) -> tuple[Contestant, ...]:
        """The networks that are trained, each with its plan; ValueError where a plan is none."""
        return find_contestants(
            self.seed,
            (self.patterns, self.held_out),
            self.patches,
            self.training,
            n_dim=self.n_dim,
            kinds=self.kinds,
            columns=self.columns,
            left_out=self.left_out,
            shapes=self.shapes,
            losses=self.losses,
            own_width=self.own_width,
            last_step=self.last_step,
            last_step_behind=self.last_step_behind,
        )


def _some_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values or len({*values}) < len(values):
        raise ValueError("expected at least one, and each once: mend the list")
    if any(isinstance(value, int) and value < 1 for value in values):
        raise ValueError("expected widths of at least 1: take out what is less")
    return values


def _one_of(names: tuple[str, ...], valid: tuple[str, ...], what: str) -> tuple[str, ...]:
    for name in names:
        if name not in valid:
            raise ValueError(f"{name!r} is no {what}, expected some of {', '.join(valid)}")
    if len({*names}) < len(names):
        raise ValueError(f"{names} names one twice, expected each once")
    return names


def as_study(values: Any, source: str) -> StudyConfig:
    """A study of plain values; InputError, which names the source, if they make none."""
    try:
        return StudyConfig.model_validate(values)
    except ValidationError as error:
        raise one_line(error, source, StudyConfig) from error
