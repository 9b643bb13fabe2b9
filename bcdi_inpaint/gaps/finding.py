"""Finding the lines of a scan that lie between a detector's chips.

Only whole rows and columns make a gap, so hot pixels and alien signal never enlarge one, and
masked frames never become one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.detectors import Detector, place_gaps
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import check_inside, gap_mask, merge_gaps, runs_of_lines
from bcdi_inpaint.running.threads import in_threads
from bcdi_inpaint.scan.boxes import Box, Shape, blocks
from bcdi_inpaint.scan.remarks import Remarks
from bcdi_inpaint.scan.scan import Measured
from bcdi_inpaint.scan.validity import invalid_voxels

# Widths in px of the gaps of MAXIPIX, Merlin and Timepix, of EIGER columns, and of EIGER rows.
_DETECTOR_WIDTHS = (3, 4, 5, 6, 10, 11, 12, 36, 37, 38, 39, 40, 41)
_WIDEST = max(_DETECTOR_WIDTHS)
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


@dataclass(frozen=True)
class GapSearchSettings:
    """What lines must show to be taken for a gap.

    Empty lines are also what a weak scan is mostly made of. The lines next to a gap must show
    enough pixels with counts that the gap would not be empty by chance.

    Attributes
    ----------
    expected_in_gap : pixels with counts that the gap would show if it were none, as its neighbours
        do; at 30 it is empty by chance once in exp(30) scans.
    fewest_beside : pixels with counts in each of the lines next to the gap.
    narrowest_at_edge : masked lines at the array's edge from which on they are a gap that the crop
        cuts; fewer are a detector's masked border.
    """

    expected_in_gap: int = 30
    fewest_beside: int = 4
    narrowest_at_edge: int = 3


SETTINGS = GapSearchSettings()


_BY_USER = "given by the user"
_BY_MASK = "lines that the file's mask covers in every frame"
_BY_COUNTS = "lines without counts in every frame, of a known gap width, between lines with signal"
_IN_SHORT = {
    _BY_MASK: "found in the file's mask",
    _BY_COUNTS: "found as lines without counts",
    f"{_BY_MASK} and {_BY_COUNTS}": "found in the file's mask and as lines without counts",
}


@dataclass(frozen=True)
class GapFinding:
    """The gaps of a scan, and how they were found. Iterating over it gives the gaps.

    Attributes
    ----------
    gaps : the gaps, sorted by axis and line.
    how : in words, how they were found.
    shape : (n_rock, n_y, n_x) of the scan.
    remarks : what has to be said about them and the counts around.
    """

    gaps: tuple[Gap, ...]
    how: str
    shape: Shape
    remarks: Remarks = ()

    def __iter__(self) -> Iterator[Gap]:
        return iter(self.gaps)

    def __len__(self) -> int:
        return len(self.gaps)

    def __repr__(self) -> str:
        return f"{', '.join(map(str, self.gaps))}: {_IN_SHORT.get(self.how, self.how)}"

    @property
    def mask(self) -> BoolArray:
        """(n_rock, n_y, n_x) bool, True = to fill."""
        return gap_mask(self.gaps, self.shape)


def find_gaps(
    scan: Measured,
    user: Iterable[Gap] = (),
    detector: Detector | None = None,
    roi: tuple[int, int] | None = None,
    binning: int = 1,
) -> GapFinding:
    """Find the gaps of a scan. The first of these ways that gives any is believed.

    1. `user`: what the user says.
    2. `detector`: its table, placed by `roi` and `binning` (see `detectors.place_gaps`).
    3. Whole rows and columns that the file's mask covers in every frame.
    4. Whole rows and columns without a single valid count in any frame, which have a known gap
       width and signal on both sides. These are also looked for, and added, where the mask covers
       no more than single lines or lines at the edge, which need not be the gap.

    Masked lines at the array's edge are reported from 3 px on, up to the widest known gap: a
    crop may cut a gap. Below that they are a detector's masked border, above it padding.

    Parameters
    ----------
    scan : the scan, in memory or in its file.
    user : gaps that the user gives, in lines of the scan.
    detector : the detector that the scan was taken with, from `gaps.detectors.DETECTORS`.
    roi : (y0, x0), the unbinned detector line of the scan's first row and column.
    binning : detector lines per line of the scan.

    Returns
    -------
    The gaps, and how they were found.

    Raises
    ------
    InputError
        Where no gap is found (the message says what was looked for), where a gap reaches outside
        the array, and where gaps or mask cover everything.
    """
    finding = _find(scan, merge_gaps(user), detector, roi, binning)
    check_inside(finding.gaps, scan.shape)
    return finding


def _find(
    scan: Measured,
    user: tuple[Gap, ...],
    detector: Detector | None,
    roi: tuple[int, int] | None,
    binning: int,
) -> GapFinding:
    if user:
        return GapFinding(user, _BY_USER, scan.shape)
    if detector is not None:
        return _from_table(scan, detector, roi, binning)
    always_bad = _always_bad(scan)
    if always_bad.all():
        raise InputError(
            f"all {math.prod(scan.shape)} voxels are masked, expected measured counts around the "
            "gaps: check the mask (non-zero = bad)"
        )
    by_mask = _masked_lines(always_bad, scan.shape)
    if any(gap.width > 1 and _inside(gap, scan.shape) for gap in by_mask):
        return GapFinding(by_mask, _BY_MASK, scan.shape)
    by_counts, doubtful = _empty_lines(scan)
    if not by_mask and not by_counts:
        raise InputError(_nothing_found(doubtful))
    how = [words for gaps, words in ((by_mask, _BY_MASK), (by_counts, _BY_COUNTS)) if gaps]
    return GapFinding(merge_gaps(by_mask + by_counts), " and ".join(how), scan.shape)


def _from_table(
    scan: Measured, detector: Detector, roi: tuple[int, int] | None, binning: int
) -> GapFinding:
    """The detector's table, placed on the scan."""
    _, n_y, n_x = scan.shape
    gaps = merge_gaps(place_gaps(detector, (n_y, n_x), roi, binning))
    y0, x0 = roi or (0, 0)
    placed = f"placed at row {y0}, column {x0}, binning {binning}"
    if not gaps:
        raise InputError(
            f"no gap of the {detector.name}, {placed}, crosses the array of {n_y} x {n_x} pixels, "
            "expected at least one: check --roi y0,x0 and --binning, or give --gap rows=a:b"
        )
    return GapFinding(gaps, f"the table of the {detector.name}, {placed}", scan.shape)


