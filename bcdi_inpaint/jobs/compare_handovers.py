"""A scan phased twice, with its fill and with its gaps masked: which came out better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import check_output, read_fill, read_provenance, split_spec
from bcdi_inpaint.jobs.phase import Request, Result, default_result, phase
from bcdi_inpaint.jobs.provenance import read_handover
from bcdi_inpaint.jobs.run_folder import is_of_runs
from bcdi_inpaint.phasing.benefit import read_advice, read_verdict
from bcdi_inpaint.phasing.handover import AUTO, WORTHWHILE, is_compared, resolve_handover
from bcdi_inpaint.phasing.selection import free_misfit, is_better
from bcdi_inpaint.plots import checked_picture
from bcdi_inpaint.safe_files import write_files
from bcdi_inpaint.scan.remarks import Remark, telling_once

__all__ = ["Comparison", "compare_handovers", "comparing_is_advised"]


@dataclass(frozen=True)
class Comparison:
    """What a scan's crystal is with its fill and without.

    Attributes
    ----------
    filled, masked : the two, each with all of its runs.
    output, picture : of the better one.
    """

    filled: Result
    masked: Result
    output: Path
    picture: Path

    @property
    def better(self) -> Result:
        """The one whose best run predicts the free voxels better; masked where both do alike."""
        return self.filled if is_better(self.filled.best, self.masked.best) else self.masked

    @property
    def taken(self) -> Result:
        """The better one by the names that were asked for, and the time of both."""
        seconds = self.filled.seconds + self.masked.seconds
        return replace(self.better, output=self.output, picture=self.picture, seconds=seconds)

    def __str__(self) -> str:
        """One line with both figures.

        Each is of the best run, the free voxels are the same in all runs of both.
        """
        words = {"filled": self.filled, "masked": self.masked}
        figures = " and ".join(
            f"{free_misfit(one.best):.4g} with the gap {word}" for word, one in words.items()
        )
        name = "filled" if self.better is self.filled else "masked"
        return f"free log-likelihood {figures}: {name} is taken, {self.better.output}"


def comparing_is_advised(request: Request, say: Callable[[str], None] = lambda line: None) -> bool:
    """Whether a scan's file says to phase both ways, and nobody said how; told in one line."""
    file, inner = split_spec(request.scan)
    record = read_provenance(file) if inner is None else {}
    verdict, own = read_verdict(record), read_handover(record)
    refined = str(record.get("refined", False)) == "True"
    is_own_choice = own != resolve_handover(AUTO, verdict, refined=refined)
    if request.handover is not None or is_own_choice or not is_compared(AUTO, verdict):
        return False
    say(f"{read_advice(record)}: phasing both ways, in twice the time; --no-compare takes {own}")
    return True


def compare_handovers(
    request: Request,
    *,
    say: Callable[[str], None] = lambda line: None,
    note: Callable[[Remark], None] = lambda remark: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Comparison:
    """Phase a scan's file with its fill, then with its gaps masked, from the same seed.

    A gap so narrow that phase retrieval nearly finds it by itself may lose by a fill. Voxels that
    no cycle sees (`llk_free`) tell which came out better without knowing the crystal. Interrupted,
    the same request goes on where it was.

    Parameters
    ----------
    request : what the user asks for; its `handover` is the fill's, as the file says where None, and
        as a prior where that is masked. ``_filled`` and ``_masked`` are added to its `output`,
        which is a copy of the better one.
    say : gets a line at each stage.
    note : gets what has to be said about how the scan was read.
    progress : called with (cycles done, cycles in all) of either.

    Raises
    ------
    InputError
        The file holds no fill, `handover` is ``mask``, an output exists, or as `phase` does.
    KeyboardInterrupt
        It says where the runs are that were done.
    """
    output = request.output or default_result(request.scan)
    check_output(output, request.force, [request.scan])
    picture = checked_picture(output.with_suffix(".png"), request.force)
    both = [_one_way(request, output, *way) for way in _ways(request)]
    once = telling_once(note)
    tell: dict[str, Any] = {
        "say": say,
        "note": lambda remark: once((remark,)),
        "progress": progress,
    }
    filled, masked = (phase(one, **tell) for one in both)
    compared = Comparison(filled, masked, output, picture)
    of_better = {output: compared.better.output, picture: compared.better.picture}
    contents = {path: made.read_bytes() for path, made in of_better.items()}
    write_files(contents, force=request.force)
    return compared


def _ways(request: Request) -> list[tuple[str, str]]:
    """What is added to the output's name, and the hand-over, of either."""
    stored = read_fill(request.scan)
    if stored is None or request.handover == "mask":
        fault = "holds no fill" if stored is None else "is to be compared with --handover mask"
        raise InputError(
            f"{request.scan} {fault}, expected a fill to compare with the gap masked: take an "
            "output of `bcdi-inpaint predict` and another --handover, or leave out --compare"
        )
    own = read_handover(stored.provenance)
    wanted = request.handover or (WORTHWHILE if own == "mask" else own)
    return [("filled", wanted), ("masked", "mask")]


def _one_way(request: Request, output: Path, word: str, handover: str) -> Request:
    """What is asked for of either; an output that this left before may be written again."""
    own = output.with_name(f"{output.stem}_{word}{output.suffix}")
    again = is_of_runs(own)
    check_output(own, request.force or again, [request.scan])  # before the first is phased
    return replace(request, output=own, handover=handover, again=again)
