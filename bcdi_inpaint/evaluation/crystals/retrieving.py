"""Several starts after one treatment, by our own chain of PyNX's operators."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.ndimage import binary_dilation

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals.config import COMMAND, KNOWN, Setting
from bcdi_inpaint.evaluation.crystals.gap_on_crystal import GapOnCrystal
from bcdi_inpaint.evaluation.crystals.treatments import Treatment
from bcdi_inpaint.phasing.pynx_retrieval import retrieve_best
from bcdi_inpaint.phasing.reconstruction import Reconstruction, free_first
from bcdi_inpaint.phasing.schedule import Schedule

SUPPORT_MARGIN = 2
"""Voxels by which a known support is larger than the particle."""

Retriever = Callable[[GapOnCrystal, Treatment], list[Reconstruction]]
"""Phases a gap after a treatment; gives the kept reconstructions, the best first."""


def retriever_of(setting: Setting, command: Retriever | None = None) -> Retriever:
    """What phases in a setting; `command` in that of PyNX's command. InputError without it."""
    if setting != COMMAND:
        return partial(retrieve_starts, setting)
    if command is None:
        raise InputError(f"the setting {COMMAND} is for `bcdi-inpaint evaluate`, not for here")
    return command


def retrieve_starts(
    setting: Setting, gap: GapOnCrystal, treatment: Treatment
) -> list[Reconstruction]:
    """Phase from several starts, the best by free log-likelihood first.

    Parameters
    ----------
    setting : known support, or as users run it.
    gap : what is phased.
    treatment : what is handed over of it.

    Returns
    -------
    The kept reconstructions.

    Raises
    ------
    InputError
        Every start failed.
    """
    config, is_known = gap.config, setting == KNOWN
    support = binary_dilation(gap.crystal.inside(0.1), iterations=SUPPORT_MARGIN)
    handed = gap.scan.retrieval_input(treatment)
    found: list[Reconstruction] = []
    retrieve_best(
        handed.counts,
        handed.bad_mask,
        np.random.default_rng(gap.seeds[setting]),
        runs=config.known_starts if is_known else config.starts,
        report=lambda number, one: found.append(one) if isinstance(one, Reconstruction) else None,
        schedule=Schedule(
            hio=config.hio, raar=config.raar, er=config.er, update_every=config.update_every
        ),
        support=support if is_known else None,
        constraint=handed.constraint,
        release_after=handed.release_after,
        filled=handed.filled,
    )
    return sorted(found, key=free_first)[: config.keep]
