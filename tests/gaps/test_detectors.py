"""Gap tables of detectors, and their place in cropped and binned arrays."""

import numpy as np
import pytest

from bcdi_inpaint.checks.gap_search import find_gaps
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.detectors import DETECTORS, Detector, find_detector, of_size, place_gaps
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.scan.scan import as_scan

# Unequal widths, small enough to write the answer down: rows 3:5, columns 4:7.
TOY = Detector("toy", (8, 12), ((3, 5),), ((4, 7),), 55e-6)


def lines(of: Detector, axis: int) -> np.ndarray:
    """True for each line of a detector axis that is in a gap."""
    flags = np.zeros(of.shape[axis - 1], dtype=bool)
    for start, stop in of.row_gaps if axis == 1 else of.column_gaps:
        flags[start:stop] = True
    return flags


def drawn(gaps: tuple[Gap, ...], axis: int, length: int) -> list[int]:
    flags = np.zeros(length, dtype=int)
    for gap in gaps:
        if gap.axis == axis:
            flags[gap.start : gap.stop] = 1
    return flags.tolist()


def test_the_whole_detector():
    assert place_gaps(TOY, (8, 12)) == (Gap(1, 3, 5), Gap(2, 4, 7))


def test_a_crop_shifts_and_clips():
    assert place_gaps(TOY, (4, 4), roi=(4, 2)) == (Gap(1, 0, 1), Gap(2, 2, 4))


def test_a_crop_beside_the_gaps_has_none():
    assert place_gaps(TOY, (3, 4), roi=(0, 7)) == ()


@pytest.mark.parametrize("binning", [1, 2, 3])
@pytest.mark.parametrize("roi", [(0, 0), (1, 2), (2, 1), (4, 5)])
@pytest.mark.parametrize("name", ["toy", "maxipix", "timepix_34idc", "eiger2m"])
def test_a_binned_line_is_in_the_gap_if_any_of_its_lines_is(name, roi, binning):
    of = TOY if name == "toy" else find_detector(name)
    n_y, n_x = ((of.shape[axis] - roi[axis]) // binning for axis in (0, 1))
    gaps = place_gaps(of, (n_y, n_x), roi, binning)
    for axis, length in ((1, n_y), (2, n_x)):
        raw = lines(of, axis)[roi[axis - 1] :][: length * binning]
        expected = raw.reshape(length, binning).any(axis=1)
        assert drawn(gaps, axis, length) == expected.astype(int).tolist()


def test_an_array_that_is_not_the_whole_detector_needs_a_place():
    with pytest.raises(InputError, match=r"300 x 294 .* 516 x 516 .*--roi y0,x0"):
        place_gaps(find_detector("maxipix"), (300, 294))
    assert place_gaps(find_detector("maxipix"), (258, 258), binning=2) == (
        Gap(1, 127, 131),
        Gap(2, 127, 131),
    )


@pytest.mark.parametrize("roi", [(-1, 0), (0, 217), (400, 0)])
def test_an_array_outside_the_detector_is_refused(roi):
    with pytest.raises(InputError, match="outside the maxipix"):
        place_gaps(find_detector("maxipix"), (300, 300), roi)


def test_binning_below_one_is_refused():
    with pytest.raises(InputError, match="binning 0"):
        place_gaps(TOY, (8, 12), binning=0)


@pytest.mark.parametrize("name", ["maxipix", "Maxipix", "MAXIPIX ", "mpx1x4"])
def test_names_and_aliases_in_any_case(name):
    assert find_detector(name).row_gaps == ((255, 261),)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError) as caught:
        find_detector("pilatus")
    assert all(name in str(caught.value) for name in ("'pilatus'", *DETECTORS))


@pytest.mark.parametrize("of", DETECTORS.values(), ids=lambda of: of.name)
def test_the_tables_hold_together(of):
    assert DETECTORS[of.name.lower()] is of
    for ranges, length in ((of.row_gaps, of.shape[0]), (of.column_gaps, of.shape[1])):
        edges = [edge for pair in ranges for edge in pair]
        assert edges == sorted(set(edges))
        assert not edges or (edges[0] > 0 and edges[-1] < length)


@pytest.mark.parametrize(
    ("name", "n_rows", "n_columns"),
    [
        ("eiger2_4m", 4 * 512, 2 * 1028),
        ("eiger2_9m", 6 * 512, 3 * 1028 - 3 * 2),  # CdTe: two lines lost in each module
        ("eiger2_1m", 2 * 512, 1028),
        ("timepix_34idc", 512, 512),
    ],
)
def test_what_is_no_gap_is_chips(name, n_rows, n_columns):
    of = find_detector(name)
    assert np.count_nonzero(~lines(of, 1)) == n_rows
    assert np.count_nonzero(~lines(of, 2)) == n_columns


@pytest.mark.parametrize(("start", "stop"), [(5, 5), (6, 5), (-1, 3)])
def test_an_empty_gap_is_refused(start, stop):
    with pytest.raises(InputError, match=f"rows {start}:{stop}"):
        Gap(1, start, stop)


def test_a_gap_of_a_fourth_axis_is_refused():
    with pytest.raises(InputError, match="axis 3"):
        Gap(3, 0, 1)


def test_a_gap_reads_as_the_command_line_has_it():
    assert [str(Gap(axis, 254, 260)) for axis in range(3)] == [
        "frames 254:260",
        "rows 254:260",
        "cols 254:260",
    ]
    assert Gap(2, 254, 260).width == 6


@pytest.mark.parametrize(
    ("n", "name", "gap"),
    [
        (512, "merlin_sixs", (254, 257)),
        (513, "merlin_513", (255, 258)),
        (514, "merlin_514", (255, 259)),
        (515, "merlin", (255, 260)),
        (516, "merlin_516", (255, 261)),
    ],
)
def test_a_merlin_is_known_by_its_size(n, name, gap):
    scan = as_scan(np.ones((1, n, n), np.uint8))
    finding = find_gaps(scan, detector=find_detector("merlin"), trust=True)
    assert finding.gaps == (Gap(1, *gap), Gap(2, *gap))
    assert f"the table of the {name}," in finding.how


def test_only_merlin_has_versions():
    for known in DETECTORS.values():
        assert of_size(known, known.shape) is known
    assert of_size(find_detector("maxipix"), (515, 515)).name == "maxipix"
    assert of_size(find_detector("merlin"), (300, 300)).name == "merlin"
