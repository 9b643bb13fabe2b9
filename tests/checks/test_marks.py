"""Marks: values that fill whole lines of every frame and are far from all counts."""

from __future__ import annotations

import numpy as np
import pytest

from bcdi_inpaint.checks.marks import find_marks
from bcdi_inpaint.checks.numbers import prepare
from bcdi_inpaint.checks.peek import peek
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.scan import as_scan


def pattern(seed: int = 0, scale: float = 1e5) -> np.ndarray:
    """A bright spot that decays, 24 x 40 x 44, int64."""
    z, y, x = np.ogrid[-12:12, -20:20, -22:22]
    mean = scale / (1 + (z / 3) ** 2 + (y / 2) ** 2 + (x / 2) ** 2) ** 2
    return np.random.default_rng(seed).poisson(mean)


@pytest.mark.parametrize("dtype", ["u4", "i4", "i8", "f4", "f8"])
@pytest.mark.parametrize("mark", [65535, 2**20 - 1, 1e9])
def test_a_large_value_that_fills_lines_is_a_mark(dtype: str, mark: float) -> None:
    counts = pattern().astype(dtype)
    counts[:, 10:14] = counts[:, :, 30:34] = mark
    counts[:, 3, 7] = mark  # a bad pixel
    ready = prepare(as_scan(counts))
    bad = ready.scan.part(whole(counts.shape)).bad_mask
    np.testing.assert_array_equal(bad, counts == mark)
    assert [remark.kind for remark in ready.remarks if remark.kind == "mark"] == ["mark"]
    assert "4 rows and 4 columns" in str(ready.remarks[0])


@pytest.mark.parametrize("dtype", ["i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("mark", [-1, -2])
def test_a_value_below_zero_that_fills_lines_is_a_mark(dtype: str, mark: int) -> None:
    counts = np.minimum(pattern(), 30000).astype(dtype)
    counts[:, 10:14] = mark
    assert find_marks(peek(as_scan(counts))) == (mark,)


def test_a_background_below_zero_is_no_mark_beside_one() -> None:
    counts = pattern().astype("f4") - np.float32(1.3)
    counts[:, 10:14] = -2
    assert find_marks(peek(as_scan(counts))) == (-2.0,)


@pytest.mark.parametrize("scale", [3.0, 1e3, 1e6])
@pytest.mark.parametrize("background", [0, 1, 20])
def test_counts_are_no_marks(scale: float, background: float) -> None:
    counts = pattern(1, scale) + np.random.default_rng(2).poisson(background, (24, 40, 44))
    counts[:, 10:14] = 0
    counts[:, 3, 7] = 123456  # one hot pixel
    assert find_marks(peek(as_scan(counts))) == ()


def test_a_floor_is_no_mark() -> None:
    assert find_marks(peek(as_scan(np.maximum(pattern(), 1)))) == ()


def test_a_lost_frame_hides_no_mark() -> None:
    counts = pattern()
    counts[:, 10:14] = 65535
    counts[[3, 12]] = 0
    assert find_marks(peek(as_scan(counts))) == (65535.0,)


@pytest.mark.parametrize("mark", [-1, -2, 65535, 2**20 - 1])
def test_a_mark_that_fills_lines_and_moves_with_the_frames_too(mark: int) -> None:
    counts = pattern(scale=1e3)
    counts[:, 10:14] = mark
    for frame in range(len(counts)):
        counts[frame, :, 28 + frame // 6 : 33 + frame // 6] = mark
    scan = as_scan(counts.astype(np.int32))
    assert find_marks(peek(scan)) == (mark,)
    bad = prepare(scan).scan.part(whole(counts.shape)).bad_mask
    np.testing.assert_array_equal(bad, counts == mark)


def test_dark_voxels_below_zero_are_no_marks() -> None:
    counts = pattern(scale=1e4) - 1
    counts[:, 10:14] = -1
    assert find_marks(peek(as_scan(counts))) == ()


def test_one_value_below_zero_is_to_be_masked_first() -> None:
    counts = pattern()
    for frame in range(len(counts)):
        counts[frame, :, 20 + frame // 2 : 25 + frame // 2] = -1
    with pytest.raises(InputError, match=r"hold -1, which alone .*: --mask negative masks"):
        prepare(as_scan(counts))
