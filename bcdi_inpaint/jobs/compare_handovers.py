"""A scan phased with its fill and with its gaps masked, two ways or three: which came out best."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import (
    check_output,
    has_unseen,
    read_fill,
    read_provenance,
    split_spec,
)
from bcdi_inpaint.jobs.phase import Request, Result, default_result, phase
from bcdi_inpaint.jobs.phased_knowledge import knowledge_of, split_knowledge
from bcdi_inpaint.jobs.phasing_job import RANDOM
from bcdi_inpaint.jobs.provenance import read_handover
from bcdi_inpaint.jobs.run_folder import is_finished, is_of_runs, set_aside
from bcdi_inpaint.phasing.benefit import read_advice, read_verdict
from bcdi_inpaint.phasing.handover import AUTO, WORTHWHILE, is_compared, resolve_handover
from bcdi_inpaint.phasing.pynx_course import may_begin_at_objects
from bcdi_inpaint.phasing.pynx_runs import check_arguments
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.selection import best_of, free_misfit, judged
from bcdi_inpaint.plots import checked_picture
from bcdi_inpaint.safe_files import write_files
from bcdi_inpaint.scan.remarks import Remark, telling_once

__all__ = ["Comparison", "compare_handovers", "comparing_is_advised"]


NOTHING_KNOWN = ("--psf", "none", "--density", "0")
"""A coherent beam, and nothing of the crystal's density.

A background stays known: with other counts the log-likelihoods could not be compared.
"""
WORDS = {
    "masked": "with the gap masked",
    "plain": "with the gap masked and nothing known from the file",
    "filled": "with the gap filled",
}
"""What is added to the names of outputs, and what it means; in doubt the first is taken."""
FROM_OBJECT = "from an object of the refinement, whose gap is free either way"
"""What it means where the best run began there: with a fill and without it is the same run."""


@dataclass(frozen=True)
class Comparison:
    """What a scan's crystal is with its fill and without.

    Attributes
    ----------
    ways : by `WORDS`, each with all of its runs; ``plain`` where the others know more, of beam or
        density or an object.
    output, picture : of the better one.
    """

    ways: Mapping[str, Result]
    output: Path
    picture: Path

    @property
    def better(self) -> str:
        """The one of `WORDS` whose best run predicts the free voxels best."""
        ways = {word: self.ways[word].best for word in WORDS if word in self.ways}
        return best_of({word: judged(one) for word, one in ways.items()})

    @property
    def taken(self) -> Result:
        """The better one by the names that were asked for, and the time of all."""
        seconds = sum(one.seconds for one in self.ways.values())
        better = self.ways[self.better]
        return replace(better, output=self.output, picture=self.picture, seconds=seconds)

    def __str__(self) -> str:
        """One line with all figures.

        Each is of the best run, the free voxels are the same in all runs of every way. The free log
        error is told where it may decide, see `choose`. Without free voxels the log-likelihood is
        that of all.
        """
        told = {_told(word, one.best): one.best for word, one in self.ways.items()}
        bests, figures = list(told.values()), ", ".join(told)
        known = not any(np.isnan(one.free_log_error) for one in bests)  # not in older results
        if known and len({one.begun for one in bests}) > 1:
            errors = (f"{one.free_log_error:.3g}" for one in bests)
            figures += f", their log errors {', '.join(errors)}"
        better = self.ways[self.better].output
        kind = "log-likelihood" if _has_no_free(bests) else "free log-likelihood"
        return f"{kind} {figures}: {self.better} is taken, {better}"


def _told(word: str, best: Reconstruction) -> str:
    """The figure of the best run of one of `WORDS`, and how it came to be."""
    return f"{free_misfit(best):.4g} {FROM_OBJECT if best.begun else WORDS[word]}"


def _has_no_free(bests: Iterable[Reconstruction]) -> bool:
    return any(np.isnan(one.llk_free) for one in bests)


def comparing_is_advised(request: Request, say: Callable[[str], None] = lambda line: None) -> bool:
    """Whether a scan's file says to phase both ways, and nobody said how; told in one line."""
    file, inner = split_spec(request.scan)
    record = read_provenance(file) if inner is None else {}
    verdict, own = read_verdict(record), read_handover(record)
    refined = str(record.get("refined", False)) == "True"
    is_own_choice = own != resolve_handover(AUTO, verdict, refined=refined)
    if request.handover is not None or is_own_choice or not is_compared(AUTO, verdict):
        return False
    times = "twice" if not _knows(record, request) else "three times"
    if _judges_objects(request):
        times = "less than three times"  # runs from objects are short
    how = f"phasing it with the fill and without, in {times} the time; --no-compare takes {own}"
    say(f"{read_advice(record)}: {how}")
    return True


