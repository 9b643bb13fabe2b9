"""A fill: what it is, and how the run that made it went."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol, Self

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.network.scan_calibration import ScanFactors
from bcdi_inpaint.scan.boxes import Box
from bcdi_inpaint.scan.found_object import FoundObject

LARGEST_LOG = 80.0
"""Largest log(1 + counts) of a bound, so that the bound is finite in single precision."""
LEAST, LARGEST = np.finfo(np.float32).tiny, np.finfo(np.float32).max
"""Limits of a filled value in any unit: positive and finite in single precision."""


@dataclass(frozen=True)
class FillReport:
    """How a run that filled a scan went.

    Attributes
    ----------
    warnings : one line for each part of the gaps that was not filled.
    n_patches : patches that the network filled.
    n_unlit : patches that see no signal; they are filled without the network.
    device : where the network ran, ``cpu`` or ``cuda``; empty if that is not known.
    refined : whether a phase retrieval has refined the fill.
    remark : what refinement found, or how a method learned, in one line; empty where neither was.
    coherence_sigma : blur of the beam's partial coherence in voxels, along (rocking, rows,
        columns), that refinement estimated; zeros for none.
    density_strength : how strongly refinement evened out the crystal's density; 0 for not.
    background : counts in every voxel that refinement took for a background; 0 for none.
    interrupted : whether Ctrl-C ended a method that learns from the scan, or a refinement, early.
    calibration : whether the scan has calibrated its intervals, in one line; empty where that was
        not asked for.
    factors : by how much they were widened, by brightness; None where they were not.
    objects : what the starts of a refinement came to, the best fit first: phase retrieval may begin
        at them.
    """

    warnings: tuple[str, ...] = ()
    n_patches: int = 0
    n_unlit: int = 0
    device: str = ""
    refined: bool = False
    remark: str = ""
    coherence_sigma: tuple[float, float, float] = (0.0, 0.0, 0.0)
    density_strength: float = 0.0
    background: float = 0.0
    interrupted: bool = False
    calibration: str = ""
    factors: ScanFactors | None = None
    objects: tuple[FoundObject, ...] = field(default=(), repr=False, compare=False)


class Filled(Protocol):
    """A filled scan: a `Fill` in memory, or a `StreamedFill` that is made part by part."""

    @property
    def counts(self) -> Float32Array:
        """(n_rock, n_y, n_x); see `Fill`."""

    @property
    def filled(self) -> BoolArray:
        """(n_rock, n_y, n_x); see `Fill`."""

    @property
    def sigma(self) -> Float32Array:
        """(n_rock, n_y, n_x); see `Fill`."""

    @property
    def calibration(self) -> Calibration:
        """What turns `sigma` into intervals."""

    @property
    def model(self) -> str:
        """The name of the weights."""

    @property
    def model_sha256(self) -> str:
        """The hash of the weights' file."""

    @property
    def report(self) -> FillReport:
        """How the run went."""

    @property
    def n_filled(self) -> int:
        """How many voxels are filled."""

    @property
    def photon(self) -> float:
        """What one photon is in `counts`."""

    @property
    def whole(self) -> Fill:
        """All of the scan, filled, in memory."""

    def part(self, box: Box) -> Fill:
        """The filled scan within a box."""

    def alone(self, box: Box) -> Fill:
        """The fill within a box without the measurement; see `Fill.alone`."""

    def in_unit(self, photon: float) -> Filled:
        """The fill where one photon is that much; see `Fill.in_unit`."""

    def interval(self, level: float) -> tuple[Float32Array, Float32Array]:
        """Bounds of the expected counts; see `Fill.interval`."""


