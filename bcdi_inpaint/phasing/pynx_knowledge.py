"""What PyNX's own runner is told besides the fill: coherence, background, density, objects.

The class is derived from the runner's own scan class. A constant background is taken off the data
and the fill, which is what PyNX can do with one, on every backend. Each run begins with the blur
that is known of a partly coherent beam as its point spread function, which stays as it is, and
evens out the density inside the crystal from the middle on. That is the function under which the
objects were found, or a Gaussian. A point spread function of the user's own comes first.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bcdi_inpaint.arrays import Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.background import find_background
from bcdi_inpaint.phasing.density import DensitySettings
from bcdi_inpaint.phasing.pynx_course import BeginsAtObjects
from bcdi_inpaint.phasing.pynx_density import DENSITY, HeldDensity, density_fails, heed_density
from bcdi_inpaint.phasing.pynx_psf import any_psf_f, gaussian_psf_f
from bcdi_inpaint.phasing.pynx_scan import planned_cycles, say

if TYPE_CHECKING:
    from bcdi_inpaint.filling.fill import FillReport

USED = ("inpaint_used_psf_sigma", "inpaint_used_density", "inpaint_used_background")
"""What results say of it, by PyNX's parameters."""


@dataclass(frozen=True)
class Knowledge:
    """What is known of the beam and the crystal.

    Attributes
    ----------
    psf_sigma : standard deviations in voxels of the blur of a partly coherent beam, along rocking
        axis, rows and columns; zeros for a coherent one.
    density : how even the crystal's density is.
    background : photons in every voxel; None for what the data show.
    photon : what one photon is in the data's counts.
    """

    psf_sigma: tuple[float, float, float] = (0.0, 0.0, 0.0)
    density: DensitySettings = field(default_factory=DensitySettings)
    background: float | None = 0.0
    photon: float = 1.0


def known_by(report: FillReport) -> Knowledge:
    """What the refinement of a fill found."""
    even = DensitySettings(strength=report.density_strength)
    return Knowledge(report.coherence_sigma, even, report.background)


@functools.cache
def with_knowledge(scan_class: type, knower: type[KnowsPhysics]) -> type:
    """A runner's scan class, made to know what the `knower` brings."""
    heed_density()
    return type(f"Knowing{scan_class.__name__}", (knower, scan_class), {})


class KnowsPhysics(BeginsAtObjects):
    """The steps of a runner's scan, each with what it means for coherence, density and objects."""

    iobs: Any
    mask: Any
    background: float = 0.0
    psf_sigma: np.ndarray | None = None
    density: HeldDensity | None = None
    density_failure: str | None = None

    def knowledge(self) -> Knowledge:
        """What is known, once the data are loaded."""
        return Knowledge()

    def center_crop_data(self) -> None:
        """Find out and say what is known; the blur and the background are binned with the data."""
        super().center_crop_data()  # type: ignore[misc]
        for name in USED:
            self.params.pop(name, None)  # they are of the scan before
        known = self.knowledge() if self.iobs.ndim == 3 else Knowledge()
        self._take_off(known)
        self.density = _density(self.params, known.density)
        self.psf_sigma = _psf_sigma(self.params, known)
        if self.psf_sigma is not None:
            _say_psf(self.psf_sigma, self._found_psf() is None)
        if self.psf_sigma is not None and self.params["rebin"] is not None:
            self.psf_sigma = self.psf_sigma / np.asarray(self.params["rebin"])

    def _take_off(self, known: Knowledge) -> None:
        """Take the background off what is measured."""
        measured = self.mask == 0
        if known.background is None:
            level = _shown(self.iobs / known.photon, measured)
        else:
            level = known.background * float(np.prod(self.params["rebin"] or 1))
        self.background = level * known.photon
        if self.background:
            self.params[USED[2]] = self.background
            left = np.maximum(self.iobs - np.float32(self.background), 0)
            self.iobs = np.where(measured, left, self.iobs)
            say(f"background: {level:.3g} photons are taken off every voxel (--background none)")

    def prepare_cdi(self) -> None:
        """Hang it on the `CDI`."""
        super().prepare_cdi()  # type: ignore[misc]
        if self.psf_sigma is not None:
            psf, shape = self._found_psf(), self.cdi.iobs.shape
            given = gaussian_psf_f(shape, self.psf_sigma) if psf is None else any_psf_f(shape, psf)
            self.cdi.init_psf(psf_f=given)
        if self.density is not None and not self._density_is_left():
            setattr(self.cdi, DENSITY, self.density)

    def _found_psf(self) -> Float32Array | None:
        """The point spread function under which objects were found; None for a Gaussian."""
        objects = self.objects()
        return objects[0].psf if objects else None

    def _density_is_left(self) -> bool:
        """Whether the GPU cannot even it out; asked once, for all runs, and said."""
        if self.density_failure is None:
            self.density_failure = density_fails()
            if self.density_failure:
                self.params.pop(USED[1])
                why = self.density_failure
                say(f"the GPU runs no kernel of ours ({why}): the density stays free")
        return self.density_failure != ""


def _shown(photons: np.ndarray, measured: np.ndarray) -> float:
    """The background that the data show; it is said where they cannot."""
    try:
        found = find_background(photons, measured)
    except InputError as error:
        say(str(error))
        return 0.0
    say(str(found))
    return found.level


def _psf_sigma(params: dict[str, Any], known: Knowledge) -> np.ndarray | None:
    """The widths of the blur that the runs take; noted among the parameters."""
    algorithm = str(params["algorithm"] or "").lower()
    if not any(known.psf_sigma) or params["psf"] or "psf" in algorithm:
        return None
    if params["nb_ml"] or "ml" in algorithm:
        say("psf: PyNX's ML knows none, so the known blur is left out (leave out ML)")
        return None
    params[USED[0]] = sigma = np.asarray(known.psf_sigma, float)
    return sigma


def _say_psf(sigma: np.ndarray, is_gaussian: bool) -> None:
    widths = ", ".join(f"{width:.2f}" for width in sigma)
    form = "a Gaussian" if is_gaussian else "as the refinement found it, near a Gaussian"
    say(f"psf: {form} of {widths} voxels, as is known of the beam (--psf none: coherent)")


def _density(params: dict[str, Any], settings: DensitySettings) -> HeldDensity | None:
    """How even the density is held in the runs; noted among the parameters."""
    if not settings.strength:
        return None
    params[USED[1]] = settings.strength
    say(
        f"density: from the middle of the run on it goes {settings.strength:g} of the way to even "
        "in a cycle (--density 0: not at all)"
    )
    cycles = planned_cycles(params)
    return HeldDensity(settings, cycles.before_end or cycles.all)