def compare_handovers(
    request: Request,
    *,
    say: Callable[[str], None] = lambda line: None,
    note: Callable[[Remark], None] = lambda remark: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Comparison:
    """Phase a scan's file with its fill, then with its gaps masked, from the same seed.

    A gap so narrow that phase retrieval nearly finds it by itself may lose by a fill, and by what
    was found of beam and density. Voxels that no cycle sees (`llk_free`) tell which came out best
    without knowing the crystal. Where the file has voxels that its refinement has not seen, these
    judge all, the first two ways begin at its objects, and the third is random starts that know
    nothing. Else all starts are random: objects would be judged too well. Interrupted, the same
    request goes on where it was.

    Parameters
    ----------
    request : what the user asks for; its `handover` is the fill's, as the file says where None, and
        as a prior where that is masked. `WORDS` are added to its `output`, which is a copy of the
        best one.
    say : gets a line at each stage.
    note : gets what has to be said about how the scan was read.
    progress : called with (cycles done, cycles in all) of either.

    Raises
    ------
    InputError
        The file holds no fill, `handover` is ``mask``, an output exists, no voxel is free to
        judge a fill that is taken for measured, or as `phase` does.
    KeyboardInterrupt
        It says where the runs are that were done.
    """
    output = request.output or default_result(request.scan)
    check_output(output, request.force, [request.scan])
    picture = checked_picture(output.with_suffix(".png"), request.force)
    asked = {word: _one_way(one, output, word) for word, one in _ways(request).items()}
    once = telling_once(note)
    tell: dict[str, Any] = {
        "say": say,
        "note": lambda remark: once((remark,)),
        "progress": progress,
    }
    if request.force:
        _begin_anew([one.output for one in asked.values() if one.output is not None])
    ways: dict[str, Result] = {}
    for word, one in asked.items():
        ways[word] = phase(one, **tell)
        _check_comparable(ways[word].best)
    compared = Comparison(ways, output, picture)
    better = compared.ways[compared.better]
    contents = {output: better.output.read_bytes(), picture: better.picture.read_bytes()}
    write_files(contents, force=request.force)
    return compared


def _begin_anew(outputs: Sequence[Path]) -> None:
    """Have a comparison that is finished done anew; one that was interrupted goes on."""
    if all(map(is_finished, outputs)):
        for output in outputs:
            set_aside(output)


def _check_comparable(best: Reconstruction) -> None:
    """Refuse to compare log-likelihoods of other voxels: a fill that is measured for PyNX fits."""
    handed = best.handed
    if handed is not None and handed.filled.any() and _has_no_free([best]):
        size = " x ".join(map(str, handed.counts.shape))
        raise InputError(
            f"no voxel of {size} is free to judge handover {handed.name} against the gap masked, "
            "expected some: give a larger --crop or --handover prior, or leave out --compare"
        )


def _ways(request: Request) -> dict[str, Request]:
    """What is asked for of each of `WORDS`."""
    stored = read_fill(request.scan)
    if stored is None or request.handover == "mask":
        fault = "holds no fill" if stored is None else "is to be compared with --handover mask"
        raise InputError(
            f"{request.scan} {fault}, expected a fill to compare with the gap masked: take an "
            "output of `bcdi-inpaint predict` and another --handover, or leave out --compare"
        )
    own = read_handover(stored.provenance)
    wanted = request.handover or (WORTHWHILE if own == "mask" else own)
    fair = _judges_objects(request)  # else objects were fitted to what the ways are judged by
    ours = replace(request, compared=True) if fair else replace(request, start=RANDOM)
    masked = replace(ours, handover="mask")
    ways = {"filled": replace(ours, handover=wanted), "masked": masked}
    if fair or _knows(stored.provenance, request):
        ways["plain"] = replace(masked, start=RANDOM, pynx=(*NOTHING_KNOWN, *request.pynx))
    return ways


def _judges_objects(request: Request) -> bool:
    """Whether runs may begin at the file's objects, and voxels judge that these have not seen."""
    if request.start == RANDOM or not has_unseen(request.scan):
        return False
    words, _ = split_knowledge(request.pynx)
    params = check_arguments(request.preset, words)
    return may_begin_at_objects(params) and params["free_pixel_mask"] is None  # the user's own


def _knows(record: Mapping[str, Any], request: Request) -> bool:
    """Whether the file says something of beam or density, and the user nothing."""
    named = {word.partition("=")[0] for word in request.pynx}
    known = knowledge_of(record, {})
    is_said = bool(named & {"--psf", "--density"})
    return not is_said and (any(known.psf_sigma) or known.density.strength > 0)


def _one_way(request: Request, output: Path, word: str) -> Request:
    """What is asked for of one; an output that this left before may be written again."""
    own = output.with_name(f"{output.stem}_{word}{output.suffix}")
    again = request.force or is_of_runs(own)
    check_output(own, again, [request.scan])  # before the first is phased
    return replace(request, output=own, again=again)
