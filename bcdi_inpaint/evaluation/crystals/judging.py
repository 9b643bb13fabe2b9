"""What a fill does to the crystal: phase retrieval after every treatment of the gap.

A fill is worth having only if the crystal comes out better than with the gap masked. So every
score is of the reconstructed object against the true one, and is reported as a ratio to masking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import binary_dilation

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals.config import SETTINGS, CrystalScoresConfig, Setting
from bcdi_inpaint.evaluation.crystals.known_crystal import CrystalView, KnownCrystal
from bcdi_inpaint.evaluation.crystals.reconstruction_scores import score_reconstruction
from bcdi_inpaint.evaluation.crystals.records import ERRORS, MEASURED, Record
from bcdi_inpaint.evaluation.crystals.treatments import MASKED, GappedScan
from bcdi_inpaint.evaluation.scores import pearson_log
from bcdi_inpaint.gaps.artificial import lines_from_peak, place_beside_middle
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.phasing.benefit import expected_benefit
from bcdi_inpaint.phasing.handover import HandOverSettings
from bcdi_inpaint.phasing.pynx_retrieval import retrieve_best
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.scan.boxes import as_shape

SUPPORT_MARGIN = 2
"""Voxels by which a known support is larger than the particle."""

Retrieval = tuple[Setting, str]
"""Setting and treatment."""


@dataclass(frozen=True)
class GapOnCrystal:
    """One gap on one crystal, with all that its retrievals have in common.

    Attributes
    ----------
    crystal : whose object is known.
    gaps : one plane, or two that cross.
    number : of the gap among those of its width.
    seeds : of the starts, by setting: all treatments start from the same random objects.
    config : what is phased, and how.
    model : the network that fills.
    device : where it computes.
    """

    crystal: KnownCrystal
    gaps: Sequence[Gap]
    number: int
    seeds: Mapping[Setting, int]
    config: CrystalScoresConfig
    model: Model
    device: str

    @property
    def retrievals(self) -> list[Retrieval]:
        """Every setting and treatment that is asked for."""
        return [
            (setting, treatment)
            for setting in self.config.settings
            for treatment in self.config.treatments
        ]

    @cached_property
    def scan(self) -> GappedScan:
        """The counts with the gap, and its fills."""
        counts, config = self.crystal.counts, self.config
        return GappedScan(
            counts,
            gap_mask(self.gaps, as_shape(counts.shape)),
            self.model,
            self.device,
            self.seeds[SETTINGS[0]],
            HandOverSettings(config.level, config.threshold, config.release_after),
        )

    @cached_property
    def head(self) -> Record:
        """What the records of all its retrievals have in common."""
        benefit = expected_benefit(self.scan.hidden, self.scan.gap, self.gaps)
        return {
            "crystal": self.crystal.name,
            "width": self.gaps[0].width,
            "number": self.number,
            "cross": len(self.gaps) > 1,
            "distance": min(self._distance(gap) for gap in self.gaps),
            "flux": float(self.crystal.expectation.max()),
            "fringes": np.nan if benefit is None else benefit.fringes,
            "counts_beside": np.nan if benefit is None else benefit.counts_beside,
        }

    def _distance(self, gap: Gap) -> int:
        """Lines between the Bragg peak and the gap."""
        return lines_from_peak(gap.start, gap.stop, self.crystal.counts.shape[gap.axis] // 2)

    def view(self, setting: Setting) -> CrystalView:
        """What is to be seen of one setting, still without reconstructions."""
        crystal = self.crystal
        name = f"{crystal.name}, {', '.join(map(str, self.gaps))}"
        width, gap = self.gaps[0].width, self.scan.gap
        truth = {"truth": crystal.truth}
        return CrystalView(name, width, setting, crystal.expectation, gap, {}, {**truth})


def judge_crystal(
    crystal: KnownCrystal,
    config: CrystalScoresConfig,
    model: Model,
    *,
    device: str = "auto",
    known: Sequence[Record] = (),
    show: Callable[[CrystalView], None] = lambda view: None,
) -> Iterator[list[Record]]:
    """Phase a crystal with every gap, setting and treatment.

    A retrieval that fails is recorded with infinite errors.

    Parameters
    ----------
    crystal : whose object is known.
    config : which gaps, and how they are phased.
    model : the network that fills.
    device : where it computes: ``auto``, ``cpu`` or ``cuda``.
    known : records of retrievals that are done; they are not done again.
    show : called with what the other retrievals of a gap and setting found.

    Yields
    ------
    The records of one gap. Their `ratio_*` are the errors over those with the gap masked.

    Raises
    ------
    MissingEngineError
        PyNX is not there.
    """
    for width in config.widths:
        for number in range(config.gaps_per_crystal):
            gap = _place_gap(crystal, config, width, number, model, device)
            if gap is not None:
                yield _judge_gap(gap, _known_of_gap(known, crystal.name, width, number), show)


def _place_gap(
    crystal: KnownCrystal,
    config: CrystalScoresConfig,
    width: int,
    number: int,
    model: Model,
    device: str,
) -> GapOnCrystal | None:
    """Place a gap beside the peak, from random numbers of its own; None where none fits."""
    first = np.random.default_rng([config.seed, len(crystal.name), width, number])
    rng = np.random.default_rng([first.integers(2**32), *crystal.name.encode()])
    shape = crystal.counts.shape
    gaps = place_beside_middle(shape, width, config.distances, config.cross_share, rng)
    # For all settings, whichever are asked for, so that each has the same starts.
    seeds = {setting: int(rng.integers(2**32)) for setting in SETTINGS}
    return GapOnCrystal(crystal, gaps, number, seeds, config, model, device) if gaps else None


def _known_of_gap(
    known: Sequence[Record], crystal: str, width: int, number: int
) -> dict[Retrieval, Record]:
    return {
        (record["setting"], record["treatment"]): record
        for record in known
        if (record["crystal"], record["width"], record["number"]) == (crystal, width, number)
    }


def _judge_gap(
    gap: GapOnCrystal, known: Mapping[Retrieval, Record], show: Callable[[CrystalView], None]
) -> list[Record]:
    """The records of all retrievals, those that are known as they are."""
    if all(one in known for one in gap.retrievals):
        return [known[one] for one in gap.retrievals]
    views = {setting: gap.view(setting) for setting in gap.config.settings}
    records = [
        known[one] if one in known else _judge_retrieval(gap, *one, views[one[0]])
        for one in gap.retrievals
    ]
    for view in views.values():
        show(view)
    return _with_ratios(records)


def _judge_retrieval(
    gap: GapOnCrystal, setting: Setting, treatment: str, view: CrystalView
) -> Record:
    """Phase after one treatment; the record, and the reconstruction in the view."""
    crystal, scan = gap.crystal, gap.scan
    filled = scan.refinement.fill if treatment.startswith("refined") else scan.fill
    scores: Record = dict.fromkeys(MEASURED, np.nan)
    scores["pearson_fill"] = pearson_log(crystal.expectation, filled.counts, scan.gap)
    try:
        found = _phase(gap, setting, treatment)
        own, intensity, aligned = score_reconstruction(found, crystal, scan.gap)
        scores |= own
        view.calculated[treatment] = intensity
        view.objects[treatment] = aligned
    except InputError as error:
        scores |= dict.fromkeys(ERRORS, np.inf) | {"failed": str(error)}
    return gap.head | {"setting": setting, "treatment": treatment} | scores


def _phase(gap: GapOnCrystal, setting: Setting, treatment: str) -> Reconstruction:
    """The best of the starts after one treatment."""
    config, is_known = gap.config, setting == "known support"
    support = binary_dilation(gap.crystal.inside(0.1), iterations=SUPPORT_MARGIN)
    handed = gap.scan.retrieval_input(treatment)
    return retrieve_best(
        handed.counts,
        handed.bad_mask,
        np.random.default_rng(gap.seeds[setting]),
        runs=config.known_starts if is_known else config.starts,
        schedule=Schedule(
            hio=config.hio, raar=config.raar, er=config.er, update_every=config.update_every
        ),
        support=support if is_known else None,
        constraint=handed.constraint,
        release_after=handed.release_after,
        filled=handed.filled,
    )


def _with_ratios(records: Sequence[Record]) -> list[Record]:
    """The records with their errors over those with the gap masked; a known one keeps its own."""
    masked = {record["setting"]: record for record in records if record["treatment"] == MASKED}
    return [
        {f"ratio_{name}": record[name] / masked[record["setting"]][name] for name in ERRORS}
        | record
        for record in records
    ]
