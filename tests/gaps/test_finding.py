"""Finding gaps: pictures of small detectors, and the real scan."""

import os
from pathlib import Path

import numpy as np
import pytest

from bcdi_inpaint.checks.gap_search import find_gaps
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import read_scan
from bcdi_inpaint.gaps.detectors import Detector, find_detector
from bcdi_inpaint.gaps.finding import KNOWN_WIDTHS
from bcdi_inpaint.gaps.gap import Gap, parse_gap
from bcdi_inpaint.gaps.masks import gap_mask, merge_gaps
from bcdi_inpaint.scan.scan import Scan, as_scan

DATA = Path(os.environ.get("BCDI_INPAINT_DATA", Path(__file__).parents[2] / ".." / "shared/data"))
CXI = DATA / "S1398_pynx_norm_128_300_294_1_1_1.cxi"
NPZ = DATA / "S1398_counts_mask.npz"
BRIGHT = DATA / "ft_crop_64_counts.npz"
needs_data = pytest.mark.skipif(not BRIGHT.exists(), reason="the real scans are not here")

N_ROCK = 4


def picture(text: str) -> np.ndarray:
    """(n_y, n_x) bool, True where the picture has #."""
    return np.array([[mark == "#" for mark in line] for line in text.split()])


def masked_scan(text: str) -> Scan:
    """A bright scan whose mask is the same picture in every frame."""
    mask = np.broadcast_to(picture(text), (N_ROCK, *picture(text).shape)).copy()
    return Scan(np.full(mask.shape, 9, dtype=np.int32), mask)


def lit_scan(n_y: int = 40, n_x: int = 60, dtype: str = "f4") -> Scan:
    """A scan with counts in every voxel and no mask."""
    counts = np.full((N_ROCK, n_y, n_x), 9).astype(dtype)
    return Scan(counts, np.zeros(counts.shape, dtype=bool))


# The mask of gaps


def test_the_mask_of_a_cross():
    mask = gap_mask([Gap(1, 2, 4), Gap(2, 1, 2)], (2, 5, 4))
    expected = picture(
        """
        .#..
        .#..
        ####
        ####
        .#..
        """
    )
    np.testing.assert_array_equal(mask, np.stack([expected, expected]))


def test_the_mask_of_frames():
    mask = gap_mask([Gap(0, 1, 3)], (4, 2, 3))
    np.testing.assert_array_equal(mask.all(axis=(1, 2)), [False, True, True, False])
    np.testing.assert_array_equal(mask.any(axis=(1, 2)), [False, True, True, False])


def test_a_gap_outside_the_array_is_refused():
    with pytest.raises(InputError, match=r"cols 3:5 reaches outside .* cols 0:4"):
        gap_mask([Gap(2, 3, 5)], (2, 5, 4))


@pytest.mark.parametrize("gaps", [[Gap(1, 0, 5)], [Gap(2, 0, 2), Gap(2, 2, 4)]])
def test_gaps_that_leave_nothing_are_refused(gaps):
    with pytest.raises(InputError, match="cover all"):
        gap_mask(gaps, (2, 5, 4))


# What the user says


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("rows=254:260", Gap(1, 254, 260)),
        ("cols=0:6", Gap(2, 0, 6)),
        (" Columns = 3 : 4 ", Gap(2, 3, 4)),
        ("frames=7:8", Gap(0, 7, 8)),
    ],
)
def test_a_gap_is_understood(text, gap):
    assert parse_gap(text) == gap


@pytest.mark.parametrize(
    "text",
    ["", "254:260", "rows=254", "rows=254-260", "lines=1:2", "rows=-3:4", "rows=a:b", "rows=1:2:3"],
)
def test_a_gap_is_not_understood(text):
    with pytest.raises(InputError) as caught:
        parse_gap(text)
    assert repr(text) in str(caught.value)
    assert "rows=254:260" in str(caught.value)


@pytest.mark.parametrize("text", ["rows=260:254", "rows=254:254"])
def test_an_empty_range_is_refused(text):
    with pytest.raises(InputError, match=r"rows 2[56][04]:254 is empty"):
        parse_gap(text)


def test_overlapping_and_touching_gaps_merge_axis_by_axis():
    gaps = [Gap(1, 8, 12), Gap(2, 9, 11), Gap(1, 2, 5), Gap(1, 4, 8), Gap(1, 20, 21), Gap(1, 9, 10)]
    assert merge_gaps(gaps) == (Gap(1, 2, 12), Gap(1, 20, 21), Gap(2, 9, 11))


def test_the_user_is_believed_first():
    scan = masked_scan("..##.. ..##..")
    finding = find_gaps(scan, [Gap(1, 0, 1)], detector=find_detector("maxipix"))
    assert finding.gaps == (Gap(1, 0, 1),)
    assert "user" in finding.how


def test_a_gap_of_the_user_outside_the_array_is_refused():
    with pytest.raises(InputError, match="rows 1:3 reaches outside"):
        find_gaps(masked_scan("..##.. ..##.."), [Gap(1, 1, 3)])


