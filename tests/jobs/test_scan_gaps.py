"""Gaps of a scan as they are asked for: which are believed, and what is said of them."""

from pathlib import Path

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import read_scan
from bcdi_inpaint.files.example import EXAMPLE
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.jobs.predict import predict
from bcdi_inpaint.jobs.request import Request
from bcdi_inpaint.jobs.scan_gaps import find_scan_gaps

BESIDE = Gap(1, 10, 16)
"""Lines of the example that hold counts."""


def test_a_simulated_scan_is_no_fill_and_its_counts_are_not_filled_over() -> None:
    with pytest.raises(InputError, match="trust-gaps"):
        find_scan_gaps(Request(str(EXAMPLE), gaps=(BESIDE,)))
    _, finding = find_scan_gaps(Request(str(EXAMPLE), gaps=(BESIDE,), trust_gaps=True))
    assert BESIDE in finding.gaps


def test_the_gaps_of_a_fill_may_be_filled_again(tmp_path: Path) -> None:
    output = tmp_path / "filled.cxi"
    predict(Request(str(EXAMPLE), output=output, method="linear"))
    (gap, *_) = find_scan_gaps(Request(str(EXAMPLE)))[1].gaps
    _, finding = find_scan_gaps(Request(str(output), gaps=(gap,)))
    assert gap in finding.gaps
    assert np.count_nonzero(read_scan(output).counts[finding.mask])


def test_what_was_added_to_a_users_gap_is_not_called_the_users(tmp_path: Path) -> None:
    said: list[str] = []
    np.save(tmp_path / "scan.npy", read_scan(EXAMPLE).counts)  # without its mask
    request = Request(str(tmp_path / "scan.npy"), gaps=(Gap(1, 38, 44),))
    find_scan_gaps(request, said.append)
    assert said[-1] == "gaps: rows 38:44, cols 39:45 (given by the user, and empty lines)"
