"""The methods of a study by name, but for those that learn from one scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills import Filler, Guess, classical_filler
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.studies.config import StudyConfig
from bcdi_inpaint.studies.contestants import own_widths
from bcdi_inpaint.studies.fillers import ImageFiller, LastSeen, volume_filler
from bcdi_inpaint.studies.first_guess import FIRST_GUESS, first_guess_model
from bcdi_inpaint.studies.judged_networks import NETWORKS
from bcdi_inpaint.studies.reports import RELEASED
from bcdi_inpaint.studies.trained_networks import Trained


@dataclass(frozen=True)
class StudyMethods:
    """What a study compares.

    Attributes
    ----------
    fillers : by name, in the order of the tables; also networks without weights, which can fill
        nothing.
    hashes : of the networks' weights, by name; also of those that are gone.
    gone : names of networks without weights, whose fills were judged.
    widths : of the gaps that a network is for, by its name; others are for all.
    """

    fillers: Mapping[str, Filler]
    hashes: Mapping[str, str]
    gone: Sequence[str]
    widths: Mapping[str, int]


def study_methods(config: StudyConfig, trained: Sequence[Trained], device: str) -> StudyMethods:
    """The classical methods of a study, and networks.

    Parameters
    ----------
    config : of the study.
    trained : the networks that the study trains, in its order.
    device : where networks compute: ``auto``, ``cpu`` or ``cuda``.
    """
    guess = first_guess_model(config.n_dim)
    networks: dict[str, Model | None] = {FIRST_GUESS: guess}
    networks |= {each.contestant.name: each.model for each in trained}
    hashes = {FIRST_GUESS: guess.sha256} | {each.contestant.name: each.sha256 for each in trained}
    if config.released and config.n_dim == 3:
        networks[RELEASED] = released = load_model()
        hashes[RELEASED] = released.sha256
    found = {name: classical_filler(name) for name in config.classical}
    last = LastSeen()
    for name, model in networks.items():
        if model is None:
            found[name] = _gone(name)
        elif config.n_dim == 2:
            found[name] = ImageFiller(model, device, last)
        else:
            found[name] = volume_filler(model, device)
    gone = [name for name, model in networks.items() if model is None]
    return StudyMethods(found, hashes, gone, own_widths([each.contestant for each in trained]))


def say_lack(name: str, where: str) -> str:
    """A line on what a network without weights was not judged in.

    Parameters
    ----------
    name : of the network.
    where : gaps, cubes or fills.
    """
    return f"{name}: its weights are gone, and it was not judged in {where}, which lack it"


def _gone(name: str) -> Filler:
    """In the place of a network without weights."""

    def fill(*_: object, **__: object) -> Guess:
        raise InputError(
            f"{name} has to fill a gap, and its weights are gone, expected them: remove it from "
            f"{NETWORKS} of the parts, and it is trained again"
        )

    return fill
