"""The widths that detectors' gaps have, binned or not."""

from __future__ import annotations

# Widths in px of the gaps of MAXIPIX, Merlin and Timepix, of EIGER columns, and of EIGER rows.
_DETECTOR_WIDTHS = (3, 4, 5, 6, 10, 11, 12, 36, 37, 38, 39, 40, 41)
WIDEST = max(_DETECTOR_WIDTHS)
_BINNINGS = (1, 2, 3, 4)

# A gap of w lines that is binned by b leaves w // b empty lines, or one less where its ends fall
# inside binned lines. A single empty line is a dead line, not a gap.
KNOWN_WIDTHS = frozenset(
    width
    for raw in _DETECTOR_WIDTHS
    for binning in _BINNINGS
    for width in range((raw - binning + 1) // binning, -(-raw // binning) + 1)
    if width >= 2
)
