"""What there is to do in a scan: what can be filled, where there is light, and the patches."""

from __future__ import annotations

from dataclasses import dataclass

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.fillable import FillablePart, fillable_part_of
from bcdi_inpaint.filling.light_map import LightMap, light_of, map_light
from bcdi_inpaint.filling.patches import PatchLocation, over_plane, over_voxels
from bcdi_inpaint.filling.regions import Region, lit_regions
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.gaps.masks import GapRegion
from bcdi_inpaint.gaps.survey import Survey
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.scan import Measured


@dataclass(frozen=True)
class Work:
    """What there is to do in a scan.

    Attributes
    ----------
    plan : what part of the gaps can be filled.
    light : where in the scan there is light.
    regions : the boxes around the lit parts of the gaps, with their patches.
    n_patches : all patches, those too that see no signal, which the network is not asked about.
    """

    plan: FillablePart
    light: LightMap
    regions: tuple[Region, ...]
    n_patches: int

    @property
    def n_lit(self) -> int:
        """Patches for the network."""
        return sum(len(region.lit) for region in self.regions)


def plan_work(
    scan: Measured,
    gap: GapRegion,
    *,
    survey: Survey | None = None,
    settings: FillingSettings = FillingSettings(),
) -> Work:
    """Go through a scan once and see what there is to do.

    Parameters
    ----------
    scan : the measured scan, which may stay in its file.
    gap : the voxels to fill.
    survey : of the scan with that gap, where it was made already; the scan is not read then.
    settings : how patches are laid.

    Raises
    ------
    InputError
        For counts that nothing can be filled from, and where no part of the gaps can be filled.
    """
    light = map_light(scan, gap) if survey is None else light_of(survey)
    bad = None if gap.rest is None else scan.bad_in(whole(scan.shape))
    plan = fillable_part_of(gap, light.known_lines, bad, settings=settings)
    if plan.is_empty:
        raise InputError(f"no part of the gaps can be filled: {plan.warnings[0]}")
    unknown = None if bad is None else bad | gap.part(whole(scan.shape))
    places = lay_patches(plan, unknown, settings=settings)
    return Work(plan, light, tuple(lit_regions(places, light, settings=settings)), len(places))


def lay_patches(
    plan: FillablePart,
    unknown: BoolArray | None,
    *,
    settings: FillingSettings = FillingSettings(),
) -> dict[PatchLocation, int | None]:
    """Lay patches over all that can be filled.

    Parameters
    ----------
    plan : what part of the gaps can be filled.
    unknown : (n_rock, n_y, n_x) bool, gap and bad voxels; it matters to voxels in no plane alone.
    settings : the patches' side and stride.

    Returns
    -------
    For each patch, in a fixed order, the axis across the plane that it lies over; None where it
    lies over no plane, or over several.
    """
    found: dict[PatchLocation, int | None] = {}
    for gap in plan.targets:
        for place in over_plane(gap, plan.shape, settings.patch, settings.stride):
            found[place] = gap.axis if found.get(place, gap.axis) == gap.axis else None
    if plan.rest is not None and plan.rest.any():
        assert unknown is not None
        found |= dict.fromkeys(over_voxels(plan.rest, unknown, settings.patch))
    return found
