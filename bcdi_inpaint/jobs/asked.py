"""What a window asks its worker, and what comes back; no torch, which a window would wait for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.evaluation.scores import Scores
from bcdi_inpaint.filling.fill import Filled
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.gap_finding import GapFinding
from bcdi_inpaint.scan.boxes import Shape
from bcdi_inpaint.scan.scan import Measured

FIND, FILL, TRY, WRITE = (
    f"bcdi_inpaint.jobs.watched_fill:{name}" for name in ("find", "fill", "attempt", "write")
)
"""The tasks of `jobs.watched_fill`, by name."""


@dataclass(frozen=True)
class Question:
    """A scan, what is to be done, and what was marked by hand.

    Attributes
    ----------
    scan : the scan's file; empty where it is in memory.
    gaps : gaps that were marked; none to look for them.
    wishes : fields of a `Request` by name.
    memory : the scan where it lies in no file.
    drawn : voxels marked as bad, (n_y, n_x) or (n_rock, n_y, n_x) bool; None for none.
    rest : voxels to fill that lie in no whole line, (n_rock, n_y, n_x) bool; None for none.
    """

    scan: str
    gaps: tuple[Gap, ...] = ()
    wishes: Mapping[str, Any] = field(default_factory=dict)
    memory: Measured | None = None
    drawn: BoolArray | None = None
    rest: BoolArray | None = None


@dataclass(frozen=True)
class Found:
    """What there is to know of a scan before it is filled.

    Attributes
    ----------
    finding : its gaps.
    peak : the voxel of the Bragg peak's centre; None where none can be seen.
    lines : all this and what follows, in words.
    """

    finding: GapFinding
    peak: Shape | None
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """A fill that was made.

    Attributes
    ----------
    fill : it, in the unit of the scan; a `StreamedFill` without its scan.
    handover : see `handover.NAMES`.
    record : what its file says of it.
    said : the last line on how it went.
    is_refined : whether a phase retrieval has refined it.
    is_whole : whether nothing ended it early.
    """

    fill: Filled
    handover: str
    record: Mapping[str, Any]
    said: str = ""
    is_refined: bool = False
    is_whole: bool = True

    @property
    def words(self) -> str:
        """All that there is to say of it, the advice first."""
        advice = self.record.get("advice")
        first = [] if advice is None else [f"advice: {advice}"]
        return "\n".join([*first, *(f"{k}: {v}" for k, v in self.record.items() if k != "advice")])


@dataclass(frozen=True)
class Tried:
    """A fill of a gap that was hidden in measured voxels, and how good it is there."""

    answer: Answer
    hidden: tuple[Gap, ...]
    scores: Scores

    @property
    def words(self) -> str:
        """The scores in a line."""
        at, s = ", ".join(map(str, self.hidden)), self.scores
        return (
            f"{at} hidden, {s.n_voxels} voxels: Pearson {s.pearson_log:.3f}, mean error of the "
            f"logarithm {s.mae_log:.3f}, accuracy {s.accuracy:.3f}, similarity {s.ssim:.3f}, "
            f"deviance {s.poisson_deviance:.3g}"
        )
