"""What a user marks by hand: gaps, and bad voxels in one frame or in all."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import check_place, read_mask
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.gap_finding import BY_USER, GapFinding
from bcdi_inpaint.gaps.masks import check_inside
from bcdi_inpaint.safe_files import write_files
from bcdi_inpaint.scan.boxes import AXIS_NAMES, Shape
from bcdi_inpaint.tables import number_of


@dataclass
class HandMarks:
    """The gaps of a scan as they are now, and its bad voxels by the user's hand.

    Attributes
    ----------
    shape : (n_rock, n_y, n_x).
    gaps : the gaps, in the order of their list.
    how : how each was found.
    is_by_hand : whether the user changed one.
    rest : voxels to fill that lie in no whole line, (n_rock, n_y, n_x) bool; None for none.
    everywhere : (n_y, n_x) bool, bad in every frame.
    frames : by frame, (n_y, n_x) bool, bad in it.
    """

    shape: Shape
    gaps: list[Gap] = field(default_factory=list)
    how: list[str] = field(default_factory=list)
    is_by_hand: bool = False
    rest: BoolArray | None = None
    everywhere: BoolArray = field(init=False)
    frames: dict[int, BoolArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.everywhere = np.zeros(self.shape[1:], dtype=bool)

    def take(self, finding: GapFinding) -> None:
        """The gaps that were found; those that the user gave stay the user's."""
        self.gaps = list(finding.gaps)
        self.how = [finding.how] * len(self.gaps)
        self.is_by_hand = finding.how == BY_USER
        self.rest = finding.rest

    def forget_gaps(self) -> None:
        """No gap is known, by hand or otherwise."""
        self.gaps, self.how, self.rest, self.is_by_hand = [], [], None, False

    def put(self, number: int | None, axis: int, start: int, stop: int) -> int:
        """Move a gap, or add one where `number` is None; it is kept within the scan.

        Parameters
        ----------
        number : of the gap in the list.
        axis : across it, 0 to 2.
        start, stop : its first line, and the one after its last.

        Returns
        -------
        Its number.

        Raises
        ------
        InputError
            For lines outside the scan.
        """
        n, width = self.shape[axis], stop - start
        if width >= n:
            raise InputError(
                f"gap {AXIS_NAMES[axis]} {start}:{stop} covers all {n} lines, expected known ones "
                "beside it: make it narrower"
            )
        start = min(max(start, 0), n - 1)
        gap = Gap(axis, start, min(max(start + width, start + 1), n))
        check_inside([gap], self.shape)
        self.is_by_hand = True
        if number is None:
            self.gaps.append(gap)
            self.how.append(BY_USER)
            return len(self.gaps) - 1
        self.gaps[number], self.how[number] = gap, BY_USER
        return number

    def drag(self, number: int, part: str, line: float) -> None:
        """Drag an edge of a gap, or all of it.

        Parameters
        ----------
        number : of the gap in the list.
        part : ``start``, ``stop``, or ``middle``.
        line : where that is now.

        Raises
        ------
        InputError
            As `put`.
        """
        gap = self.gaps[number]
        start, stop = gap.start, gap.stop
        if part == "middle":
            start = round(line - gap.width / 2)
            stop = start + gap.width
        elif part == "start":
            start = min(round(line), stop - 1)
        else:
            stop = max(round(line), start + 1)
        self.put(number, gap.axis, start, stop)

    def delete(self, number: int) -> None:
        """Take a gap out."""
        del self.gaps[number], self.how[number]
        self.is_by_hand = True

    # --- bad voxels -----------------------------------------------------------------------------

    def plane(self, frame: int) -> BoolArray:
        """What is bad in a frame."""
        return self.everywhere | self.frames.get(frame, False)

    def draw(self, frame: int, plane: BoolArray, *, everywhere: bool) -> None:
        """Take over what was drawn in a frame: what is new in it, and what is no longer.

        Parameters
        ----------
        frame : its number.
        plane : (n_y, n_x) bool, all that is bad in it now.
        everywhere : whether what is new is bad in every frame.
        """
        before = self.plane(frame)
        self.everywhere &= plane | ~before
        own = self.frames.get(frame, np.zeros_like(before)) & plane
        new = plane & ~before
        if everywhere:
            self.everywhere |= new
        else:
            own |= new
        self.frames.pop(frame, None)
        if own.any():
            self.frames[frame] = own

    @property
    def drawn(self) -> BoolArray | None:
        """All that is bad, (n_y, n_x) where every frame is alike, else (n_rock, n_y, n_x)."""
        if not self.frames:
            return self.everywhere.copy() if self.everywhere.any() else None
        bad = np.broadcast_to(self.everywhere, self.shape).copy()
        for frame, own in self.frames.items():
            bad[frame] |= own
        return bad

    @property
    def words(self) -> str:
        """How many are bad."""
        n = sum(int(own.sum()) for own in self.frames.values())
        pixels, voxels = number_of(int(self.everywhere.sum()), "pixel"), number_of(n, "voxel")
        return f"{pixels} in all frames, {voxels} in single frames"

    def load(self, bad: BoolArray) -> None:
        """Add a mask (n_rock, n_y, n_x), True = bad."""
        common = bad.all(axis=0)
        self.everywhere |= common
        for frame in np.flatnonzero((bad & ~common).any(axis=(1, 2))):
            own = self.frames.get(int(frame), np.zeros_like(common))
            self.frames[int(frame)] = own | (bad[frame] & ~common)

    def load_file(self, path: str | Path) -> None:
        """Add a mask file; errors as `files.read_mask`."""
        self.load(read_mask(path, self.shape))

    def save(self, path: Path, *, force: bool = False) -> None:
        """Write the bad voxels as an npy file, which `--mask` takes.

        Parameters
        ----------
        path : the file to write.
        force : whether an existing file may be replaced.

        Raises
        ------
        InputError
            Where nothing is marked, or the file cannot or must not be written.
        """
        drawn = self.drawn
        if drawn is None:
            raise InputError("no voxel is marked as bad, expected some: draw them first")
        check_place(path, force, [])
        content = io.BytesIO()
        np.save(content, drawn.astype(np.uint8))
        write_files({path: content.getvalue()}, force=force)
