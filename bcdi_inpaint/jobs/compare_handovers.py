"""A scan phased twice, with its fill and with its gaps masked, and which of the two fits better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import check_output, read_fill
from bcdi_inpaint.jobs.phase import Request, Result, default_result, phase
from bcdi_inpaint.jobs.provenance import read_handover
from bcdi_inpaint.phasing.handover import WORTHWHILE
from bcdi_inpaint.phasing.selection import free_misfit
from bcdi_inpaint.scan.remarks import Remark, telling_once

__all__ = ["Comparison", "compare_handovers"]


@dataclass(frozen=True)
class Comparison:
    """What a scan's crystal is with its fill and without.

    Attributes
    ----------
    filled, masked : the two, each with all of its runs.
    """

    filled: Result
    masked: Result

    @property
    def better(self) -> Result:
        """The one whose best run predicts the free voxels better; masked where both do alike."""
        with_fill, without = (free_misfit(one.best) for one in (self.filled, self.masked))
        return self.filled if with_fill < without else self.masked

    def __str__(self) -> str:
        """One line with both figures.

        Each is of the best run, the free voxels are the same in all runs of both.
        """
        words = {"filled": self.filled, "masked": self.masked}
        figures = " and ".join(
            f"{free_misfit(one.best):.4g} with the gap {word}" for word, one in words.items()
        )
        name = "filled" if self.better is self.filled else "masked"
        return f"free log-likelihood {figures}: take {name}, {self.better.output}"


def compare_handovers(
    request: Request,
    *,
    say: Callable[[str], None] = lambda line: None,
    note: Callable[[Remark], None] = lambda remark: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Comparison:
    """Phase a scan's file with its fill, then with its gaps masked, from the same seed.

    A gap so narrow that phase retrieval nearly finds it by itself may lose by a fill. Voxels that
    no cycle sees (`llk_free`) tell which came out better without knowing the crystal.

    Parameters
    ----------
    request : what the user asks for; its `handover` is the fill's, as the file says where None, and
        as a prior where that is masked. ``_filled`` and ``_masked`` are added to its `output`.
    say : gets a line at each stage.
    note : gets what has to be said about how the scan was read.
    progress : called with (cycles done, cycles in all) of either.

    Raises
    ------
    InputError
        The file holds no fill, `handover` is ``mask``, an output exists, or as `phase` does.
    KeyboardInterrupt
        It says what is done, and how to do the rest.
    """
    stored = read_fill(request.scan)
    if stored is None or request.handover == "mask":
        fault = "holds no fill" if stored is None else "is to be compared with --handover mask"
        raise InputError(
            f"{request.scan} {fault}, expected a fill to compare with the gap masked: take an "
            "output of `bcdi-inpaint predict` and another --handover, or leave out --compare"
        )
    own = read_handover(stored.provenance)
    wanted = request.handover or (WORTHWHILE if own == "mask" else own)
    base = request.output or default_result(request.scan)
    outputs = [base.with_name(f"{base.stem}_{word}{base.suffix}") for word in ("filled", "masked")]
    for output in outputs:  # before the first is phased
        check_output(output, request.force, [request.scan])
    once = telling_once(note)
    filled, masked = (
        replace(request, output=output, handover=handover)
        for output, handover in zip(outputs, (wanted, "mask"), strict=True)
    )
    tell: dict[str, Any] = {
        "say": say,
        "note": lambda remark: once((remark,)),
        "progress": progress,
    }
    with_fill = phase(filled, **tell)
    try:
        return Comparison(with_fill, phase(masked, **tell))
    except KeyboardInterrupt as pressed:
        raise KeyboardInterrupt(
            f"interrupted: the crystal with the fill is done, {filled.output}; for the other take "
            f"--handover mask -o {masked.output} and the same options in place of --compare"
        ) from pressed
