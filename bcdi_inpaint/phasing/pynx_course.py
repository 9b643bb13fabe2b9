"""The course of a run of PyNX's runner: how it begins, and how it ends.

PyNX cuts its support anew until the end of RAAR. One that is cut too close takes off a part of the
crystal, and the log-likelihood then tells supports apart, not objects. So every run ends with a
support that stands a voxel clear of the crystal and stays. Runs that begin at an object that was
found before keep its support from the beginning, and leave the gap free: PyNX's updates, and the
fill once more, would take them away from where they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy.ndimage import binary_dilation

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.carried_fill import Cycles
from bcdi_inpaint.phasing.handover import OURS
from bcdi_inpaint.phasing.pynx_scan import planned_cycles, say
from bcdi_inpaint.pynx_engine import import_pynx
from bcdi_inpaint.scan.found_object import FoundObject

SETTLING = {"nb_raar": 1 / 6, "nb_er": 1 / 4}
"""Cycles with a support that stays, at the end of a run, as parts of the run's own."""
FROM_OBJECT = 1 / 4
"""Cycles of ER of a run that begins at an object, as a part of the run's own.

No RAAR, and a gap that is free: the object holds what the fill says. In twelve gaps of 24 px that
brought the run of best free log-likelihood nearer to the truth in ten, to 0.85 of its error in the
median, than 150 cycles of RAAR before 50 of ER with the fill as a prior; no committed command.
"""
USED_OBJECT = "inpaint_used_object"
"""What results say of a run that began at an object, by PyNX's parameters: the object's number."""
USED_HANDOVER = "inpaint_handover"
"""What results say of it, by PyNX's parameters: what was used of the fill."""
CLEAR = 1
"""Voxels by which a support that stays is wider than PyNX's last one."""


def is_ours(params: dict[str, Any]) -> bool:
    """Whether the course of a run is ours to say.

    It is the user's where they chose an algorithm, a support, or ML at the end.
    """
    chosen = (params["algorithm"], params["support_formula"])
    own_support = params["support"] != "auto" or not params["support_update_period"]
    return chosen == (None, None) and not own_support and not params["nb_ml"]


def refuse_other_grids(params: dict[str, Any]) -> None:
    """Refuse, with an InputError, what leaves the object on another grid than the scan's."""
    algorithm = str(params["algorithm"] or "").lower()
    steps = ("upsample=", "bin=", "crop=", "crop2bin")
    found = next((step for step in steps if step in algorithm), None)
    if found is not None or params["crop"] is not None:
        raise InputError(
            f"{found or 'crop'} changes the grid of the object, expected it unchanged: take "
            "--crop of `phase`, rebin, or PyNX's own command"
        )


def may_begin_at_objects(params: dict[str, Any]) -> bool:
    """Whether runs may begin at objects of the box that is given: it is phased as it is."""
    return is_ours(params) and params["rebin"] is None and params["roi"] == "full"


