"""One gap on one crystal: what its retrievals have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.evaluation.crystals.config import COMMAND, SETTINGS, CrystalScoresConfig, Setting
from bcdi_inpaint.evaluation.crystals.gapped_scan import GappedScan
from bcdi_inpaint.evaluation.crystals.known_crystal import CrystalView, KnownCrystal
from bcdi_inpaint.evaluation.crystals.records import Record
from bcdi_inpaint.evaluation.crystals.treatments import parse_treatment
from bcdi_inpaint.gaps.artificial import lines_from_peak, place_beside_middle
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.phasing.benefit import expected_benefit
from bcdi_inpaint.phasing.free_voxels import unseen_in
from bcdi_inpaint.phasing.handover import HandOverSettings
from bcdi_inpaint.scan.boxes import as_shape, whole

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
    seeds : of the starts, by setting: all treatments of the gap start from the same random objects.
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
        """Every setting and treatment that is asked for, without what a setting does not know."""
        return [
            (setting, treatment)
            for setting in self.config.settings
            for treatment in self.config.treatments
            if setting == COMMAND or not parse_treatment(treatment).is_of_command
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
            self.crystal.bad,
        )

    @cached_property
    def free(self) -> BoolArray | None:
        """What judges all runs of PyNX's command: the islands that no start of a refinement saw.

        None where nothing is refined, or there are none.
        """
        treatments = map(parse_treatment, self.config.treatments)
        is_refined = any(treatment.needs_refinement for treatment in treatments)
        objects = self.scan.refinement.fill.report.objects if is_refined else ()
        return unseen_in(objects, whole(self.crystal.counts.shape))

    @property
    def judged(self) -> BoolArray:
        """(n_rock, n_y, n_x) bool, the voxels of the gap where the truth is known."""
        return self.scan.gap & ~self.scan.invalid

    @cached_property
    def head(self) -> Record:
        """What the records of all its retrievals have in common."""
        unknown = self.scan.gap | self.scan.invalid
        benefit = expected_benefit(self.scan.hidden, unknown, self.gaps)
        return {
            "crystal": self.crystal.name,
            "kind": self.crystal.kind,
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


def place_gap(
    crystal: KnownCrystal,
    config: CrystalScoresConfig,
    width: int,
    number: int,
    model: Model,
    device: str,
) -> GapOnCrystal | None:
    """Place a gap beside the peak, from random numbers of its own.

    Parameters
    ----------
    crystal : whose object is known.
    config : what is phased, and how.
    width : of the gap in voxels.
    number : of the gap among those of its width.
    model : the network that fills.
    device : where it computes: ``auto``, ``cpu`` or ``cuda``.

    Returns
    -------
    The gap on the crystal; None where none fits.
    """
    rng = _rng(crystal, config, width, number)
    shape = crystal.counts.shape
    gaps = place_beside_middle(shape, width, config.distances, config.cross_share, rng)
    seeds = _draw_seeds(rng)
    return GapOnCrystal(crystal, gaps, number, seeds, config, model, device) if gaps else None


def seeds_without_gap(crystal: KnownCrystal, config: CrystalScoresConfig) -> dict[Setting, int]:
    """Seeds of the starts where nothing is hidden, by setting: the same whatever the gap."""
    return _draw_seeds(_rng(crystal, config, 0, 0))


def _rng(
    crystal: KnownCrystal, config: CrystalScoresConfig, width: int, number: int
) -> np.random.Generator:
    first = np.random.default_rng([config.seed, len(crystal.name), width, number])
    return np.random.default_rng([first.integers(2**32), *crystal.name.encode()])


def _draw_seeds(rng: np.random.Generator) -> dict[Setting, int]:
    """For all settings, whichever are asked for, so that each has the same starts."""
    return {setting: int(rng.integers(2**32)) for setting in SETTINGS}