def _always_bad(scan: Measured) -> np.ndarray:
    """Pixels that are masked in every frame, (n_y, n_x) bool."""
    always = np.ones(scan.shape[1:], dtype=bool)
    for bad in in_threads(lambda box: scan.bad_in(box).all(axis=0), blocks(scan.shape)):
        always &= bad
    return always


def _ever_lit(scan: Measured) -> np.ndarray:
    """Pixels that hold a valid count in any frame, (n_y, n_x) bool."""

    def lit_in(box: Box) -> np.ndarray:
        part = scan.part(box)
        measured = ~(part.bad_mask | (part.counts == 0) | invalid_voxels(part.counts))
        return np.asarray(measured.any(axis=0))

    lit = np.zeros(scan.shape[1:], dtype=bool)
    for pixels in in_threads(lit_in, blocks(scan.shape)):
        lit |= pixels
    return lit


def _masked_lines(always_bad: np.ndarray, shape: tuple[int, int, int]) -> tuple[Gap, ...]:
    """Whole rows and columns among the pixels (n_y, n_x) that are masked in every frame."""
    gaps = runs_of_lines(1, np.all(always_bad, axis=1)) + runs_of_lines(
        2, np.all(always_bad, axis=0)
    )
    return tuple(
        gap
        for gap in gaps
        if _inside(gap, shape) or SETTINGS.narrowest_at_edge <= gap.width <= _WIDEST
    )


def _empty_lines(scan: Measured) -> tuple[tuple[Gap, ...], tuple[Gap, ...]]:
    """Runs of lines without counts between lines with signal: of known width, and the others."""
    lit = _ever_lit(scan)  # (n_y, n_x): a hot pixel is one lit pixel, in however many frames
    known: list[Gap] = []
    doubtful: list[Gap] = []
    for axis, lit_per_line in ((1, lit.sum(axis=1)), (2, lit.sum(axis=0))):
        for gap in runs_of_lines(axis, lit_per_line == 0):
            if not _inside(gap, scan.shape) or gap.width < 2:
                continue
            beside = int(min(lit_per_line[gap.start - 1], lit_per_line[gap.stop]))
            if beside >= SETTINGS.fewest_beside and beside * gap.width >= SETTINGS.expected_in_gap:
                (known if gap.width in KNOWN_WIDTHS else doubtful).append(gap)
    return tuple(known), tuple(doubtful)


def _nothing_found(doubtful: tuple[Gap, ...]) -> str:
    message = (
        "no gap found: no whole row or column is masked in every frame, and no run of empty lines "
        "with signal on both sides has a known gap width"
    )
    if doubtful:
        seen = ", ".join(f"{gap} ({gap.width} px)" for gap in doubtful[:4])
        message += f" (empty, but of no known width: {seen})"
    return message + "; expected at least one: give --gap rows=a:b or --detector NAME"


def _inside(gap: Gap, shape: tuple[int, ...]) -> bool:
    """Whether the gap has lines of the array on both sides."""
    return gap.start > 0 and gap.stop < shape[gap.axis]
