"""The methods of a study by name, but for those that learn from one scan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills import Filler, Guess
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.studies.config import StudyConfig
from bcdi_inpaint.studies.fillers import ImageFiller, LastSeen, classical_filler, volume_filler
from bcdi_inpaint.studies.judged_networks import NETWORKS
from bcdi_inpaint.studies.reports import RELEASED


def study_methods(
    config: StudyConfig, models: Mapping[str, Model], device: str
) -> dict[str, Filler]:
    """The classical methods of a study, and networks.

    Parameters
    ----------
    config : of the study.
    models : the networks' weights, by name.
    device : where networks compute: ``auto``, ``cpu`` or ``cuda``.
    """
    found = {name: classical_filler(name) for name in config.classical}
    last = LastSeen()
    for name, model in models.items():
        if config.n_dim == 2:
            found[name] = ImageFiller(model, device, last)
        else:
            found[name] = volume_filler(model, device)
    return found


def with_gone(
    methods: Mapping[str, Filler], gone: Iterable[str], networks: Sequence[str]
) -> dict[str, Filler]:
    """The methods, and in their places networks without weights, whose fills were judged.

    Parameters
    ----------
    methods : by name.
    gone : names of networks without weights.
    networks : names of all that the study trains, in its order.
    """
    every = {**methods, **{name: _gone(name) for name in gone}}
    before = [name for name in methods if name not in (*networks, RELEASED)]
    return {name: every[name] for name in (*before, *networks, RELEASED) if name in every}


def _gone(name: str) -> Filler:
    """In the place of a network without weights."""

    def fill(*_: object, **__: object) -> Guess:
        raise InputError(
            f"{name} has to fill a gap, and its weights are gone, expected them: remove it from "
            f"{NETWORKS} of the parts, and it is trained again"
        )

    return fill
