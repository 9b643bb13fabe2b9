"""The course of a run of PyNX's runner: how it begins, and how it ends.

PyNX cuts its support anew until the end of RAAR. One that is cut too close takes off a part of the
crystal, and the log-likelihood then tells supports apart, not objects. So every run ends with a
support that stands a voxel clear of the crystal and stays. Runs that begin at an object that was
found before keep its support from the beginning: PyNX's updates would take them away from where
they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import binary_dilation

from bcdi_inpaint.phasing.carried_fill import Cycles
from bcdi_inpaint.phasing.pynx_scan import planned_cycles
from bcdi_inpaint.pynx_engine import import_pynx

SETTLING = {"nb_hio": 0, "nb_raar": 100, "nb_er": 50}
"""Cycles with a support that stays, at the end of a run."""
FROM_OBJECT = {"nb_hio": 0, "nb_raar": 150, "nb_er": 50, "support_update_period": 0, "detwin": 0}
"""Parameters of a run that begins at an object."""
CLEAR = 1
"""Voxels by which a support that stays is wider than PyNX's last one."""


def is_ours(params: dict[str, Any]) -> bool:
    """Whether the course of a run is ours to say.

    It is the user's where they chose an algorithm, a support, or ML at the end.
    """
    chosen = (params["algorithm"], params["support_formula"])
    own_support = params["support"] != "auto" or not params["support_update_period"]
    return chosen == (None, None) and not own_support and not params["nb_ml"]


def cycles_of(params: dict[str, Any], *, from_object: bool) -> Cycles:
    """The cycles of a run with a runner's parameters.

    Parameters
    ----------
    params : of the runner.
    from_object : whether the run begins at an object.
    """
    if from_object:
        return planned_cycles(params | FROM_OBJECT)
    planned = planned_cycles(params)
    return planned + _settling() if is_ours(params) else planned


def _settling() -> Cycles:
    return Cycles(0, sum(SETTLING.values()))


def describe(params: dict[str, Any], *, from_object: bool) -> str:
    """The cycles of a run in words.

    Parameters
    ----------
    params : of the runner.
    from_object : whether the run begins at an object.
    """
    if from_object:
        return f"from an object of the refinement, {_chain(params | FROM_OBJECT)}"
    if params["algorithm"] is not None:
        return str(params["algorithm"])
    settling = f", with its support as it is {_chain(params | SETTLING)}"
    return f"{_chain(params)}{settling if is_ours(params) else ''}"


def _chain(params: dict[str, Any]) -> str:
    names = ("hio", "raar", "er", "ml")
    cycles = ((name.upper(), params[f"nb_{name}"]) for name in names)
    return ", ".join(f"{name} {n}" for name, n in cycles if n)


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
    raar = module.RAAR(beta=params["beta"], **cycles) ** SETTLING["nb_raar"]
    er = module.ER(**cycles) ** SETTLING["nb_er"]
    del options["positivity"]
    last = module.FourierApplyAmplitude(calc_llk=True, obj_stats=True, **options)
    return last * er * raar * cdi
