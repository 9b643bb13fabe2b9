"""Treatments of a gap: which fill there is, how it is handed over, and what else is known.

Beside our hand-overs: the complete counts, the gap masked, the gap as if nothing had been counted
there (what programs without a mask take it for), a linear fill as if it were measured, and PyNX's
own ``mask_interp``, which runs on GPUs alone and is made here of its definition.
"""

from __future__ import annotations

from dataclasses import dataclass

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.handover import NAMES

COMPLETE, MASKED, ZERO = "complete", "mask", "zero"
LINEAR, INTERPOLATED = "linear", "mask_interp"
HELD_AT_ZERO = "zero_mask auto"
"""The gap masked, by PyNX's command as it is left to itself: zero for most of the cycles."""
BASELINES = (COMPLETE, MASKED, ZERO, HELD_AT_ZERO, LINEAR, INTERPOLATED)
REFINED = {f"refined {name}": name for name in ("hard", "soft", "staged", "prior")}
"""Treatments that hand over a refined fill, and the hand-over of each."""
TREATMENTS = (*BASELINES, *(n for n in NAMES if n != MASKED), *REFINED)
"""Those without further knowledge."""
KNOWLEDGE = {
    "density": "the crystal's density is nearly even inside",
    "psf": "the beam is partly coherent, its width estimated from the scan",
    "objects": "what the refinement's starts came to, which the first runs begin at",
    "found": "all of it, as refinement found it and `predict --refine` writes it to the file",
}
"""What a retrieval may know beside the counts and the fill."""
OF_REFINEMENT = frozenset({"psf", "objects", "found"})
"""Those of `KNOWLEDGE` that a refinement finds."""


@dataclass(frozen=True)
class Treatment:
    """What a phase retrieval is given.

    Attributes
    ----------
    name : as it is written in tables.
    handover : one of `BASELINES` or a hand-over's name.
    refined : whether the fill is the refined one.
    knowledge : some of `KNOWLEDGE`.
    """

    name: str
    handover: str
    refined: bool = False
    knowledge: frozenset[str] = frozenset()

    @property
    def is_of_command(self) -> bool:
        """Whether PyNX's command alone knows it, and not our chain of operators."""
        return self.handover == HELD_AT_ZERO or bool(self.knowledge)

    @property
    def needs_refinement(self) -> bool:
        """Whether the gap's fill is refined for it."""
        return self.refined or bool(self.knowledge & OF_REFINEMENT)


def parse_treatment(name: str) -> Treatment:
    """Read a treatment: one of `TREATMENTS`, maybe followed by ``+`` and some of `KNOWLEDGE`.

    InputError for another name.

    Examples
    --------
    >>> found = parse_treatment("refined prior + density + psf")
    >>> found.handover, found.refined, sorted(found.knowledge)
    ('prior', True, ['density', 'psf'])
    """
    base, *words = (part.strip() for part in name.split("+"))
    if base not in TREATMENTS:
        raise InputError(
            f"{name!r} is no treatment, expected some of {', '.join(TREATMENTS)}, maybe with "
            f"{' or '.join(f'+ {word}' for word in KNOWLEDGE)}"
        )
    for word in words:
        if word not in KNOWLEDGE or words.count(word) > 1:
            raise InputError(
                f"{name!r} ends in {word!r}, expected each of {', '.join(KNOWLEDGE)} once at most"
            )
    return Treatment(name, REFINED.get(base, base), base in REFINED, frozenset(words))


def treatment_place(name: str) -> tuple[int, str]:
    """Where a treatment stands in tables: by its base, then by what is known beside it."""
    base = name.split("+")[0].strip()
    return (TREATMENTS.index(base) if base in TREATMENTS else len(TREATMENTS)), name
