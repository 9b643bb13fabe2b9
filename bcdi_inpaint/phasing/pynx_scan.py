"""A scan of PyNX's own runner that carries its fill along.

The class is derived from the runner's own scan class. It does what that does; beside it the fill is
scaled, cut and binned with the data, and hung on the `CDI` whose cycles are to heed it.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.carried_fill import CarriedFill, Cycles, count_cycles
from bcdi_inpaint.phasing.handover import NAMES
from bcdi_inpaint.phasing.pynx_projection import CARRIED, HeldAmplitudes, heed_fills
from bcdi_inpaint.phasing.schedule import HALF_WAY
from bcdi_inpaint.phasing.soft_estimates import estimate, kernels_fail
from bcdi_inpaint.pynx_engine import import_pynx

GRID_CHANGES = ("upsample=", "bin=", "crop=", "crop2bin")
"""Steps of an algorithm string after which a fill would lie elsewhere."""

RECORDED = ("inpaint_handover", "inpaint_pynx_version", "inpaint_prior_half_way")
"""What results say of the fill, by PyNX's parameters."""


def say(line: str) -> None:
    """A line of ours among PyNX's."""
    print(f"bcdi-inpaint: {line}", flush=True)


@functools.cache
def with_carried_fill(scan_class: type, carrier: type[CarriesFill]) -> type:
    """A runner's scan class, made to carry a fill as the `carrier` brings it."""
    heed_fills()
    return type(f"Filled{scan_class.__name__}", (carrier, scan_class), {})


class CarriesFill:
    """The steps of a runner's scan, each with what it means for the fill."""

    params: dict[str, Any]
    iobs: Any
    mask: Any
    cdi: Any
    carried: CarriedFill | None = None
    held: HeldAmplitudes | None = None
    masked_in_file: Any = None
    failure: str | None = None
    background = 0.0
    """Counts that were taken off every voxel of the part that is phased; see `pynx_knowledge`."""
    zero_mask_default: Any = None
    """PyNX's own where the user said nothing of zero_mask: it is for scans without a fill."""

    def bring(self) -> CarriedFill | None:
        """Load the data; the fill that goes with them, if there is one."""
        super().load_data()  # type: ignore[misc]
        return None

    def load_data(self) -> None:
        """Load the data and the fill, and say how it is handed over."""
        for name in RECORDED:
            self.params.pop(name, None)  # they are of the scan before
        self.carried = self.bring()
        if self.zero_mask_default is not None:
            self.params["zero_mask"] = self.zero_mask_default if self.carried is None else "0"
        if self.carried is None:
            say("no fill in the data: PyNX runs as it is")
            _tell_zero_mask(self.params["zero_mask"])
            return
        check_parameters(self.params)
        say(
            f"{int(self.carried.filled.sum())} filled voxels, {self.carried.handover}: "
            f"{NAMES[self.carried.handover]}"
        )
        if self.zero_mask_default is not None:
            say("zero_mask 0: masked voxels are free")
        _tell_zero_mask(self.params["zero_mask"])

    def _record(self, used: str) -> None:
        """What results say of the fill: what was used, not what the file was written for."""
        self.params["inpaint_handover"] = used
        self.params["inpaint_pynx_version"] = str(import_pynx("version").__version__)
        if used == "prior":
            self.params["inpaint_prior_half_way"] = np.asarray(HALF_WAY)

    def init_mask(self) -> None:
        """Keep what the data's own mask is."""
        super().init_mask()  # type: ignore[misc]
        if self.carried is not None:
            self.masked_in_file = self.mask > 0

    def corr_flat_field(self) -> None:
        """Scale the fill with the data."""
        masks = self.params["mask"] or []
        changes = self.params["flatfield"] is not None or "maxipix1" in masks
        if self.carried is None or not (changes or "maxipix6" in masks):
            return super().corr_flat_field()  # type: ignore[misc,no-any-return]
        if "maxipix6" in masks and self.params["flatfield"] is None:
            raise InputError(
                "mask maxipix6 interpolates the gap that is filled, expected one or the other: "
                "leave it out"
            )
        counts, self.iobs = self.iobs, np.ones_like(self.iobs)  # then it leaves the factor
        super().corr_flat_field()  # type: ignore[misc]
        factor, self.iobs = self.iobs, counts * self.iobs
        wide = self.carried.filled[factor != 1]
        if self.params["flatfield"] is None and np.mean(wide) > 0.5:  # not only where lines cross
            raise InputError(
                "mask maxipix1 takes the edges of the gap for pixels three times as wide, but they "
                "are filled, expected one or the other: leave it out"
            )
        self.carried = self.carried.scaled(factor)
        return None

    def center_crop_data(self) -> None:
        """Cut and bin the fill with the data, and hold it where they are masked."""
        super().center_crop_data()  # type: ignore[misc]
        if self.carried is None:
            return
        ends = [int(end) for end in self.params["roi_final"]]
        box = slice(*ends[:2]), slice(*ends[2:4]), slice(*ends[4:])
        fill, masked = self.carried.cut(box), self.masked_in_file[box]
        bins = self.params["rebin"]
        if bins is not None and np.prod(bins) != 1:
            rebin = import_pynx("utils.array").rebin
            fill = fill.binned(masked, lambda array: rebin(array, bins))
        fill = fill.without(self.background) if self.background else fill
        self.carried, self.masked_in_file = fill, None
        check_place(fill.counts, self.iobs, self.mask > 0)
        self.held = fill.held(self.mask > 0, planned_cycles(self.params))
        self._record(fill.used(self.mask > 0))
        n_left = int((fill.filled & (self.mask > 0)).sum())
        say(
            f"{n_left} of them are masked in the part that is phased, and follow the fill"
            if self.held is not None
            else "no masked voxel of the part that is phased follows the fill"
        )

    def _init_free_pixel_mask(self, iobs: Any) -> None:
        super()._init_free_pixel_mask(iobs)  # type: ignore[misc]
        if self.carried is None or self.carried.handover not in ("hard", "partial"):
            return
        unit = import_pynx("cdi")
        self.cdi = unit.LLK() * self.cdi  # PyNX draws free voxels late, with the next operator
        measured = ~np.fft.fftshift(self.carried.filled)
        self.cdi.get_iobs()
        self.cdi.set_free_pixel_mask(self.cdi.get_free_pixel_mask() & measured)

    def prepare_cdi(self) -> None:
        """Hang the fill on the `CDI`."""
        super().prepare_cdi()  # type: ignore[misc]
        if self.held is None:
            return
        if self.failure is None:  # asked once, for all runs
            self.failure = kernels_fail(self.held.known)
            if self.failure:
                self._estimate()
        if not self.failure:
            self.held.begin()
            setattr(self.cdi, CARRIED, self.held)

    def _estimate(self) -> None:
        """What is left of a fill where the GPU runs none of our kernels."""
        assert self.carried is not None
        assert self.held is not None
        estimate(self.cdi, self.held, self.carried.counts)
        self.params["inpaint_handover"] = "estimates"
        say(
            f"the GPU runs no kernel of ours ({self.failure}): PyNX holds the fill between 0.5 and "
            "1.2 times its counts instead"
        )

    def prepare_processing_unit(self) -> None:
        """PyNX's own; it says so where the CPU cannot do what is asked."""
        super().prepare_processing_unit()  # type: ignore[misc]
        unit = import_pynx("processing_unit")
        if unit.default_processing_unit.backend != unit.Backend.CPU:
            return
        asked = self.params["gpu"]
        if asked is not None and str(asked).lower() != "cpu":
            raise InputError(f"gpu is {asked}, but there is none here, expected cpu: leave it out")
        say("no GPU is taken: PyNX runs on the CPU")
        if self.params["psf"]:
            say("PyNX's CPU backend ignores a psf: this one is bcdi-inpaint's, made as on its GPUs")


