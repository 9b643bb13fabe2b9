"""The object that phase retrieval found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from bcdi_inpaint.arrays import BoolArray, Complex64Array, ComplexArray, FloatArray
from bcdi_inpaint.scan.boxes import Box

if TYPE_CHECKING:
    from bcdi_inpaint.phasing.handover import HandOver


@dataclass(frozen=True, repr=False)
class Reconstruction:
    """What phase retrieval found.

    Attributes
    ----------
    obj : (n_rock, n_y, n_x) complex64, the object, centred; zero outside the support.
    support : (n_rock, n_y, n_x) bool.
    llk : Poisson log-likelihood per measured voxel; the smaller the better, about 1 for a perfect
        fit where every voxel has counts, less where many have none.
    llk_free : the same over voxels that the retrieval did not see; nan where there are none.
    log : one line per stage: algorithm, cycles, size of the support, both log-likelihoods.
    box : the part of the scan that was phased, None where that is not known.
    handed : what was handed to the retrieval, in that box; None where that is not known.
    free_llks : `llk_free` of every start that found something, this one among them.
    run : number of the start, from 1; 0 where that is not known.
    threshold : of the support, as a fraction of the modulus; nan where that is not known.
    outside : part of the object's square that the last projection leaves outside the support.
    free_log_error : RMS error of log(1 + counts) of the voxels that the retrieval did not see; nan
        where there are none, or where it is not known.
    begun : whether the run began at an object that was found before, not at random.
    """

    obj: Complex64Array
    support: BoolArray
    llk: float
    llk_free: float
    log: tuple[str, ...]
    box: Box | None = None
    handed: HandOver | None = None
    free_llks: tuple[float, ...] = ()
    run: int = 0
    threshold: float = float("nan")
    outside: float = float("nan")
    free_log_error: float = float("nan")
    begun: bool = False

    def intensity(self) -> FloatArray:
        """(n_rock, n_y, n_x) expected counts of the object, centred."""
        return intensity_of(self.obj)

    @property
    def figures(self) -> str:
        """What is reported of it in a line."""
        threshold = "" if np.isnan(self.threshold) else f", threshold {self.threshold:.3f}"
        error = self.free_log_error
        known = "" if np.isnan(error) else f"free log error {error:.4g}, "
        return (
            f"{known}free log-likelihood {self.llk_free:.4g}, log-likelihood {self.llk:.4g}, "
            f"support {int(self.support.sum())} voxels{threshold}"
        )

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.obj.shape))
        how = "" if self.handed is None else f", handover {self.handed.name}"
        return (
            f"object of {size} voxels, support {int(self.support.sum())} voxels, free "
            f"log-likelihood {self.llk_free:.4g}{how}"
        )


def intensity_of(obj: ComplexArray) -> FloatArray:
    """Expected counts (n_rock, n_y, n_x) of a centred object: the norm is the photons' number.

    Examples
    --------
    >>> obj = np.zeros((4, 4, 4), complex)
    >>> obj[1:3, 1:3, 1:3] = 2
    >>> float(intensity_of(obj).sum()), float(np.sum(np.abs(obj) ** 2))
    (32.0, 32.0)
    """
    amplitude = scipy.fft.fftn(scipy.fft.ifftshift(obj), norm="ortho")
    squared: FloatArray = scipy.fft.fftshift(np.abs(amplitude) ** 2)
    return squared


def is_object(obj: ComplexArray) -> bool:
    """Whether a retrieval found something: all finite, and not zero everywhere.

    `obj` (n_rock, n_y, n_x) is zero outside its support.

    Examples
    --------
    >>> [is_object(np.full((2, 2, 2), value)) for value in (1j, 0j, complex("nan"))]
    [True, False, False]
    """
    return bool(np.isfinite(obj).all() and np.any(obj))
