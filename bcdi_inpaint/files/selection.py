"""What of a file is read."""

from __future__ import annotations

from dataclasses import dataclass

from bcdi_inpaint.scan.boxes import Box
from bcdi_inpaint.scan.crop import Crop

WHOLE = slice(None), slice(None), slice(None)


@dataclass(frozen=True)
class Selection:
    """The part of the array that is wanted; None for all of it."""

    crop: Crop | None = None

    def slices(self, shape: tuple[int, ...]) -> Box:
        """The part of an array (n_rock, n_y, n_x); InputError where it does not have it."""
        return WHOLE if self.crop is None else self.crop.slices(shape)
