"""A gap phased twice, with its fill and masked: which is taken, and what each rule brings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.evaluation.crystals.quartiles import quartiles
from bcdi_inpaint.evaluation.crystals.records import Record, gap_of
from bcdi_inpaint.evaluation.crystals.treatments import MASKED
from bcdi_inpaint.phasing.benefit import VERDICTS, verdict_of
from bcdi_inpaint.phasing.selection import Judged, best_of

COMPARING_COLUMNS = (
    "setting",
    "advice",
    "with the fill",
    "taken",
    "cases",
    "filled",
    "phase_rms_rad",
    "ratio",
    "lower_quartile",
    "upper_quartile",
    "worst",
)


@dataclass(frozen=True)
class Pair:
    """The same gap with its fill and masked; both know the same of beam and crystal, if they can.

    Attributes
    ----------
    filled, masked : the records; ratios of both are to plain masking.
    plain : the masked one without that knowledge, where it was phased too; else None.
    """

    filled: Record
    masked: Record
    plain: Record | None = None

    def take(self, margin: float = 1.0) -> Record:
        """The filled one if its free log-likelihood is below `margin` times the masked one's.

        In doubt the masked one.
        """
        return self.filled if _free(self.filled) < margin * _free(self.masked) else self.masked

    def take_of_three(self) -> Record:
        """The one that `phase` takes, also of the masked one without knowledge."""
        ways = {str(place): record for place, record in enumerate(self._all)}
        return ways[best_of({place: _judged(record) for place, record in ways.items()})]

    @property
    def better(self) -> Record:
        """The one whose phase is nearer to the truth, which no user knows."""
        return min(self._all, key=lambda record: record["phase_rms_rad"])

    @property
    def _all(self) -> list[Record]:
        """Each that was phased, in doubt the first."""
        return [self.masked, *([] if self.plain is None else [self.plain]), self.filled]

    @property
    def advice(self) -> str:
        """What `predict` says of the gap: one of `benefit.VERDICTS`."""
        return advice_on(self.masked)


RULES: dict[str, Callable[[Pair], Record]] = {
    "masked": lambda pair: pair.masked,
    "filled": lambda pair: pair.filled,
    "by free log-likelihood": Pair.take,
    "of three, as phase does": Pair.take_of_three,
    "filled if 10 % better": lambda pair: pair.take(0.9),
    "masked if 10 % better": lambda pair: pair.take(1 / 0.9),
    "the nearer to the truth": lambda pair: pair.better,
}
"""Which of a pair is taken, by name."""


def _judged(record: Record) -> Judged:
    """What free voxels say of it; tables of before have the free log-likelihood alone."""
    error = float(record.get("free_log_error", np.nan))
    return Judged(_free(record), error, record.get("begun", 0.0) == 1)


def _free(record: Record) -> float:
    """The free log-likelihood, less is better; infinite where a retrieval failed."""
    free = float(record["llk_free"])
    return np.inf if np.isnan(free) else free


def advice_on(record: Record) -> str:
    """What `predict` says of a record's gap: whether a fill can help."""
    return verdict_of(record["width"], record["fringes"], record["counts_beside"])


def pairs(records: Sequence[Record], treatment: str) -> list[Pair]:
    """Every gap that was phased after a treatment and masked.

    What the file of a fill says of beam and crystal, `phase` takes for the masked gap as well: so
    the masked one is that with the same knowledge where it was phased.
    """
    _, sign, words = treatment.partition("+")
    names = [f"{MASKED} +{words}", MASKED] if sign else [MASKED]
    gaps: dict[tuple[object, ...], dict[str, Record]] = {}
    for record in records:
        gaps.setdefault(gap_of(record), {})[record["treatment"]] = record
    found = []
    for of_gap in gaps.values():
        masked = next((of_gap[name] for name in names if name in of_gap), None)
        if masked is not None and treatment in of_gap:
            plain = of_gap.get(MASKED)
            found.append(Pair(of_gap[treatment], masked, None if plain is masked else plain))
    return found


def compare_rules(records: Sequence[Record], treatments: Sequence[str]) -> Iterator[Record]:
    """What each of `RULES` brings, by setting, advice and treatment."""
    for treatment in treatments:
        every = pairs(records, treatment)
        for setting in dict.fromkeys(pair.masked["setting"] for pair in every):
            of_setting = [pair for pair in every if pair.masked["setting"] == setting]
            for advice in VERDICTS:
                own = [pair for pair in of_setting if pair.advice == advice]
                head = {"setting": setting, "advice": advice, "with the fill": treatment}
                for name, rule in RULES.items() if own else ():
                    yield head | {"taken": name} | _row(own, rule)


def _row(own: Sequence[Pair], rule: Callable[[Pair], Record]) -> Record:
    taken = [rule(pair) for pair in own]
    ratios = [record["ratio_phase_rms_rad"] for record in taken]
    low, median, high = quartiles(ratios)
    return {
        "cases": len(own),
        "filled": sum(record is pair.filled for record, pair in zip(taken, own, strict=True)),
        "phase_rms_rad": float(np.median([record["phase_rms_rad"] for record in taken])),
        "ratio": median,
        "lower_quartile": low,
        "upper_quartile": high,
        "worst": max(ratios),
    }
