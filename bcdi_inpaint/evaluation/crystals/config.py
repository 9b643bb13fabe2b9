"""Which crystals are judged, with which gaps, and how they are phased: refusing unknown keys."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals.treatments import MASKED, TREATMENTS, parse_treatment
from bcdi_inpaint.evaluation.fills.config import ScanConfig
from bcdi_inpaint.phasing.handover import HandOverSettings

Setting = Literal["known support", "as users run it", "PyNX's command"]
KNOWN: Setting = "known support"
FREE: Setting = "as users run it"
COMMAND: Setting = "PyNX's command"
SETTINGS: tuple[Setting, ...] = (KNOWN, FREE, COMMAND)


class CommandConfig(BaseModel):
    """Options of `pynx-cdi-id01` that users take; unknown keys are errors.

    Attributes
    ----------
    hio, raar, er : cycles of each run. The defaults are those of PyNX's command; HIO before lets
        strongly strained crystals converge, see `benchmarks/convergence.py`.
    support_threshold : range that each run draws its own from.
    runs, keep : random starts, and how many of them are kept, the best by free log-likelihood.
    psf : of the partly coherent beam; empty for none. As cdiutils has it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    hio: int = Field(0, ge=0)
    raar: int = Field(600, ge=0)
    er: int = Field(200, ge=0)
    support_threshold: tuple[float, float] = (0.2, 0.4)
    runs: int = Field(10, ge=1)
    keep: int = Field(5, ge=1)
    psf: str = "pseudo-voigt,1,0.05,20"


class MeasuredConfig(ScanConfig):
    """A measured scan to put gaps on; unknown keys are errors.

    Attributes
    ----------
    size : voxels along each side of the box around the peak that is phased.
    """

    size: int = Field(64, ge=32)


class CrystalScoresConfig(BaseModel):
    """What is phased, and how; unknown keys are errors.

    Attributes
    ----------
    widths : of the gaps in voxels.
    distances : lines between the Bragg peak and the gap's nearer edge, lowest and highest.
    cross_share : how often two planes cross.
    gaps_per_crystal : of each width.
    settings : with the true support, and as users run it: support from the autocorrelation,
        shrink-wrap. The best of `known_starts`, or of `starts`, by free log-likelihood. Or by
        PyNX's own command with users' options, `command`.
    treatments : as `treatments.parse_treatment` reads them; ``mask`` has to be among them. In files
        the key may also be ``ways``.
    keep : starts of which the spread is reported, the best by free log-likelihood; all if None.
    hio, raar, er : cycles of each start.
    update_every : cycles between two updates of the support.
    command : users' options of PyNX's command.
    density : strength of `density.DensitySettings` in treatments with it.
    level, threshold, release_after : of the hand-overs, see `handover.hand_over`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(1, ge=0)
    widths: tuple[int, ...] = (6, 12, 24, 38)
    distances: tuple[int, int] = (3, 12)
    cross_share: float = Field(0.3, ge=0, le=1)
    gaps_per_crystal: int = Field(1, ge=1)
    settings: tuple[Setting, ...] = (KNOWN, FREE)
    treatments: tuple[str, ...] = Field(
        TREATMENTS, validation_alias=AliasChoices("treatments", "ways")
    )
    starts: int = Field(2, ge=1)
    known_starts: int = Field(1, ge=1)
    keep: int | None = Field(None, ge=1)
    hio: int = Field(100, ge=0)
    raar: int = Field(150, ge=0)
    er: int = Field(50, ge=0)
    update_every: int = Field(25, ge=1)
    command: CommandConfig = CommandConfig()
    density: float = Field(0.1, gt=0, le=1)
    level: float = Field(HandOverSettings.level, gt=0, lt=1)
    threshold: float = Field(HandOverSettings.threshold, gt=0)
    release_after: float = Field(HandOverSettings.release_after, ge=0, le=1)

    @field_validator("treatments")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            try:
                parse_treatment(name)
            except InputError as error:
                raise ValueError(str(error)) from error
        if MASKED not in names or len(set(names)) < len(names):
            raise ValueError(f"expected each once, and {MASKED!r}, which the ratios are to")
        return names


class PhasingConfig(BaseModel):
    """Which crystals, and which gaps and retrievals; unknown keys are errors.

    Attributes
    ----------
    name : of the folder of results, by default.
    seed : of the crystals.
    model : weights of the network, ``default`` or a file.
    crystals : which; checked where crystals are made.
    measured : scans, by their paths or in the folder in ``BCDI_INPAINT_DATA``; those that are
        there.
    scores : gaps and retrievals.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("phasing", pattern=r"^\w[\w.-]*$")
    seed: int = Field(21, ge=0)
    model: str = "default"
    crystals: dict[str, Any] = {}
    measured: tuple[MeasuredConfig, ...] = ()
    scores: CrystalScoresConfig = CrystalScoresConfig()
