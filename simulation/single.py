"""One simulated scan as a CXI file, with an artificial gap and the truth behind it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import check_output, write_scan
from bcdi_inpaint.gaps.detectors import find_detector, place_gaps
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import merge_gaps
from simulation.recipe import Pattern, Recipe
from simulation.scan import make_scan

TRUTH = {
    "expectation": "truth/expectation",
    "counts": "truth/counts",
    "object": "truth/object",
}
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
    recipe : of 3D patterns.
    path : the file that is written.
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
    wanted = _choose_gaps(recipe, gaps, detector_name, roi)
    made = make_scan(recipe, wanted or "cross")
    write_scan(
        path,
        made.scan.counts,
        made.scan.bad_mask,
        made.scan.metadata,
        {
            TRUTH["expectation"]: made.expectation,
            TRUTH["counts"]: made.counts,
            TRUTH["object"]: made.object,
        },
        _provenance(recipe, made.pattern, made.gaps),
        force,
    )
    return made.gaps


def _choose_gaps(
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
    table = find_detector(detector_name)
    found = place_gaps(table, (recipe.shape[1], recipe.shape[2]), roi)
    if not found:
        raise InputError(
            f"detector {table.name} has no gap in this array, expected one: choose another "
            "--roi y0,x0"
        )
    return found


def _provenance(recipe: Recipe, pattern: Pattern, gaps: Sequence[Gap]) -> dict[str, str | int]:
    return {
        "simulation_gaps": ", ".join(map(str, gaps)),
        "simulation_seed": recipe.seed,
        "simulation_recipe": json.dumps(recipe.model_dump(mode="json"), sort_keys=True),
        "simulation_drawn": json.dumps(pattern.parameters, default=lambda value: value.tolist()),
    }
