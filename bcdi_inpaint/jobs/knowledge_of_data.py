"""What the file of data says of beam and crystal that one of PyNX's own runners is given.

`predict --refine` writes all into the file: how far the beam blurs the intensity along each axis,
which constant background lies under it, and how even the crystal's density is, as far as voxels
that were held out like it. The user's own `--psf`, `--background` and `--density` come first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import read_objects, read_provenance
from bcdi_inpaint.jobs.provenance import read_photon
from bcdi_inpaint.phasing.background import NONE_WORDS, read_background
from bcdi_inpaint.phasing.density import DensitySettings
from bcdi_inpaint.phasing.free_voxels import measured_of, set_free_mask, unseen_in
from bcdi_inpaint.phasing.pynx_course import is_ours
from bcdi_inpaint.phasing.pynx_faults import check_psf
from bcdi_inpaint.phasing.pynx_knowledge import Knowledge, KnowsPhysics
from bcdi_inpaint.phasing.pynx_scan import say
from bcdi_inpaint.scan.boxes import as_box
from bcdi_inpaint.scan.found_object import FoundObject

SIGMA_KEY, DENSITY_KEY, BACKGROUND_KEY = "coherence_sigma", "density_strength", "background"
"""What our files call them, after ``inpaint_``."""
NO_PSF = NONE_WORDS
"""What `--psf` may be for a beam that is taken as coherent."""
DENSITY_HELP = (
    "bcdi-inpaint: part of the way, 0 to 1, that the modulus well inside the support goes to its "
    "local mean, in each cycle from the middle of the run on; default: what the file has, or 0"
)
BACKGROUND_HELP = (
    "bcdi-inpaint: photons in every voxel that are taken off, none, or auto for what the data "
    "show; default: what the file has, or none"
)


STARTS = ("found", "random")
START_HELP = (
    "bcdi-inpaint: begin the first runs at the objects that `predict --refine` left in the file of "
    "the data, with a quarter of the cycles; or all at random"
)


class KnowledgeOfData(KnowsPhysics):
    """A runner's scan that looks into its data's file for what is known."""

    _objects: tuple[FoundObject, ...] | None = None

    def knowledge(self) -> Knowledge:
        """What the file of the fill says, unless the user says otherwise."""
        self._objects = None  # they are of the scan before
        path = self._file()
        record = {} if path is None else read_provenance(path)
        return replace(known_of(self.params, record), photon=read_photon(record))

    def objects(self) -> Sequence[FoundObject]:
        """What the starts of the file's refinement came to, in the part that is phased."""
        if self.params.get("start") == "random" or self.params["rebin"] is not None:
            return ()
        if self._objects is None:
            path = self._file()
            ends = [int(end) for end in self.params["roi_final"]]
            box = as_box(slice(*ends[k : k + 2]) for k in (0, 2, 4))
            found = () if path is None else read_objects(path)
            unit = 1.0 if path is None else read_photon(read_provenance(path))
            self._objects = tuple(one.in_box(box).in_unit(unit) for one in found)
        return self._objects

    def unseen(self, shape: tuple[int, ...]) -> BoolArray | None:
        """The islands that the objects which runs begin at have not seen; None if none is measured.

        Parameters
        ----------
        shape : of the data that are phased, (n_rock, n_y, n_x).
        """
        objects = self.objects() if is_ours(self.params) else ()
        found = unseen_in(objects, objects[0].box) if objects else None
        if found is None or found.shape != shape:
            return None
        return found if measured_of(self.cdi, found, self._estimates()).any() else None

    def _init_free_pixel_mask(self, iobs: Any) -> None:
        """The islands that the objects have not seen, or PyNX's own, or the user's."""
        chosen = self.params["free_pixel_mask"] is not None
        found = None if chosen else self.unseen(iobs.shape)
        if found is None:
            super()._init_free_pixel_mask(iobs)  # type: ignore[misc]
            return
        set_free_mask(self.cdi, found, self._estimates())
        n_free = int(self.cdi.nb_free_points)
        say(f"{n_free} free voxels, none of which the refinement has seen (--start random: PyNX's)")

    def _estimates(self) -> BoolArray | None:
        """(n_rock, n_y, n_x) bool, where the counts are estimates; None for nowhere."""
        carried = getattr(self, "carried", None)
        return None if carried is None else carried.filled

    def _file(self) -> Path | None:
        """The file of the fill: that of the data, or beside them."""
        found = getattr(self, "found", None)
        path = self.params["data"] if found is None else found.path
        return None if path is None else Path(path)


def known_of(params: Mapping[str, Any], record: Mapping[str, Any]) -> Knowledge:
    """What is known by a file and by a runner's parameters.

    Parameters
    ----------
    params : those of PyNX, with ``density``, ``background`` and ``psf_chosen`` of ours.
    record : the file's provenance.

    Raises
    ------
    InputError
        The user's strength or background is none.
    """
    sigma = np.broadcast_to(np.asarray(record.get(SIGMA_KEY, 0.0), float), 3)
    if params.get("psf_chosen") or not np.all(np.isfinite(sigma)):
        sigma = np.zeros(3)
    chosen = params.get("density")
    strength = float(record.get(DENSITY_KEY, 0.0) if chosen is None else chosen)
    if not 0 <= strength <= 1:
        raise InputError(f"density is {strength:g}, expected 0 to 1: take 0.1, or 0 for none")
    rock, rows, columns = map(float, sigma)
    said = params.get("background")
    level = float(record.get(BACKGROUND_KEY, 0.0)) if said is None else read_background(said)
    density = replace(DensitySettings(), strength=strength)
    return Knowledge((rock, rows, columns), density, level)


def take_psf_choice(params: dict[str, Any]) -> None:
    """Read `--psf none`, which PyNX does not know; note whether the user chose one."""
    params["psf_chosen"] = params["psf"] not in (None, False)
    if str(params["psf"]).lower() in NO_PSF:
        params["psf"] = False
    check_psf(params["psf"])
