"""Which of several reconstructions of one scan is taken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bcdi_inpaint.phasing.reconstruction import Reconstruction


def choose(found: Sequence[Reconstruction]) -> Reconstruction:
    """The one of least free log-likelihood, or log-likelihood where there are no free voxels."""
    return min(found, key=lambda one: one.llk if np.isnan(one.llk_free) else one.llk_free)
