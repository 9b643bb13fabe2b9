"""The last step's part of a training: gaps on whole patterns, and what is learned from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import LogPatterns
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.network.symmetry_step import SymmetryStep
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.running.progress import with_progress
from bcdi_inpaint.training.last_step import (
    PLACEMENTS,
    Case,
    Hidden,
    hide,
    learn,
    look_at,
    rms_errors,
)
from bcdi_inpaint.training.plan import LastStepConfig
from bcdi_inpaint.training.sizes import no_room
from bcdi_inpaint.training.streams import Stream

TRIED = 10
"""Steps of the optimiser that are taken to see how long all will take; there are no fewer then."""


@dataclass(frozen=True)
class Watch:
    """The time that there is for the step.

    Attributes
    ----------
    clock : what counts the seconds.
    seconds : for gathering gaps and for learning from them; None for no limit.
    """

    clock: Callable[[], float]
    seconds: float | None


@dataclass(frozen=True)
class Gaps:
    """Gaps that are put on patterns.

    Attributes
    ----------
    patterns : (n, n_rock, n_y, n_x) log(1 + expected photons).
    number : of them that are looked at, at most.
    widths : of the gaps, in lines.
    stream, seed : of all that is drawn.
    name : what their progress is called.
    """

    patterns: LogPatterns
    number: int
    widths: Sequence[int]
    stream: Stream
    seed: int
    name: str = "last step"

    @property
    def count(self) -> int:
        """How many gaps there are, those too that have no place."""
        return min(self.number, len(self.patterns)) * len(self.widths)

    def __iter__(self) -> Iterator[tuple[Hidden | None, np.random.Generator]]:
        """Each gap with what draws its voxels, None where it has no place; in a drawn order."""
        order = self.stream.generator(self.seed).permutation(len(self.patterns))
        for place, index in enumerate(order[: self.number]):
            expectation = np.expm1(self.patterns[index].astype(np.float32))
            for turn, width in enumerate(self.widths, place):
                rng = self.stream.generator(self.seed, int(index), width)
                counts = rng.poisson(expectation).astype(np.float32)
                placement = PLACEMENTS[turn % len(PLACEMENTS)]
                yield hide(counts, expectation, placement, width, rng), rng


def gaps_to_learn_from(patterns: LogPatterns, settings: LastStepConfig, seed: int) -> Gaps:
    """The gaps that a step is learned from.

    Parameters
    ----------
    patterns : (n, n_rock, n_y, n_x) log(1 + expected photons), those that were trained on.
    settings : how many patterns, and which gaps.
    seed : of the training.
    """
    return Gaps(patterns, settings.patterns, settings.widths, Stream.LAST_STEP, seed)


def check_room(patterns: LogPatterns, settings: LastStepConfig, seed: int) -> None:
    """Find out before anything is trained whether some gap to learn a step from has a place.

    Parameters
    ----------
    patterns, settings, seed : see `gaps_to_learn_from`.

    Raises
    ------
    InputError
        None has.
    """
    if all(hidden is None for hidden, _ in gaps_to_learn_from(patterns, settings, seed)):
        raise no_room(settings, patterns.shape[1:])


@dataclass(frozen=True)
class Gathered:
    """What there is to learn from, and the time for it.

    Attributes
    ----------
    cases : one for each gap.
    steps : of the optimiser: those of the settings, or as many as there is time for.
    """

    cases: list[Case]
    steps: int


@dataclass(frozen=True)
class LearnedStep:
    """A step, and what it was learned from.

    Attributes
    ----------
    step : behind the network whose gaps they were; None where there was nothing to learn from.
    card : in values that JSON holds.
    """

    step: SymmetryStep | None
    card: dict[str, object]


def train_last_step(
    model: Model,
    patterns: LogPatterns,
    held_out: LogPatterns | None,
    settings: LastStepConfig,
    seed: int,
    watch: Watch,
    *,
    device: str = "auto",
    quiet: bool = False,
) -> LearnedStep:
    """Look at gaps that a network fills in patterns, and learn its last step from them.

    Parameters
    ----------
    model : the trained network.
    patterns : (n, n_rock, n_y, n_x) log(1 + expected photons) to learn from.
    held_out : the same, to say what the step is good for; None for none.
    settings : of what, and how long.
    seed : of everything that is drawn.
    watch : the time that there is.
    device : where the network fills: ``auto``, ``cpu`` or ``cuda``.
    quiet : show no progress.
    """
    gaps, began = gaps_to_learn_from(patterns, settings, seed), watch.clock()
    gathered = gather(gaps, model, settings, watch, device=device, quiet=quiet)
    cases, steps = gathered.cases, gathered.steps
    card: dict[str, object] = {
        "gaps": len(cases),
        "voxels": sum(len(case.truth) for case in cases),
        "steps": steps,
        "seed": seed,
    }
    if not cases:
        return LearnedStep(None, card)
    step = learn(cases, settings, seed, steps=steps)
    if watch.seconds is not None:  # else the card is the same every time
        card["seconds"] = round(watch.clock() - began, 1)
    if steps < settings.steps and not quiet:
        print(
            f"last step: {steps} of {settings.steps} steps, as its {watch.seconds:.3g} s of "
            "training.minutes allow: give more minutes, or a larger training.last_step.share"
        )
    if held_out is not None and settings.validation_patterns:
        number, stream = settings.validation_patterns, Stream.LAST_STEP_VALIDATION
        unseen = Gaps(held_out, number, settings.widths, stream, seed, "last step, held out")
        unlimited = Watch(watch.clock, None)
        found = gather(unseen, model, settings, unlimited, device=device, quiet=quiet)
        card |= _said_of(found.cases, step)
    return LearnedStep(step, card)


def gather(
    gaps: Gaps,
    model: Model,
    settings: LastStepConfig,
    watch: Watch,
    *,
    device: str = "auto",
    quiet: bool = False,
) -> Gathered:
    """Fill gaps, and keep what the step sees of them: all, or as many as there is time for.

    The time that learning will take is left over. There is one gap at least, if any has light;
    where it leaves too little time for all steps, there are fewer steps.

    Parameters
    ----------
    gaps : on patterns whose expectation is known.
    model : the network.
    settings : how many voxels of a gap, and what learning will be.
    watch : the time that there is.
    device : ``auto``, ``cpu`` or ``cuda``.
    quiet : show no progress.
    """
    found: list[Case] = []
    longest, end, steps = 0.0, np.inf, settings.steps
    began = last = watch.clock()
    for hidden, rng in with_progress(gaps, gaps.name, gaps.count, quiet):
        case = None
        if hidden is not None:
            with suppress(InputError):  # a pattern so dark that nothing can be filled from it
                case = look_at(hidden, model, rng, settings.voxels, device)
        now = watch.clock()
        longest, last = max(longest, now - last), now
        if case is None:
            continue
        if not found and watch.seconds is not None:
            each = _seconds_of_a_step(case, settings, watch)
            end = began + watch.seconds - each * settings.steps
            longest, last = 0.0, watch.clock()  # the first gap takes longer than any other
            if last > end:
                left = max(began + watch.seconds - last, 0)
                steps = min(steps, max(TRIED, int(left / max(each, 1e-9))))
        found.append(case)
        if last + longest > end:
            break
    return Gathered(found, steps)


def _seconds_of_a_step(case: Case, settings: LastStepConfig, watch: Watch) -> float:
    """How long one step of learning takes, from some after one to warm up."""
    learn([case], settings, 0, steps=1)
    began = watch.clock()
    learn([case], settings, 0, steps=TRIED)
    return (watch.clock() - began) / TRIED


def _said_of(unseen: Sequence[Case], step: SymmetryStep) -> dict[str, object]:
    """The errors of gaps that nothing was learned from, their mean before and after the step."""
    if not unseen:
        return {}
    before, after = np.mean([rms_errors(case, step) for case in unseen], axis=0)
    return {
        "validation_gaps": len(unseen),
        "rms_log_error_before": float(before),
        "rms_log_error_after": float(after),
    }
