"""The methods of a study as the evaluation of fills calls them."""

from __future__ import annotations

import time
from contextlib import suppress

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.classical.methods import METHODS
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills import Filler, Guess
from bcdi_inpaint.filling.images import fill_image, see_image
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.filling.learned_fill import Box3D, LearningOptions, Start, learn
from bcdi_inpaint.gaps.pseudo_gap import make_pseudo_gap
from bcdi_inpaint.network.channels import Features, GuessKind
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.selftaught.budget import Budget


class Watched:
    """A filler whose last guess, and the seconds that it took, are kept.

    Attributes
    ----------
    guess : of the last call.
    seconds : that it took, and what it would have taken alone: see `ImageFiller`.
    """

    def __init__(self, fill: Filler) -> None:
        self._fill = fill
        self.guess: Guess | None = None
        self.seconds = 0.0

    def __call__(self, counts: np.ndarray, gap_mask: BoolArray, *, bad_mask: BoolArray) -> Guess:
        """See `Filler`."""
        began = time.process_time()
        self.guess = self._fill(counts, gap_mask, bad_mask=bad_mask)
        self.seconds = time.process_time() - began
        if isinstance(self._fill, ImageFiller):
            self.seconds += self._fill.not_own
        return self.guess


class LastSeen:
    """What networks see of the last image: those of one guess see the same, so it is made once."""

    def __init__(self) -> None:
        self._known: np.ndarray | None = None
        self._made: dict[GuessKind, tuple[Features, float]] = {}

    def of(
        self, counts: np.ndarray, unknown: BoolArray, guess: GuessKind
    ) -> tuple[Features, float]:
        """What a network sees of an image, and the seconds the processor computed to make it.

        Parameters
        ----------
        counts : (n_y, n_x) photon counts.
        unknown : (n_y, n_x) bool, gaps and bad voxels.
        guess : how the first guess is made.
        """
        known = np.where(unknown, -1, counts)
        if self._known is None or not np.array_equal(self._known, known):
            self._known, self._made = known, {}
        if guess not in self._made:
            began = time.process_time()
            features = see_image(counts, unknown, guess)
            self._made[guess] = features, time.process_time() - began
        return self._made[guess]


class ImageFiller:
    """A network of two dimensions, on scans of one frame.

    Attributes
    ----------
    not_own : seconds to add to those of the last call: what a network that begins at a guess
        would have taken to make it, had another one not made it before; below 0 where one that does
        not look at it made it for the others.

    Parameters
    ----------
    model : the network.
    device : ``auto``, ``cpu`` or ``cuda``.
    last : what networks saw last, which those of one study share.
    """

    def __init__(self, model: Model, device: str, last: LastSeen) -> None:
        self._model, self._device, self._last = model, device, last
        self.not_own = 0.0

    def __call__(self, counts: np.ndarray, gap_mask: BoolArray, *, bad_mask: BoolArray) -> Guess:
        """See `Filler`."""
        image, gap, bad = counts[0], gap_mask[0], bad_mask[0]
        began = time.process_time()
        config = self._model.network.config
        seen, making = self._last.of(image, gap | bad, config.guess)
        took = time.process_time() - began
        looks = getattr(config, "inputs", "ours") == "ours"
        self.not_own = (making if looks else 0.0) - took
        filled = fill_image(image, gap, self._model, bad_mask=bad, device=self._device, seen=seen)
        return Guess(filled[None], gap_mask)


def volume_filler(model: Model, device: str) -> Filler:
    """A network of three dimensions, without intervals.

    Parameters
    ----------
    model : the network.
    device : ``auto``, ``cpu`` or ``cuda``.
    """

    def fill(counts: np.ndarray, gap_mask: BoolArray, *, bad_mask: BoolArray) -> Guess:
        found = inpaint(counts, gap_mask, model, device, bad_mask=bad_mask, calibrate=False)
        return Guess(found.counts, found.filled)

    return fill


def learner_name(method: str, start: Start) -> str:
    """A method that learns from one scan, and what it learns, in tables.

    Examples
    --------
    >>> learner_name("dip", "published"), learner_name("dip", "smooth")
    ('dip', 'dip from a smooth fit')
    """
    return method if start == "published" else f"{method} from a smooth fit"


IN_A_STUDY = {
    "minutes is": "learning.minutes of all runs is",
    "more --minutes": "more learning.minutes",
    "or another --method": "or leave it out of learning.methods",
}
"""What a study has in the place of the options of `predict`."""


def _in_a_study(said: str) -> str:
    for option, key in IN_A_STUDY.items():
        said = said.replace(option, key)
    return said


class LearningFiller:
    """A method that learns from the one scan it fills; linear where it fills nothing.

    Attributes
    ----------
    spread : between the runs of the last fill, standard deviation of log counts.
    steps : of these runs together.
    at_fit : how many of these runs are the smooth fit that they began at.
    """

    def __init__(self, method: str, options: LearningOptions, device: str) -> None:
        self._method, self._options, self._device = method, options, device
        self.spread, self.steps, self.at_fit = 0.0, 0, 0

    def __call__(self, counts: np.ndarray, gap_mask: BoolArray, *, bad_mask: BoolArray) -> Guess:
        """See `Filler`."""
        options, unknown = self._options, gap_mask | bad_mask
        hidden = np.zeros_like(unknown)
        with suppress(InputError):  # no room: then the last step is taken, not the best
            hidden = make_pseudo_gap(gap_mask, unknown)
        logs = np.log1p(np.where(unknown, 0, counts)).astype(np.float32)
        steps = options.dip_steps if self._method == "dip" else options.gan_steps
        budget = Budget(steps * options.runs, options.minutes)
        box = Box3D(logs, unknown, gap_mask, hidden)
        try:
            learned = learn(self._method, box, budget, choose_device(self._device), options)
        except InputError as error:
            raise InputError(f"{self._method}: {_in_a_study(str(error))}") from error
        self.spread, self.steps, self.at_fit = learned.spread, learned.steps, learned.at_fit
        filled = METHODS["linear"](counts, gap_mask, bad_mask=bad_mask)
        made = gap_mask & np.isfinite(learned.log_counts)
        filled[made] = np.expm1(learned.log_counts[made])
        return Guess(filled, gap_mask)
