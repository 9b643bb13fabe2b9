"""Training plans: typed YAML that refuses what it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bcdi_inpaint.errors import InputError, one_line
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.network.kinds import AnyNetworkConfig
from bcdi_inpaint.network.unet import NetworkConfig
from bcdi_inpaint.training.gap_loss import Loss, LossWeights


class GapOptions(TypedDict):
    """Keyword arguments of `gaps.artificial.draw_gaps`."""

    widths: Sequence[tuple[int, int]]
    shares: Sequence[float]
    crossing_share: float
    peak_spread: float


class BadOptions(TypedDict):
    """Keyword arguments of `gaps.bad_voxels.draw_bad_voxels`."""

    hot_share: float
    alien_share: float


class PatchConfig(BaseModel):
    """What a training patch may look like; unknown keys are errors.

    Attributes
    ----------
    size : voxels along each side.
    widths : ranges of gap widths, narrow, wide, and between modules.
    shares : how often each of the three is drawn.
    second_gap : how often another gap crosses the first.
    bad_pixels, aliens : how often hot pixels and masked regions are there as well.
    faint : how often a patch almost without photons is accepted.
    flux_factor : change of the photon number, drawn on a logarithmic scale.
    peak_spread : standard deviation of a gap's distance from the peak, as a part of the array.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(32, ge=16)
    widths: tuple[tuple[int, int], ...] = ((2, 13), (13, 26), (26, 42))
    shares: tuple[float, ...] = (0.7, 0.2, 0.1)
    second_gap: float = Field(0.25, ge=0, le=1)
    bad_pixels: float = Field(0.25, ge=0, le=1)
    aliens: float = Field(0.1, ge=0, le=1)
    faint: float = Field(0.1, ge=0, le=1)
    flux_factor: tuple[float, float] = (0.2, 2.0)
    peak_spread: float = Field(0.16, gt=0)

    @model_validator(mode="after")
    def _ranges(self) -> PatchConfig:
        if any(not 1 <= low <= high for low, high in self.widths):
            raise ValueError(f"widths is {self.widths}, expected 1 <= low <= high")
        if len(self.shares) != len(self.widths) or not sum(self.shares) > 0 or min(self.shares) < 0:
            raise ValueError(
                f"shares is {self.shares}, expected a number of at least 0 for each of the "
                f"{len(self.widths)} widths, not all 0"
            )
        low_flux, high_flux = self.flux_factor
        if not 0 < low_flux <= high_flux:
            raise ValueError(f"flux_factor is {self.flux_factor}, expected 0 < low <= high")
        return self

    @property
    def gap_options(self) -> GapOptions:
        """What `gaps.artificial.draw_gaps` draws by."""
        return {
            "widths": self.widths,
            "shares": self.shares,
            "crossing_share": self.second_gap,
            "peak_spread": self.peak_spread,
        }

    @property
    def bad_options(self) -> BadOptions:
        """What `gaps.bad_voxels.draw_bad_voxels` draws by."""
        return {"hot_share": self.bad_pixels, "alien_share": self.aliens}


class LastStepConfig(BaseModel):
    """The last step of a fill, learned behind the trained network; see `network.symmetry_step`.

    Artificial gaps of each width are put on patterns to train on, with fresh photon noise, and
    filled by the network; from their voxels the step is learned.

    Attributes
    ----------
    patterns : how many are looked at, as far as there are so many and the time allows.
    widths : of the gaps that each of them gets, in lines.
    voxels : of a gap that count, at most.
    steps, batch_size, learning_rate : of the optimiser, which has some 1500 parameters to find.
    share : of `training.minutes`, where these are given: so much of them is kept for the step, and
        as many gaps are looked at as it has time for, or fewer steps taken behind one.
    validation_patterns : held-out patterns on which the card says what the step is good for; they
        do not count in the time. 0 for none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patterns: int = Field(80, ge=1)
    widths: tuple[Annotated[int, Field(ge=1)], ...] = Field((3, 6, 12, 24), min_length=1)
    voxels: int = Field(8000, ge=1)
    steps: int = Field(1500, ge=1)
    batch_size: int = Field(8192, ge=1)
    learning_rate: float = Field(3e-3, gt=0)
    share: float = Field(0.1, gt=0, lt=1)
    validation_patterns: int = Field(4, ge=0)


class TrainingConfig(BaseModel):
    """How long, how fast, and on how much.

    Attributes
    ----------
    batch_size : patches of a step, of all devices together.
    steps, steps_per_epoch : optimiser steps in all, and between two checkpoints.
    minutes : end with this time, if the steps are not done before; the learning rate falls with
        whichever is nearer its end. So networks of unlike cost are compared at equal time; such a
        training cannot be made again to the bit. None for no limit.
    clock : what `minutes` are of: ``wall``, or ``processor``, the time that this process computes,
        all its threads together, whatever else runs on the machine.
    learning_rate : of AdamW, after a warm-up; falls to a hundredth along a cosine.
    warmup_steps : in which it rises; the warm-up takes a tenth of the steps or the time at most.
    calibration_patterns : held-out patterns on which the intervals are calibrated at the end, in
        gaps of every width; 0 for no calibration.
    slabs, validation_slabs : gaps put on patterns, from which all patches are cut.
    average_decay : of the exponential moving average of the weights, which is what is released. It
        rises to that, so that the average of a short training is not of its first steps.
    truth : what is learned towards: the noise-free expectation, or noisy counts, as measurements
        would have it. Validation is always against the expectation.
    start : weights to begin with, ``default`` or a file, in place of random ones; the card records
        their hash.
    last_step : of the fill, learned behind the network of 3D that sees our inputs; none by default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(0, ge=0)
    batch_size: int = Field(16, ge=1)
    steps: int = Field(5000, ge=1)
    steps_per_epoch: int = Field(100, ge=1)
    minutes: float | None = Field(None, gt=0)
    clock: Literal["wall", "processor"] = "wall"
    learning_rate: float = Field(1e-3, gt=0)
    warmup_steps: int = Field(100, ge=0)
    average_decay: float = Field(0.995, ge=0, lt=1)
    start: str | None = None
    precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed"
    validation_patches: int = Field(256, ge=1)
    slabs: int = Field(400, ge=1)
    validation_slabs: int = Field(32, ge=1)
    calibration_patterns: int = Field(0, ge=0)
    truth: Literal["expectation", "counts"] = "expectation"
    last_step: LastStepConfig | None = None

    @property
    def network_minutes(self) -> float | None:
        """The part of `minutes` that the network trains for; None for no limit."""
        if self.minutes is None or self.last_step is None:
            return self.minutes
        return self.minutes * (1 - self.last_step.share)

    @property
    def step_minutes(self) -> float | None:
        """The part of `minutes` that is kept for the last step; None for no limit."""
        if self.minutes is None or self.last_step is None:
            return None
        return self.minutes * self.last_step.share


