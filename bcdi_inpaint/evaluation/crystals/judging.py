"""What a fill does to the crystal: phase retrieval after every treatment of the gap.

A fill is worth having only if the crystal comes out better than with the gap masked. So every
score is of the reconstructed object against the true one, and is reported as a ratio to masking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals.config import CrystalScoresConfig, Setting
from bcdi_inpaint.evaluation.crystals.gap_on_crystal import (
    GapOnCrystal,
    Retrieval,
    place_gap,
    seeds_without_gap,
)
from bcdi_inpaint.evaluation.crystals.known_crystal import CrystalView, KnownCrystal
from bcdi_inpaint.evaluation.crystals.reconstruction_scores import (
    score_reconstruction,
    score_spread,
)
from bcdi_inpaint.evaluation.crystals.records import MEASURED, OVER_MASKING, Record, has_failed
from bcdi_inpaint.evaluation.crystals.retrieving import retrieve_gap
from bcdi_inpaint.evaluation.crystals.treatments import (
    COMPLETE,
    MASKED,
    Treatment,
    parse_treatment,
)
from bcdi_inpaint.evaluation.scores import pearson_log
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.phasing.reconstruction import Reconstruction


class CompleteCounts:
    """The reconstructions of a crystal's complete counts, each made when it is first asked for.

    Parameters
    ----------
    crystal : whose object is known.
    config : how it is phased.
    """

    def __init__(self, crystal: KnownCrystal, config: CrystalScoresConfig) -> None:
        self._seeds = seeds_without_gap(crystal, config)
        self._found: dict[Setting, list[Reconstruction]] = {}

    def phase(
        self, gap: GapOnCrystal, setting: Setting, treatment: Treatment
    ) -> list[Reconstruction]:
        """See `retrieving.retrieve_gap`; which of the crystal's gaps it is makes no difference.

        Parameters
        ----------
        gap : one of the crystal's.
        setting : how it is phased.
        treatment : that hides nothing.
        """
        if setting not in self._found:
            whole = replace(gap, seeds=self._seeds)
            self._found[setting] = retrieve_gap(whole, setting, treatment)
        return self._found[setting]


def judge_crystal(
    crystal: KnownCrystal,
    config: CrystalScoresConfig,
    model: Model,
    *,
    device: str = "auto",
    known: Sequence[Record] = (),
    show: Callable[[CrystalView], None] = lambda view: None,
    keep: Callable[[list[Record]], None] = lambda records: None,
) -> Iterator[list[Record]]:
    """Phase a crystal with every gap, setting and treatment.

    A retrieval that fails is recorded with infinite errors, and ratios; where the masked one fails
    there is nothing to compare with, and the gap has no ratios. The complete counts are the same
    with every gap, so they are phased once.

    Parameters
    ----------
    crystal : whose object is known.
    config : which gaps, and how they are phased.
    model : the network that fills.
    device : where it computes: ``auto``, ``cpu`` or ``cuda``.
    known : records of retrievals that are done; they are not done again.
    show : called with what the other retrievals of a gap and setting found.
    keep : called after every retrieval with the records of its gap so far, which may lack ratios.

    Yields
    ------
    The records of one gap. Their `ratio_*` are the errors over those with the gap masked.

    Raises
    ------
    MissingEngineError
        PyNX is not there.
    """
    complete = CompleteCounts(crystal, config)
    for width in config.widths:
        for number in range(config.gaps_per_crystal):
            gap = place_gap(crystal, config, width, number, model, device)
            if gap is not None:
                known_here = _known_of_gap(known, crystal.name, width, number)
                yield _judge_gap(gap, complete, known_here, show, keep)


def _known_of_gap(
    known: Sequence[Record], crystal: str, width: int, number: int
) -> dict[Retrieval, Record]:
    return {
        (record["setting"], record["treatment"]): record
        for record in known
        if (record["crystal"], record["width"], record["number"]) == (crystal, width, number)
    }


def _judge_gap(
    gap: GapOnCrystal,
    complete: CompleteCounts,
    known: Mapping[Retrieval, Record],
    show: Callable[[CrystalView], None],
    keep: Callable[[list[Record]], None],
) -> list[Record]:
    """The records of all retrievals, those that are known as they are."""
    if all(one in known for one in gap.retrievals):
        return with_ratios([known[one] for one in gap.retrievals])
    views = {setting: gap.view(setting) for setting in gap.config.settings}
    records: list[Record] = []
    for one in gap.retrievals:
        is_known = one in known
        records.append(
            known[one] if is_known else _judge_retrieval(gap, complete, *one, views[one[0]])
        )
        if not is_known:
            keep(records)
    for view in views.values():
        show(view)
    return with_ratios(records)


def _judge_retrieval(
    gap: GapOnCrystal, complete: CompleteCounts, setting: Setting, name: str, view: CrystalView
) -> Record:
    """Phase after one treatment; the record, and the reconstruction in the view."""
    crystal, treatment = gap.crystal, parse_treatment(name)
    scores: Record = dict.fromkeys(MEASURED, np.nan)
    filled = gap.scan.fill_of(treatment)
    scores["pearson_fill"] = pearson_log(crystal.expectation, filled.counts, gap.judged)
    try:
        hides_nothing = treatment == parse_treatment(COMPLETE)
        kept = (complete.phase if hides_nothing else retrieve_gap)(gap, setting, treatment)
        own, intensity, aligned = score_reconstruction(kept[0], crystal, gap.judged)
        scores |= own | score_spread(kept, crystal)
        view.calculated[name] = intensity
        view.objects[name] = aligned
    except InputError as error:
        scores |= dict.fromkeys(OVER_MASKING, np.inf) | {"failed": str(error)}
    return gap.head | {"setting": setting, "treatment": name} | scores


def with_ratios(records: Sequence[Record]) -> list[Record]:
    """The records of a gap with their errors over those with the gap masked.

    What failed has infinite ratios, a known record keeps its own, and without a masked retrieval
    that found something all are nan.

    Examples
    --------
    >>> errors = dict.fromkeys(("modulus_rms", "gradient_rms", "upper_rad", "worst_rad"), 0.2)
    >>> known = {"setting": "known support", **errors}
    >>> masked = known | {"treatment": "mask", "phase_rms_rad": 0.2}
    >>> failed = known | {"treatment": "hard", "phase_rms_rad": np.inf}
    >>> [record["ratio_phase_rms_rad"] for record in with_ratios([masked, failed])]
    [1.0, inf]
    """
    masked = {record["setting"]: record for record in records if record["treatment"] == MASKED}
    return [record | _over(masked[record["setting"]], record) for record in records]


def _over(masked: Record, record: Record) -> Record:
    """The ratios that a record still lacks, and those that it has.

    What is over a masked retrieval that failed is no ratio: nan, whatever earlier versions wrote.
    """
    names = [f"ratio_{name}" for name in OVER_MASKING]
    if has_failed(masked):
        return dict.fromkeys(names, np.nan)
    if has_failed(record):
        return dict.fromkeys(names, np.inf)
    ratios: Record = {}
    for name, (of, over) in zip(names, OVER_MASKING.items(), strict=True):
        own = record.get(name, np.nan)
        ratios[name] = record.get(of, np.nan) / masked[over] if own != own else own
    return ratios
