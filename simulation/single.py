"""One simulated scan as a CXI file, with an artificial gap and the truth behind it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import check_output, write_scan
from bcdi_inpaint.gaps.artificial import place_cross
from bcdi_inpaint.gaps.detectors import find_detector, place_gaps
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import gap_mask, merge_gaps
from bcdi_inpaint.scan.scan import Metadata
from simulation.recipe import Pattern, Recipe, make_particle_of, make_pattern, particle_number

TRUTH = {"expectation": "truth/expectation", "counts": "truth/counts"}
"""Where the truth lies beside the counts of the file: no name holds "mask", by which PyNX looks."""


def simulate_single(
    recipe: Recipe,
    path: Path,
    *,
    gaps: Sequence[Gap] = (),
    detector_name: str | None = None,
    roi: tuple[int, int] | None = None,
    force: bool = False,
) -> tuple[Gap, ...]:
    """Write the recipe's first pattern as a CXI whose counts are 0 in the gap, and masked there.

    Parameters
    ----------
    gaps, detector_name : the gaps, or the detector whose table has them; a cross of 6 lines beside
        the Bragg peak where neither is given.
    roi : (y0, x0), the detector line of the array's first row and column.
    force : replace an existing file.

    Returns
    -------
    The gaps. The file holds what they hide in the data sets of `TRUTH`.

    Raises
    ------
    InputError
        For 2D patterns, gaps outside the array, and a file that cannot be written.
    """
    check_output(path, force)
    if len(recipe.shape) != 3:
        raise InputError(f"shape is {recipe.shape}, expected 3 axes for a scan: change the recipe")
    chosen = _chosen(recipe, gaps, detector_name, roi)
    if chosen:
        gap_mask(chosen, recipe.shape)  # say what is wrong before any work
    number = particle_number(recipe, 0)
    particle = None if number is None else make_particle_of(recipe, number)
    pattern = make_pattern(recipe, 0, particle)
    chosen = chosen or place_cross(pattern.expectation)
    gap = gap_mask(chosen, recipe.shape)  # (n_rock, n_y, n_x)
    write_scan(
        path,
        np.where(gap, 0, pattern.counts).astype(pattern.counts.dtype),
        gap | pattern.bad,
        Metadata(instrument="simulation", sample=str(pattern.parameters.get("kind", "crystal"))),
        {TRUTH["expectation"]: pattern.expectation, TRUTH["counts"]: pattern.counts},
        _provenance(recipe, pattern, chosen),
        force,
    )
    return chosen


def _chosen(
    recipe: Recipe,
    gaps: Sequence[Gap],
    detector_name: str | None,
    roi: tuple[int, int] | None,
) -> tuple[Gap, ...]:
    """The gaps that were asked for, none where the default is wanted."""
    if detector_name is None:
        if roi is not None:
            raise InputError(
                f"roi is {roi[0]},{roi[1]} without a detector, expected one whose table it places: "
                "add --detector NAME or leave out --roi"
            )
        return merge_gaps(gaps)
    if gaps:
        raise InputError(
            f"gap {gaps[0]} and detector {detector_name} are given, expected one of them: leave "
            "out --gap or --detector"
        )
    of = find_detector(detector_name)
    found = place_gaps(of, (recipe.shape[1], recipe.shape[2]), roi)
    if not found:
        raise InputError(
            f"detector {of.name} has no gap in this array, expected one: choose another --roi y0,x0"
        )
    return found


def _provenance(recipe: Recipe, pattern: Pattern, gaps: Sequence[Gap]) -> dict[str, str | int]:
    return {
        "simulation_gaps": ", ".join(map(str, gaps)),
        "simulation_seed": recipe.seed,
        "simulation_recipe": json.dumps(recipe.model_dump(mode="json"), sort_keys=True),
        "simulation_drawn": json.dumps(pattern.parameters, default=lambda value: value.tolist()),
    }