# The detector's table

TOY = Detector("toy", (8, 12), ((3, 5),), ((4, 7),), 55e-6)


def test_the_table_comes_before_the_mask():
    finding = find_gaps(masked_scan(".####. ......"), detector=TOY, roi=(4, 2))
    assert finding.gaps == (Gap(1, 0, 1), Gap(2, 2, 5))
    assert "toy" in finding.how
    assert "row 4, column 2" in finding.how


def test_a_crop_that_no_gap_crosses_is_refused():
    with pytest.raises(InputError, match="no gap of the toy, placed at row 5, column 7"):
        find_gaps(masked_scan("... ..."), detector=TOY, roi=(5, 7))


# The file's mask


def test_a_cross_with_a_hot_pixel_and_an_alien_that_touch_it():
    scan = masked_scan(
        """
        ..##.....
        ..###....
        ..##.....
        #########
        #########
        #########
        ..##.###.
        .###.###.
        """
    )
    finding = find_gaps(scan)
    assert finding.gaps == (Gap(1, 3, 6), Gap(2, 2, 4))
    assert "mask" in finding.how


def test_frames_that_are_masked_throughout_change_nothing():
    scan = masked_scan("..##... ..##... ..##...")
    bad_mask = scan.bad_mask.copy()
    bad_mask[1:3] = True
    assert find_gaps(Scan(scan.counts, bad_mask)).gaps == (Gap(2, 2, 4),)


def test_a_line_that_one_frame_leaves_open_is_no_gap():
    scan = masked_scan("..##... ..##... ..##...")
    bad_mask = scan.bad_mask.copy()
    bad_mask[2, :, 2:4] = False
    with pytest.raises(InputError, match="no gap found"):
        find_gaps(Scan(scan.counts, bad_mask))


def test_a_masked_border_is_no_gap_but_a_cut_gap_is():
    border = "#########\n#..##...#\n#..##...#\n#########"
    assert find_gaps(masked_scan(border)).gaps == (Gap(2, 3, 5),)
    cut = "###......\n###......"
    assert find_gaps(masked_scan(cut)).gaps == (Gap(2, 0, 3),)


def test_wide_masked_padding_is_no_gap():
    line = 50 * "#" + 10 * "." + 6 * "#" + 10 * "."
    assert find_gaps(masked_scan(f"{line}\n{line}")).gaps == (Gap(2, 60, 66),)


def test_everything_masked_is_refused():
    with pytest.raises(InputError, match="all 24 voxels are masked"):
        find_gaps(masked_scan("### ###"))


def test_a_scan_without_a_count_is_refused_as_such() -> None:
    with pytest.raises(InputError, match="all 16 voxels outside the mask and the gaps are zero"):
        find_gaps(Scan(np.zeros((2, 2, 4), "i4"), np.zeros((2, 2, 4), bool)))


# Empty lines


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("f4", 0), ("f4", np.nan), ("i4", -2), ("u2", 65535), ("u4", 2**32 - 1), ("f4", 2**32)],
)
def test_lines_without_a_count_make_a_cross(dtype, value):
    scan = lit_scan(dtype=dtype)
    scan.counts[:, 10:16, :] = value
    scan.counts[:, :, 30:33] = value
    finding = find_gaps(scan)
    assert finding.gaps == (Gap(1, 10, 16), Gap(2, 30, 33))
    assert "without counts" in finding.how


def test_lines_of_honest_equal_counts_are_no_gap():
    scan = lit_scan()
    scan.counts[:, 10:16, :] = 3
    with pytest.raises(InputError, match="no gap found"):
        find_gaps(scan)


def test_one_count_in_one_frame_cuts_the_run():
    scan = lit_scan()
    scan.counts[:, 10:17, :] = 0
    scan.counts[2, 16, 5] = 1
    with pytest.raises(InputError, match="no gap found"):  # beside one count nothing is sure
        find_gaps(scan)


def test_a_hot_pixel_in_the_gap_is_no_matter_where_it_is_masked():
    scan = lit_scan()
    scan.counts[:, 10:16, :] = 0
    scan.counts[:, 12, 5] = 1000
    bad_mask = scan.bad_mask.copy()
    bad_mask[:, 12, 5] = True
    assert find_gaps(Scan(scan.counts, bad_mask)).gaps == (Gap(1, 10, 16),)


def test_a_dead_line_is_no_gap():
    scan = lit_scan()
    scan.counts[:, 10, :] = 0
    with pytest.raises(InputError, match="no gap found") as caught:
        find_gaps(scan)
    assert "10:11" not in str(caught.value)


def test_an_unknown_width_is_told_but_not_believed():
    scan = lit_scan()
    scan.counts[:, :, 20:27] = 0
    with pytest.raises(InputError, match=r"cols 20:27 \(7 px\).*--gap rows=a:b or --detector"):
        find_gaps(scan)


def test_empty_lines_at_the_edge_are_no_gap():
    scan = lit_scan()
    scan.counts[:, :6, :] = 0
    with pytest.raises(InputError, match="no gap found"):
        find_gaps(scan)


