"""The call in Python finds the gaps that the command finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import bcdi_inpaint as bcdi
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import write_scan
from bcdi_inpaint.jobs.request import Request
from bcdi_inpaint.jobs.scan_gaps import find_scan_gaps


@pytest.fixture
def raw() -> np.ndarray:
    """Frames as a detector saves them: in other units, marks in the gap, wide pixels beside it."""
    z, y, x = np.indices((32, 40, 40)) - np.array([16, 20, 20]).reshape(3, 1, 1, 1)
    mean = 3e4 * (1.2 + np.cos(0.9 * (z + y))) / (1 + 0.02 * (z**2 + y**2 + x**2)) ** 1.5
    counts = np.random.default_rng(2).poisson(mean).astype(np.uint32)
    counts[:, 27] *= 3
    counts[:, 32] *= 3
    counts *= 10
    counts[:, 28:32] = 2**32 - 1
    return counts


def test_python_finds_what_the_command_finds(tmp_path: Path, raw: np.ndarray) -> None:
    path = tmp_path / "raw.cxi"
    write_scan(path, raw, None)
    of_command = find_scan_gaps(Request(str(path)))[1]
    found = bcdi.find_gaps(bcdi.read_scan(path))
    assert found.places == of_command.places == "rows 27:33"
    assert found.how == of_command.how
    assert_array_equal(found.mask, of_command.mask)
    kinds = [remark.kind for remark in found.remarks]
    assert {"mark", "unit", "wide-pixels"} <= {*kinds}
    assert [kind for kind in kinds if kind in {r.kind for r in of_command.remarks}]
    assert bcdi.find_gaps(raw).places == found.places


def test_what_the_user_says_counts(raw: np.ndarray) -> None:
    own = bcdi.find_gaps(raw, [bcdi.find_gaps(raw).gaps[0]])
    assert own.how == "given by the user"
    with pytest.raises(InputError, match="photon is 0"):
        bcdi.find_gaps(raw, photon=0)
