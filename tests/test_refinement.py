from dataclasses import replace

import numpy as np
import pytest
import scipy.fft
import scipy.ndimage

from bcdi_inpaint import inpaint, refinement
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.inpainting import Fill
from bcdi_inpaint.refinement import pseudo_gap, refine
from bcdi_inpaint.scores import pearson_log
from bcdi_inpaint.weights import Model, load_weights

SHAPE = (48, 48, 48)


@pytest.fixture(scope="module")
def model() -> Model:
    return load_weights()


@pytest.fixture(scope="module")
def expectation() -> np.ndarray:
    """Of a block with a smooth phase, the Bragg peak in the middle of the array."""
    obj = np.zeros(SHAPE, dtype=np.complex128)
    obj[17:31, 18:30, 17:32] = 1
    z, y, _ = np.ogrid[:48, :48, :48]
    obj *= np.exp(0.006j * ((z - 24) ** 2 - (y - 24) ** 2))
    found = scipy.fft.fftshift(np.abs(scipy.fft.fftn(scipy.fft.ifftshift(obj))) ** 2)
    return np.asarray(1e6 * found / found.max())


@pytest.fixture(scope="module")
def gap() -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:, :, 30:34] = True
    return mask


@pytest.fixture(scope="module")
def counts(expectation: np.ndarray, gap: np.ndarray) -> np.ndarray:
    drawn = np.random.default_rng(1).poisson(expectation).astype(np.float32)
    return np.where(gap, 0, drawn)


@pytest.fixture(scope="module")
def fill(counts: np.ndarray, gap: np.ndarray, model: Model) -> Fill:
    return inpaint(counts, gap, model)


@pytest.mark.parametrize(
    ("gap_lines", "bad_lines", "expected"),
    [
        ((30, 34), None, (15, 19)),  # mirrored at 24: 24 - 33 + 24 = 15 to 18
        ((10, 16), None, (33, 39)),
        ((30, 34), (14, 17), (21 - 4 - 4, None)),
    ],
)
def test_a_pseudo_gap_is_the_mirror_image_where_that_is_measured(
    gap_lines: tuple[int, int],
    bad_lines: tuple[int, int] | None,
    expected: tuple[int, int | None],
) -> None:
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, slice(*gap_lines)] = True
    unknown = gap.copy()
    if bad_lines is not None:
        unknown[:, slice(*bad_lines)] = True
    found = pseudo_gap(gap, unknown)
    lines = np.flatnonzero(found.all(axis=(0, 2)))
    assert lines.size == gap_lines[1] - gap_lines[0]
    assert not (found & unknown).any()
    if bad_lines is None:
        assert (lines[0], lines[-1] + 1) == expected
    else:  # beside the bad lines, and still clear of them
        beside = np.abs(lines[:, None] - np.arange(*bad_lines)).min()
        assert beside > refinement.CLEAR


def test_planes_that_cross_are_both_mirrored() -> None:
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, 30:34] = gap[:, :, 12:18] = True
    found = pseudo_gap(gap, gap)
    expected = np.zeros(SHAPE, dtype=bool)
    expected[:, 15:19] = expected[:, :, 31:37] = True
    np.testing.assert_array_equal(found, expected & ~gap)


def test_without_room_there_is_no_pseudo_gap() -> None:
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, 26:46] = True
    with pytest.raises(InputError, match="of 20 lines has no room"):
        pseudo_gap(gap, gap)


def test_a_fill_that_is_far_off_is_refined_towards_the_truth(
    counts: np.ndarray, gap: np.ndarray, fill: Fill, model: Model, expectation: np.ndarray
) -> None:
    none = np.zeros_like(gap)
    found = refine(counts, gap, none, fill, model, np.random.default_rng(0), starts=1)
    assert found.accepted, found.remark
    assert found.after < found.before
    truth = expectation.astype(np.float32)
    assert pearson_log(truth, found.fill.counts, gap) > pearson_log(truth, fill.counts, gap)
    np.testing.assert_array_equal(found.fill.counts[~gap], counts[~gap])
    assert (found.fill.sigma[gap] > 0).all()
    assert not found.fill.sigma[~gap].any()
    lower, upper = found.fill.interval(0.95)
    inside = ((lower <= truth) & (truth <= upper))[gap].mean()
    assert inside > 0.8


def test_noise_that_no_crystal_makes_leaves_the_fill_as_it_was(
    gap: np.ndarray, model: Model
) -> None:
    rng = np.random.default_rng(3)
    smooth = scipy.ndimage.gaussian_filter(rng.normal(size=SHAPE), 3)
    counts = np.where(gap, 0, rng.poisson(np.exp(3 + 30 * smooth))).astype(np.float32)
    fill = inpaint(counts, gap, model)
    found = refine(counts, gap, np.zeros_like(gap), fill, model, rng, starts=1)
    assert not found.accepted
    assert found.fill is fill
    assert found.remark.startswith("not refined: ")


def test_a_gap_far_from_the_peak_is_left(
    expectation: np.ndarray, model: Model, fill: Fill, gap: np.ndarray
) -> None:
    lonely = replace(fill, filled=np.zeros_like(gap))
    none = np.zeros_like(gap)
    found = refine(expectation, gap, none, lonely, model, np.random.default_rng(0))
    assert not found.accepted
    assert "no filled voxel lies in the box" in found.remark