def test_a_mostly_empty_scan_has_no_gap_by_chance():
    rng = np.random.default_rng(5)
    distance = np.hypot(*np.meshgrid(np.arange(200) - 100, np.arange(200) - 100))
    counts = rng.poisson(np.broadcast_to(30 / (1 + distance) ** 2.5, (8, 200, 200)))
    empty = (counts == 0).all(axis=(0, 2))
    assert empty.sum() > 40  # many empty rows, and runs of known widths among them
    scan = Scan(counts, np.zeros(counts.shape, dtype=bool))
    with pytest.raises(InputError, match="no gap found"):
        find_gaps(scan)


@pytest.mark.parametrize(
    ("width", "n_lit", "found"),
    [(6, 5, True), (6, 4, False), (40, 4, True), (40, 3, False), (3, 10, True), (3, 9, False)],
)
def test_how_much_signal_beside_makes_a_gap(width, n_lit, found):
    counts = np.zeros((N_ROCK, 60, 50), dtype=np.int32)
    counts[1, 9, 20 : 20 + n_lit] = 1
    counts[2, 10 + width, 30:] = 1
    scan = Scan(counts, np.zeros(counts.shape, dtype=bool))
    if found:
        assert Gap(1, 10, 10 + width) in find_gaps(scan).gaps
    else:
        with pytest.raises(InputError, match="no gap found"):
            find_gaps(scan)


def test_hot_pixels_beside_empty_lines_are_no_signal():
    counts = np.zeros((50, 40, 40), dtype=np.int32)
    counts[:, 10, 3] = counts[:, 17, 30] = 1000
    with pytest.raises(InputError, match="no gap found"):
        find_gaps(Scan(counts, np.zeros(counts.shape, dtype=bool)))


def test_empty_lines_are_found_beside_a_masked_dead_column():
    scan = lit_scan()
    scan.counts[:, 10:16, :] = 0
    bad_mask = scan.bad_mask.copy()
    bad_mask[:, :, 7] = True
    finding = find_gaps(Scan(scan.counts, bad_mask))
    assert finding.gaps == (Gap(1, 10, 16), Gap(2, 7, 8))
    assert "mask" in finding.how
    assert "without counts" in finding.how


def test_known_widths_follow_from_binning_the_real_ones():
    for raw in (3, 4, 5, 6, 10, 11, 12, *range(36, 42)):
        for binning in (1, 2, 3, 4):
            for offset in range(binning):
                flags = np.zeros(60 * binning, dtype=bool)
                flags[4 * binning + offset :][:raw] = True
                empty = np.count_nonzero(flags.reshape(-1, binning).all(axis=1))
                assert empty < 2 or empty in KNOWN_WIDTHS
    assert KNOWN_WIDTHS.isdisjoint({0, 1, 7, 15, 16, 22, 30, 35, 42})


def test_the_scan_is_left_as_it_was():
    scan = lit_scan()
    scan.counts[:, 10:16, :] = 0
    counts, bad_mask = scan.counts.copy(), scan.bad_mask.copy()
    find_gaps(scan)
    np.testing.assert_array_equal(scan.counts, counts)
    np.testing.assert_array_equal(scan.bad_mask, bad_mask)


# Real scans


@needs_data
def test_the_real_cross_by_its_mask_and_by_its_zeros():
    scan = read_scan(CXI)
    cross = (Gap(1, 254, 260), Gap(2, 254, 260))
    assert find_gaps(scan).gaps == cross
    assert "mask" in find_gaps(scan).how
    bare = Scan(scan.counts, np.zeros(scan.shape, dtype=bool))
    assert find_gaps(bare).gaps == cross
    assert "without counts" in find_gaps(bare).how
    with np.load(NPZ) as stored:
        cross_and_hot_pixels = stored["gap_mask2d"]
    drawn = gap_mask(cross, scan.shape)
    assert not (drawn & ~cross_and_hot_pixels).any()
    assert np.count_nonzero(~drawn[0] & cross_and_hot_pixels) == 381


@needs_data
@pytest.mark.parametrize("keep_mask", [True, False])
def test_the_real_quadrant_without_a_gap(keep_mask):
    scan = read_scan(NPZ)
    counts, bad_mask = scan.counts[1:, :254, :254], scan.bad_mask[1:, :254, :254]
    with pytest.raises(InputError, match="no gap found"):
        find_gaps(Scan(counts, bad_mask & keep_mask))


@needs_data
def test_the_real_bright_peak_without_a_gap():
    with pytest.raises(InputError, match="no gap found"):
        find_gaps(read_scan(BRIGHT))


def test_frames_that_look_like_a_gap_get_the_hint_of_the_last_axis():
    counts = np.random.default_rng(0).poisson(50.0, (40, 40, 12))
    counts[18:24] = 0
    with pytest.raises(InputError, match=r"frames 18:24 hold no count.*--axes yxn"):
        find_gaps(as_scan(counts.astype(np.uint32)))
