"""Several starts of a phase retrieval, by our own chain of operators or PyNX's own runner."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import binary_dilation

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.evaluation.crystals.config import COMMAND, KNOWN, CrystalScoresConfig, Setting
from bcdi_inpaint.evaluation.crystals.gap_on_crystal import GapOnCrystal
from bcdi_inpaint.evaluation.crystals.treatments import (
    COMPLETE,
    HELD_AT_ZERO,
    Treatment,
    parse_treatment,
)
from bcdi_inpaint.phasing.density import DensitySettings
from bcdi_inpaint.phasing.handover import HandOver
from bcdi_inpaint.phasing.pynx_knowledge import Knowledge, known_by
from bcdi_inpaint.phasing.pynx_preset import Preset
from bcdi_inpaint.phasing.pynx_retrieval import retrieve_best
from bcdi_inpaint.phasing.pynx_runs import run_preset
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.phasing.selection import choose, free_misfit
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.found_object import FoundObject

SUPPORT_MARGIN = 2
"""Voxels by which a known support is larger than the particle."""


def retrieve_gap(gap: GapOnCrystal, setting: Setting, treatment: Treatment) -> list[Reconstruction]:
    """Phase a gap after a treatment.

    The free voxels of PyNX's command are the same in all treatments, the complete counts apart:
    these are phased once, whichever the gap.

    Parameters
    ----------
    gap : what is phased.
    setting : how.
    treatment : what is handed over.

    Returns
    -------
    The kept reconstructions, the one that is taken first, see `_in_order`.

    Raises
    ------
    InputError
        Every start failed.
    """
    support = binary_dilation(gap.crystal.inside(0.1), iterations=SUPPORT_MARGIN)
    return retrieve_kept(
        gap.scan.retrieval_input(treatment),
        setting,
        gap.config,
        gap.seeds[setting],
        support=support if setting == KNOWN else None,
        extra=("--zero_mask", "auto") if treatment.handover == HELD_AT_ZERO else (),
        knowledge=_knowledge(gap, treatment) if treatment.knowledge else None,
        objects=_objects(gap, treatment),
        free=None if _hides_nothing(treatment) or setting != COMMAND else gap.free,
        psf="" if "found" in treatment.knowledge else gap.config.command.psf,
    )


def _hides_nothing(treatment: Treatment) -> bool:
    return treatment == parse_treatment(COMPLETE)


def _objects(gap: GapOnCrystal, treatment: Treatment) -> Sequence[FoundObject]:
    """What the first runs begin at."""
    if not treatment.knowledge & {"objects", "found"}:
        return ()
    box = whole(gap.crystal.counts.shape)
    return [found.in_box(box) for found in gap.scan.refinement.fill.report.objects]


def _knowledge(gap: GapOnCrystal, treatment: Treatment) -> Knowledge:
    """What a treatment says of the beam and the crystal; the beam as the refinement found it."""
    words, config = treatment.knowledge, gap.config
    report = gap.scan.refinement.fill.report if words & {"psf", "found"} else None
    sigma = (0.0, 0.0, 0.0) if report is None else report.coherence_sigma
    if report is not None and "found" in words:
        return known_by(report)
    strength = config.density if "density" in words else 0.0
    return Knowledge(sigma, DensitySettings(strength=strength))


def retrieve_kept(
    handed: HandOver,
    setting: Setting,
    config: CrystalScoresConfig,
    seed: int,
    *,
    support: BoolArray | None = None,
    extra: Sequence[str] = (),
    knowledge: Knowledge | None = None,
    objects: Sequence[FoundObject] = (),
    free: BoolArray | None = None,
    psf: str | None = None,
) -> list[Reconstruction]:
    """Phase from several starts.

    Parameters
    ----------
    handed : what is phased.
    setting : how.
    config : starts, those that are kept, and cycles.
    seed : of the starts.
    support : (n_rock, n_y, n_x) bool, that stays as it is; None lets it be found.
    extra : more arguments of PyNX's command.
    knowledge : of beam and crystal, which PyNX's command takes in the place of the user's psf.
    objects : that the first runs of PyNX's command begin at.
    free : (n_rock, n_y, n_x) bool, voxels that it sets aside; None for some by the seed.
    psf : of the user; None for the one in `config`.

    Returns
    -------
    The kept reconstructions, the one that is taken first, see `_in_order`.

    Raises
    ------
    InputError
        Every start failed.
    """
    if setting == COMMAND:
        is_known = knowledge is not None and any(knowledge.psf_sigma)
        psf = config.command.psf if psf is None else psf
        words = ("--psf", psf, *extra) if psf and not is_known else extra
        found = _by_command(handed, config, seed, words, knowledge, objects, free)
        return _in_order(found)[: config.command.keep]
    starts = config.known_starts if setting == KNOWN else config.starts
    found = _by_operators(handed, config, seed, starts, support)
    return _in_order(found)[: config.keep]


def _in_order(found: Sequence[Reconstruction]) -> list[Reconstruction]:
    """By free log-likelihood, as PyNX's users order theirs.

    But where runs from objects stand beside random ones, which only `phase` makes, the one that
    `phase` takes is the first.
    """
    ordered = sorted(found, key=free_misfit)
    if not any(one.begun for one in ordered):
        return ordered
    taken = choose(ordered)
    return [taken, *(one for one in ordered if one is not taken)]


def _by_operators(
    handed: HandOver,
    config: CrystalScoresConfig,
    seed: int,
    starts: int,
    support: BoolArray | None,
) -> list[Reconstruction]:
    """All that was found by our own chain."""
    found: list[Reconstruction] = []

    def take(number: int, outcome: object) -> None:
        if isinstance(outcome, Reconstruction):
            found.append(outcome)

    retrieve_best(
        handed.counts,
        handed.bad_mask,
        np.random.default_rng(seed),
        runs=starts,
        report=take,
        schedule=Schedule(
            hio=config.hio, raar=config.raar, er=config.er, update_every=config.update_every
        ),
        support=support,
        constraint=handed.constraint,
        release_after=handed.release_after,
        filled=handed.filled,
    )
    return found


def _by_command(
    handed: HandOver,
    config: CrystalScoresConfig,
    seed: int,
    extra: Sequence[str],
    knowledge: Knowledge | None,
    objects: Sequence[FoundObject],
    free: BoolArray | None,
) -> list[Reconstruction]:
    """All that PyNX's own runner found."""
    command = config.command
    preset = Preset(
        hio=command.hio,
        raar=command.raar,
        er=command.er,
        runs=command.runs,
        support_threshold=command.support_threshold,
    )
    known = knowledge or Knowledge()
    return run_preset(
        handed, preset, seed=seed, extra=extra, knowledge=known, objects=objects, free=free
    )
