"""What hidden voxels of a scan tell of its gaps: a part of it, by the width of the gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import Float64Array


@dataclass(frozen=True)
class WidthRule:
    """The part of what is found in hidden voxels that a gap is given, and an offset beside it.

    Between the widths both are interpolated on the width's logarithm, beyond them they stay.

    Attributes
    ----------
    widths : of gaps in voxels, rising.
    part : at each width, 0 to 1.
    offset : at each width.
    """

    widths: tuple[float, ...]
    part: tuple[float, ...]
    offset: tuple[float, ...]

    def given(self, found: Float64Array, width: float) -> Float64Array:
        """What a gap is given of what was found.

        Parameters
        ----------
        found : (n,) logarithms of factors.
        width : of the gap, in voxels.

        Returns
        -------
        (n,) logarithms of factors.

        Examples
        --------
        >>> rule = WidthRule(widths=(6.0, 24.0), part=(0.5, 0.0), offset=(0.2, 0.0))
        >>> rule.given(np.array([0.4]), 6), rule.given(np.array([0.4]), 12)
        (array([0.4]), array([0.2]))
        """
        at = np.log(np.clip(width, self.widths[0], self.widths[-1]))
        part, offset = (
            np.interp(at, np.log(self.widths), each) for each in (self.part, self.offset)
        )
        return np.asarray(part * found + offset)


ALL = WidthRule((1.0,), (1.0,), (0.0,))
"""A gap is as the hidden voxels are."""
