"""Types of arrays: the same name means the same element type in every module.

Shapes stand in docstrings: ``(n_rock, n_y, n_x)`` is rocking axis, detector rows, detector columns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
FloatArray = NDArray[np.floating]
"""Of either precision."""
IntArray = NDArray[np.integer]
Complex64Array = NDArray[np.complex64]
Complex128Array = NDArray[np.complex128]
ComplexArray = NDArray[np.complexfloating]
"""Of either precision."""
LogPatterns = NDArray[np.float16]
"""log(1 + expected photons) of patterns, as they are kept in files of patterns."""


def rms(values: FloatArray) -> float:
    """The root of the mean square.

    >>> rms(np.array([3.0, -3.0]))
    3.0
    """
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