@dataclass(frozen=True, repr=False)
class Fill:
    """A scan with its gaps filled.

    Attributes
    ----------
    counts : (n_rock, n_y, n_x) float32, the expected counts in `filled`, elsewhere the measured
        ones, bit for bit.
    filled : (n_rock, n_y, n_x) bool, which voxels were filled.
    sigma : (n_rock, n_y, n_x) float32, standard deviation of log(1 + expected counts), 0 outside
        `filled`.
    calibration : what makes the intervals hold on held-out simulation; see `Calibration`.
    model : the name of the weights.
    model_sha256 : the hash of the weights' file.
    report : how the run went; empty for a fill that was read from a file.
    photon : what one photon is in `counts`, which are in the unit of the scan.
    """

    counts: Float32Array
    filled: BoolArray
    sigma: Float32Array
    calibration: Calibration
    model: str
    model_sha256: str
    report: FillReport = FillReport()
    photon: float = 1.0

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.counts.shape))
        median = f", median sigma {np.median(self.sigma[self.filled]):.2g}" if self.n_filled else ""
        return (
            f"Fill: {self.n_filled} of {self.counts.size} voxels ({shape}) filled by model "
            f"{self.model}{median}"
        )

    @property
    def n_filled(self) -> int:
        """How many voxels are filled."""
        return int(np.count_nonzero(self.filled))

    @property
    def whole(self) -> Fill:
        """The fill itself, which is in memory already."""
        return self

    def part(self, box: Box) -> Self:
        """The filled scan within a box; its arrays are views."""
        return replace(
            self, counts=self.counts[box], filled=self.filled[box], sigma=self.sigma[box]
        )

    def alone(self, box: Box) -> Self:
        """The fill within a box without the measurement: counts are 0 outside `filled`."""
        part = self.part(box)
        return replace(part, counts=np.where(part.filled, part.counts, np.float32(0)))

    def in_unit(self, photon: float) -> Self:
        """The fill where one photon is that much: filled counts are scaled, others are not.

        Lay it over the measured counts of that unit; see `over`.
        """
        counts = self.counts.copy()
        ratio = photon / self.photon
        of_gap = counts[self.filled].astype(np.float64) * ratio
        counts[self.filled] = np.clip(of_gap, LEAST, LARGEST)
        return replace(self, counts=counts, photon=photon)

    def over(self, measured: np.ndarray) -> Fill:
        """The fill laid over measured counts (n_rock, n_y, n_x) of any number type."""
        with np.errstate(over="ignore", invalid="ignore"):  # marks of bad pixels, kept as they are
            counts = measured.astype(np.float32)
        counts[self.filled] = self.counts[self.filled]
        return replace(self, counts=counts)

    def interval(self, level: float) -> tuple[Float32Array, Float32Array]:
        """Bounds of the expected counts that hold with probability `level`.

        Parameters
        ----------
        level : probability, between 0 and 1.

        Returns
        -------
        The lower and the upper bound, (n_rock, n_y, n_x) float32 each; outside `filled` both are
        the counts themselves.

        Raises
        ------
        InputError
            For a level that is not between 0 and 1.

        Examples
        --------
        >>> import numpy as np
        >>> from bcdi_inpaint.network.calibration import Calibration
        >>> ten, all_filled = np.full((1, 1, 1), 10, np.float32), np.ones((1, 1, 1), bool)
        >>> fill = Fill(ten, all_filled, ten / 50, Calibration(), "example", "")
        >>> fill
        Fill: 1 of 1 voxels (1 x 1 x 1) filled by model example, median sigma 0.2
        >>> lower, upper = fill.interval(0.68)
        >>> print(f"{lower.item():.1f} to {upper.item():.1f}")
        8.0 to 12.4
        """
        photon = np.float32(self.photon)
        expected = self.counts[self.filled] / photon
        half_width = self.sigma[self.filled] * self.calibration.half_width(level, expected)
        bounds = []
        for side in (-1, 1):
            log_bound = np.log1p(expected) + side * half_width
            bound = self.counts.copy()
            photons = np.expm1(np.clip(log_bound, 0, LARGEST_LOG))
            bound[self.filled] = np.minimum(photons * np.float64(photon), LARGEST)
            bounds.append(bound)
        return bounds[0], bounds[1]