def runs_at_objects(n_runs: int, n_objects: int) -> int:
    """How many runs of some begin at objects; a third stays random.

    Where all starts of a refinement have stagnated together, a random one may not. On one partly
    coherent crystal the best of four runs from objects was 0.78 rad off, of six random ones 0.39,
    and the free log-likelihood told them apart; no committed command.

    Parameters
    ----------
    n_runs : of the runner.
    n_objects : that were found.

    Examples
    --------
    >>> [runs_at_objects(n_runs, 6) for n_runs in (1, 2, 3, 5, 6, 20)]
    [1, 2, 2, 4, 4, 6]
    """
    return min(n_objects, n_runs - n_runs // 3)


def from_object(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a run that begins at an object, by those of a run from the start.

    PyNX leaves out cycles where the support's period is 0, and begins a point spread function of
    the user's at two thirds of RAAR, of which it needs some. By ``zero_mask auto`` it frees masked
    voxels at six tenths of RAAR, without RAAR never; here they are free at once.
    """
    raar = 2 if params["psf"] else 0
    er = max(1, round(params["nb_er"] * FROM_OBJECT))
    period = raar + er + 1  # the run has ended by then
    own = {"nb_hio": 0, "nb_raar": raar, "nb_er": er}
    own |= {"support_update_period": period, "detwin": 0}
    return own | ({"zero_mask": 0} if str(params["zero_mask"]).lower() == "auto" else {})


def settling(params: dict[str, Any]) -> dict[str, Any]:
    """The cycles with a support that stays at the end of a run; none where that is the user's."""
    parts = SETTLING if is_ours(params) else dict.fromkeys(SETTLING, 0.0)
    return {"nb_hio": 0, **{name: round(params[name] * part) for name, part in parts.items()}}


def cycles_of(params: dict[str, Any], *, begun: bool) -> Cycles:
    """The cycles of a run with a runner's parameters.

    Parameters
    ----------
    params : of the runner.
    begun : whether the run begins at an object.
    """
    if begun:
        return planned_cycles(params | from_object(params))
    return planned_cycles(params) + Cycles(0, sum(settling(params).values()))


def describe(params: dict[str, Any], *, begun: bool) -> str:
    """The cycles of a run in words.

    Parameters
    ----------
    params : of the runner.
    begun : whether the run begins at an object.
    """
    if begun:
        return f"from an object of the refinement, {_chain(params | from_object(params))}"
    if params["algorithm"] is not None:
        return str(params["algorithm"])
    last = _chain(params | settling(params)) if is_ours(params) else ""
    return _chain(params) + (f", with a support that stays {last}" if last else "")


def _chain(params: dict[str, Any]) -> str:
    names = ("hio", "raar", "er", "ml")
    cycles = ((name.upper(), params[f"nb_{name}"]) for name in names)
    return ", ".join(f"{name} {n}" for name, n in cycles if n)


class BeginsAtObjects:
    """A runner's scan whose first runs begin at objects that were found before."""

    params: dict[str, Any]
    cdi: Any
    iobs: Any

    def objects(self) -> Sequence[FoundObject]:
        """Of the part that is phased, one for each of the first runs."""
        return ()

    def object_of(self, number: int) -> FoundObject | None:
        """What a run, counted from 1, begins at; None for a random object."""
        objects = self.objects() if is_ours(self.params) else ()
        if not 0 < number <= runs_at_objects(int(self.params["nb_run"]), len(objects)):
            return None
        found = objects[number - 1]
        phased = self.iobs if self.cdi is None else self.cdi.iobs  # the runner's until it has one
        fits = found.obj.shape == phased.shape  # else the data were cut or binned
        return found if fits and np.any(found.obj) else None

    def run(self, file_name: str | None = None, run_n: int = 1) -> None:
        """PyNX's own, from an object where there is one for this run."""
        found = self.object_of(int(run_n))
        if found is None:
            super().run(file_name=file_name, run_n=run_n)  # type: ignore[misc]
            return
        say(f"run {run_n} begins at an object that the refinement found (--start random: none)")
        self.cdi.set_obj(found.obj, shift=True)
        self.cdi.set_support(found.support.astype(np.int8), shift=True)
        before = dict(self.params)
        self.params.update(from_object(self.params) | {USED_OBJECT: int(run_n)})
        if self.params.get(USED_HANDOVER) in OURS:
            self.params[USED_HANDOVER] = "mask"
        with self._paced(planned_cycles(self.params)):
            try:
                super().run(file_name=file_name, run_n=run_n)  # type: ignore[misc]
            finally:
                self.params.update(before)
                self.params.pop(USED_OBJECT)

    @contextmanager
    def _paced(self, cycles: Cycles) -> Iterator[None]:
        """A density is evened out as far as a run is; of a fill nothing is held."""
        evened = cycles.before_end or cycles.all
        pace: dict[str, dict[str, Any]] = {
            "held": {"release_after": 0},
            "density": {"cycles": evened},
        }
        there = [
            (getattr(self, name), values)
            for name, values in pace.items()
            if getattr(self, name, None) is not None
        ]
        own = [{name: getattr(one, name) for name in values} for one, values in there]
        for one, values in there:
            vars(one).update(values)
        try:
            yield
        finally:
            for (one, _), values in zip(there, own, strict=True):
                vars(one).update(values)


def settle(cdi: Any, params: dict[str, Any], update_psf: int = 0) -> Any:
    """The `CDI` after cycles with a support that is wider and stays.

    Parameters
    ----------
    cdi : PyNX's, at the end of a run.
    params : of the runner.
    update_psf : cycles after which a point spread function is updated; 0 for none.

    Returns
    -------
    PyNX's `CDI`.
    """
    if not sum(settling(params).values()):
        return cdi
    module = import_pynx("cdi")
    support = binary_dilation(cdi.get_support(shift=True) > 0, iterations=CLEAR)
    cdi.set_support(support.astype(np.int8), shift=True)
    options = {
        "positivity": params["positivity"],
        "zero_mask": str(params["zero_mask"]).lower() in ("true", "1"),
        "confidence_interval_factor_mask_min": params["confidence_interval_factor_mask_min"],
        "confidence_interval_factor_mask_max": params["confidence_interval_factor_mask_max"],
    }
    cycles = options | {"update_psf": update_psf, "psf_filter": params["psf_filter"]}
    own = settling(params)
    if own["nb_raar"]:
        cdi = module.RAAR(beta=params["beta"], **cycles) ** own["nb_raar"] * cdi
    if own["nb_er"]:
        cdi = module.ER(**cycles) ** own["nb_er"] * cdi
    del options["positivity"]
    return module.FourierApplyAmplitude(calc_llk=True, obj_stats=True, **options) * cdi
