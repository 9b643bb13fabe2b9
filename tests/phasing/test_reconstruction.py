"""What phase retrieval found, as an object that prints itself."""

import numpy as np
import pytest

from bcdi_inpaint.phasing.handover import HandOver
from bcdi_inpaint.phasing.reconstruction import Reconstruction, intensity_of


def found(llk_free: float, llk: float = 1.0) -> Reconstruction:
    obj = np.zeros((4, 6, 8), np.complex64)
    obj[1:3, 2:4, 3:5] = 1
    return Reconstruction(obj, obj != 0, llk, llk_free, ("ER**1",))


def test_it_prints_itself_in_a_line() -> None:
    nothing = np.zeros((4, 6, 8), dtype=bool)
    handed = HandOver("prior", nothing.astype(np.float32), nothing, nothing)
    one = found(1.5)
    assert str(one) == "object of 4 x 6 x 8 voxels, support 8 voxels, free log-likelihood 1.5"
    of_scan = Reconstruction(one.obj, one.support, 1.0, 1.5, (), handed=handed)
    assert str(of_scan) == f"{one}, handover prior"


def test_the_calculated_intensity_keeps_the_photons_and_the_peaks_place() -> None:
    obj = np.zeros((8, 10, 12), complex)
    obj[3:6, 4:7, 5:8] = 2
    calculated = intensity_of(obj)
    assert calculated.sum() == pytest.approx(27 * 4)
    assert np.unravel_index(int(calculated.argmax()), obj.shape) == (4, 5, 6)