class FeedConfig(BaseModel):
    """Patterns straight from the processes that make them, while the training runs.

    Attributes
    ----------
    window : patterns of an epoch, each with one gap; they are held in memory.
    step : how many of them are new in every epoch.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    window: int = Field(64, ge=1)
    step: int = Field(16, ge=1)

    @model_validator(mode="after")
    def _slides(self) -> FeedConfig:
        if self.step > self.window:
            raise ValueError(f"step is {self.step}, expected 1 to the window of {self.window}")
        return self


class Plan(BaseModel):
    """A whole training: the patterns, the patches, the network, the loss and the training.

    `patterns` and `held_out` are recipes of the `simulation` package, checked there: this package
    does not know how patterns are made. `network` is of any of `network.kinds.KINDS`, `loss` the
    name of one of `gap_loss.LOSSES` or the weights of its terms. With a `feed` the patterns are
    never written: the recipe's `count` and the training's `slabs` play no role then. Held-out
    patterns are always in a file.

    Examples
    --------
    >>> plan = Plan(name="mine", patterns={}, held_out={}, patches={"size": 16})
    >>> plan.patches.size, plan.network.n_dim
    (16, 3)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^\w[\w.-]*$")  # of a file too
    patterns: dict[str, Any]
    held_out: dict[str, Any]
    feed: FeedConfig | None = None
    patches: PatchConfig = PatchConfig()
    network: AnyNetworkConfig = NetworkConfig()
    loss: Loss = LossWeights()
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode="after")
    def _patches_fit_the_network(self) -> Plan:
        fill, inputs = FillingSettings.patch, getattr(self.network, "inputs", "ours")
        if self.network.n_dim == 3 and inputs == "ours" and fill % self.network.divisor:
            raise ValueError(
                f"network takes patches of a multiple of {self.network.divisor} voxels, expected "
                f"one that takes {fill}, in which a scan is filled: give it fewer levels"
            )
        if self.patches.size % self.network.divisor:
            raise ValueError(
                f"patches.size is {self.patches.size}, expected a multiple of "
                f"{self.network.divisor} for this {self.network.kind}: set patches.size, or fewer "
                "levels in network"
            )
        return self

    @model_validator(mode="after")
    def _last_step_has_what_it_needs(self) -> Plan:
        if self.training.last_step is None:
            return self
        inputs = getattr(self.network, "inputs", "ours")
        if self.network.n_dim != 3 or inputs != "ours":
            raise ValueError(
                f"training.last_step is for a network of 3 dimensions with our inputs, and this "
                f"{self.network.kind} has {self.network.n_dim} and {inputs} inputs: leave "
                "last_step out, or change network"
            )
        if self.feed is not None:
            raise ValueError(
                "training.last_step looks at patterns behind the training, and a feed keeps none: "
                "leave out last_step or feed"
            )
        return self


def read_yaml(path: Path) -> Any:
    """The content of a YAML file, nothing in it executed; InputError for what is no YAML."""
    try:
        return yaml.safe_load(path.read_text())
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text, expected a YAML file: give another one") from error
    except OSError as error:
        reason = "is a folder" if path.is_dir() else f"cannot be read ({error.strerror})"
        raise InputError(f"{path} {reason}, expected a YAML file: check the name") from error
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path} is no YAML ({reason}), expected a YAML file: mend that place"
        ) from error


def read_plan(path: Path) -> Plan:
    """The training plan of a YAML file; an unknown key or a wrong value raises InputError.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "plan.yaml"
    ...     _ = path.write_text("{name: mine, patterns: {}, held_out: {}, training: {steps: 60}}")
    ...     plan = read_plan(path)
    >>> plan.training.steps, plan.training.batch_size
    (60, 16)
    """
    try:
        return Plan.model_validate(read_yaml(path))
    except ValidationError as error:
        raise one_line(error, str(path), Plan) from error
