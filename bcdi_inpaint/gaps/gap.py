"""A gap: lines of one axis between the chips of a detector, over the whole of the other axes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.scan.boxes import AXIS_NAMES

_FORM = re.compile(r"\s*(frames|rows|cols|columns)\s*=\s*(\d+)\s*:\s*(\d+)\s*", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Gap:
    """Lines start to stop - 1 of one axis, over the whole of the two others.

    `axis` is 0 (frames), 1 (rows) or 2 (columns). Raises InputError where the range is empty or
    begins before line 0.
    """

    axis: int
    start: int
    stop: int

    def __post_init__(self) -> None:
        if self.axis not in (0, 1, 2):
            raise InputError(
                f"gap axis {self.axis}, expected 0 (frames), 1 (rows) or 2 (columns): mend the axis"
            )
        if not 0 <= self.start < self.stop:
            raise InputError(
                f"gap {self} is empty or begins before line 0, expected 0 <= start < stop "
                "(half-open): give the first line and the one after the last"
            )

    def __str__(self) -> str:
        return f"{AXIS_NAMES[self.axis]} {self.start}:{self.stop}"

    def __repr__(self) -> str:
        return str(self)

    @property
    def width(self) -> int:
        """The number of lines."""
        return self.stop - self.start


def parse_gap(text: str) -> Gap:
    """Read ``rows=254:260`` as a Gap; also ``cols`` or ``columns``, and ``frames``.

    Raises InputError for any other text, and for an empty range.

    Examples
    --------
    >>> parse_gap("rows=254:260")
    rows 254:260
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise InputError(
            f"gap {text!r} is not understood, expected rows=a:b, cols=a:b or frames=a:b with "
            "whole numbers (half-open): for example --gap rows=254:260"
        )
    name = form[1].lower().replace("columns", "cols")
    return Gap(AXIS_NAMES.index(name), int(form[2]), int(form[3]))