def planned_cycles(params: dict[str, Any]) -> Cycles:
    """The cycles of a run with a runner's parameters."""
    if params["algorithm"] is not None:
        return count_cycles(params["algorithm"])
    before = params["nb_hio"] + params["nb_raar"]
    return Cycles(before, before + params["nb_er"])


def check_place(counts: np.ndarray, phased: np.ndarray, masked: np.ndarray) -> None:
    """Refuse a fill that lies elsewhere than the data it was made for.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x), those that were carried along with the fill.
    phased : those that PyNX phases, of the same shape where all is well.
    masked : bool, of PyNX's shape; other counts have to agree.

    Raises
    ------
    InputError
        They do not agree.
    """
    fits = counts.shape == phased.shape
    if fits:
        there, own = phased[~masked], np.maximum(counts[~masked], 0)  # PyNX has none below 0
        fits = np.allclose(there, own, rtol=1e-3, atol=1e-6 * float(np.max(own, initial=0)))
    if not fits:
        raise InputError(
            "the data that PyNX phases are not those that the fill was carried with, expected the "
            "same counts: take plain PyNX"
        )


def check_parameters(params: dict[str, Any]) -> None:
    """Refuse parameters after which the fill would lie elsewhere than the data.

    An interpolation of PyNX's is left out where there is none on the CPU.
    """
    algorithm = str(params["algorithm"] or "").lower()
    found = next((step for step in GRID_CHANGES if step in algorithm), None)
    if params["crop"] is not None:
        found = "crop"
    if found is not None:
        raise InputError(
            f"{found} changes the grid under the fill, expected it unchanged: take roi and rebin, "
            "or plain PyNX"
        )
    if params["mask_interp"] is not None and not hasattr(import_pynx("cdi"), "InterpIobsMask"):
        params["mask_interp"] = None
        say("mask_interp is left out: PyNX has it on GPUs alone, and here is a fill")


def _tell_zero_mask(value: object) -> None:
    """What it does to masked voxels that they are held at zero."""
    chosen = str(value).lower()
    if chosen in ("auto", "1", "true"):
        share = "the first 60 % of the cycles" if chosen == "auto" else "all cycles"
        say(
            f"zero_mask {chosen} holds masked voxels without a fill at zero for {share}: "
            "--zero_mask 0 leaves them free"
        )
