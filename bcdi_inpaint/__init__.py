"""Fill detector gaps in Bragg coherent diffraction scans.

>>> from bcdi_inpaint import inpaint
>>> fill = inpaint(counts, gap_mask)  # doctest: +SKIP
>>> fill.counts  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["Fill", "InputError", "inpaint"]

if TYPE_CHECKING:
    from bcdi_inpaint.errors import InputError
    from bcdi_inpaint.filling.fill import Fill
    from bcdi_inpaint.filling.inpainting import inpaint


def __getattr__(name: str) -> Any:
    """`inpaint` and `Fill` bring torch along, so they are imported when they are asked for."""
    if name in ("Fill", "inpaint"):
        from bcdi_inpaint.filling import inpainting

        return getattr(inpainting, name)
    if name == "InputError":
        from bcdi_inpaint.errors import InputError

        return InputError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
