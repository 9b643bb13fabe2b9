"""A crop: the part of a detector's frames that is read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.scan.boxes import AXIS_NAMES, Box

Range = tuple[int, int]

_RANGE = re.compile(r"\s*(\d*)\s*:\s*(\d*)\s*")


@dataclass(frozen=True)
class Crop:
    """Half-open line ranges of an array (n_rock, n_y, n_x), None for the whole axis."""

    frames: tuple[int, int | None] = (0, None)
    rows: tuple[int, int | None] = (0, None)
    columns: tuple[int, int | None] = (0, None)

    def __str__(self) -> str:
        ranges = (self.frames, self.rows, self.columns)
        return ",".join(f"{start}:{'' if stop is None else stop}" for start, stop in ranges)

    @property
    def corner_yx(self) -> tuple[int, int]:
        """The row and column where it begins."""
        return self.rows[0], self.columns[0]

    def slices(self, shape: tuple[int, ...]) -> Box:
        """The same as slices of an array; InputError where it reaches outside the shape."""
        found = []
        for name, (start, stop), length in zip(
            AXIS_NAMES, (self.frames, self.rows, self.columns), shape, strict=True
        ):
            end = length if stop is None else stop
            if not 0 <= start < end <= length:
                raise InputError(
                    f"roi has {name} {start}:{end}, expected a part of {name} 0:{length}: "
                    "give lines of the array as it is stored"
                )
            found.append(slice(start, end))
        frames, rows, columns = found
        return frames, rows, columns


def slices_of(crop: Crop | None, shape: tuple[int, ...]) -> Box:
    """The part of an array (n_rock, n_y, n_x) that is wanted; all of it without a crop.

    Raises InputError where the array does not have it.
    """
    return (Crop() if crop is None else crop).slices(shape)


def parse_crop(text: str) -> Crop:
    """``y0:y1,x0:x1`` or ``frame0:frame1,y0:y1,x0:x1`` as a Crop; an end may be left out.

    Raises InputError for any other text.
    """
    forms = [_RANGE.fullmatch(part) for part in text.split(",")]
    if len(forms) not in (2, 3) or not all(forms):
        raise InputError(
            f"roi is {text!r}, expected y0:y1,x0:x1 (half-open) or frame0:frame1,y0:y1,x0:x1: "
            "for example --roi 100:250,80:230"
        )
    ranges = [
        (int(form[1] or 0), int(form[2]) if form[2] else None) for form in forms if form is not None
    ]
    return Crop(*([(0, None)] * (3 - len(ranges))), *ranges)
