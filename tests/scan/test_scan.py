"""The scan, and which values cannot be counts."""

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.scan.validity import check_counts, invalid_voxels

SHAPE = (2, 3, 4)


def scan_of(counts: np.ndarray, bad: tuple[int, int, int] | None = None) -> Scan:
    bad_mask = np.zeros(counts.shape, dtype=bool)
    if bad is not None:
        bad_mask[bad] = True
    return Scan(counts, bad_mask)


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        ("u1", [0, 1, 254, 255], [0, 0, 0, 1]),
        ("u2", [0, 65534, 65535, 7], [0, 0, 1, 0]),
        ("u4", [0, 65535, 2**32 - 2, 2**32 - 1], [0, 0, 0, 1]),
        (">u4", [0, 65535, 2**32 - 2, 2**32 - 1], [0, 0, 0, 1]),
        ("i4", [-2, 0, 65535, 2**31 - 1], [1, 0, 0, 1]),
        ("i8", [-1, 65535, 2**32 - 1, 2**63 - 1], [1, 0, 1, 1]),
        ("u8", [0, 2**32 - 2, 2**32 - 1, 2**64 - 1], [0, 0, 1, 1]),
        ("f2", [0, 60000, np.inf, np.nan], [0, 0, 1, 1]),
        ("f4", [-0.5, 0, np.nan, 2**32], [1, 0, 1, 1]),
        ("f8", [np.inf, -np.inf, 2**32 - 1, 65535.5], [1, 1, 1, 0]),
        ("f8", [1e39, 1e38, -0.0, 2**32], [1, 0, 0, 0]),
    ],
)
def test_values_that_cannot_be_counts(dtype, values, expected):
    counts = np.array(values, dtype=dtype)
    np.testing.assert_array_equal(invalid_voxels(counts), np.array(expected, dtype=bool))


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_an_invalid_count_is_told_with_its_place_and_the_fix(value):
    counts = np.ones(SHAPE, dtype=np.float32)
    counts[1, 2, 3] = counts[1, 2, 2] = value
    with pytest.raises(InputError) as caught:
        check_counts(scan_of(counts), np.zeros(SHAPE, dtype=bool))
    message = str(caught.value)
    for part in ("2 of 24 voxels", "frame 1, row 2, column 2", str(value), "--mask invalid"):
        assert part in message
    assert "\n" not in message


def test_an_invalid_count_is_no_matter_where_it_is_masked_or_in_a_gap():
    counts = np.ones(SHAPE, dtype=np.uint16)
    counts[0, 0, 0] = counts[1, 2, 3] = 65535
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, 2] = True
    check_counts(scan_of(counts, bad=(0, 0, 0)), gap)
    with pytest.raises(InputError, match=r"1 of 24 voxels .* frame 1, row 2, column 3: 65535"):
        check_counts(scan_of(counts, bad=(0, 0, 0)), np.zeros(SHAPE, dtype=bool))


def test_everything_masked_or_in_a_gap_is_refused():
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, :2] = True
    scan = Scan(np.ones(SHAPE), ~gap)
    with pytest.raises(InputError, match="all 24 voxels are masked or in a gap"):
        check_counts(scan, gap)


def test_zeros_everywhere_outside_the_gap_are_refused():
    counts = np.zeros(SHAPE)
    counts[0, 1, 1] = 5
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, 1] = True
    with pytest.raises(InputError, match="all 16 voxels outside the mask and the gaps are zero"):
        check_counts(scan_of(counts), gap)
    check_counts(scan_of(counts), ~gap)


@pytest.mark.parametrize("shape", [(3,), (3, 4), (2, 3, 4, 5)])
def test_a_scan_has_three_axes(shape):
    with pytest.raises(InputError, match=f"{len(shape)} dimensions"):
        Scan(np.ones(shape), np.zeros(shape, dtype=bool))


def test_the_mask_is_boolean_and_of_the_counts_shape():
    with pytest.raises(InputError, match="int8"):
        Scan(np.ones(SHAPE), np.zeros(SHAPE, dtype=np.int8))
    with pytest.raises(InputError, match=r"\(2, 3, 5\)"):
        Scan(np.ones(SHAPE), np.zeros((2, 3, 5), dtype=bool))
