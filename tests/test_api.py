"""The calls of a notebook: on scans and on arrays alike, and the same as the commands make."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from some_objects import some_objects

import bcdi_inpaint as bcdi
from bcdi_inpaint.cli import main
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import read_fill, read_objects, write_scan
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.jobs.phase import Request
from bcdi_inpaint.jobs.phase import phase as phase_file
from bcdi_inpaint.scan.boxes import as_box
from bcdi_inpaint.scan.scan import Scan


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    """The middle of the example, read from a file of its own: a quarter of it is as good here."""
    middle = bcdi.load_example().part((slice(8, 40), slice(16, 56), slice(16, 56)))
    path = tmp_path_factory.mktemp("scan") / "scan.cxi"
    write_scan(path, middle.counts, middle.bad_mask)
    return bcdi.read_scan(path)


@pytest.fixture(scope="module")
def fill(scan: Scan) -> Fill:
    return bcdi.inpaint(scan, bcdi.find_gaps(scan))


def test_every_public_name_is_there_and_no_other() -> None:
    for name in bcdi.__all__:
        assert getattr(bcdi, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = bcdi.nonsense  # type: ignore[attr-defined]
    assert dir(bcdi) == sorted(bcdi.__all__)


def test_importing_loads_no_module_of_ours() -> None:
    code = "import sys, bcdi_inpaint; print(*[m for m in sys.modules if m.startswith('bcdi_in')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["bcdi_inpaint"]


def test_a_method_goes_by_its_name(scan: Scan, fill: Fill) -> None:
    kriged = bcdi.inpaint(scan, bcdi.find_gaps(scan), method="kriging")
    assert_array_equal(kriged.filled, fill.filled)
    assert_array_equal(kriged.counts[~kriged.filled], fill.counts[~fill.filled])
    assert (kriged.sigma[kriged.filled] > 0).all()
    with pytest.raises(InputError, match="method is 'magic', expected one of network"):
        bcdi.inpaint(scan, bcdi.find_gaps(scan), method="magic")
    with pytest.raises(InputError, match="seed is -1, expected a whole number"):
        bcdi.inpaint(scan, bcdi.find_gaps(scan), method="dip", seed=-1)


def test_gaps_may_be_what_was_found_gaps_or_a_mask(scan: Scan, fill: Fill) -> None:
    gaps = bcdi.find_gaps(scan)
    for same in (gaps.gaps, list(gaps), gaps.mask, gaps.mask.all(axis=0)):
        assert_array_equal(bcdi.inpaint(scan, same).counts, fill.counts)


def test_arrays_give_the_same_as_the_scan(scan: Scan, fill: Fill) -> None:
    gap_mask = bcdi.find_gaps(scan).mask
    by_arrays = bcdi.inpaint(scan.counts, gap_mask, bad_mask=scan.bad_mask)
    assert_array_equal(by_arrays.counts, fill.counts)
    assert_array_equal(by_arrays.sigma, fill.sigma)
    assert str(bcdi.expected_benefit(scan.counts, gap_mask)) == str(
        bcdi.expected_benefit(scan, gap_mask)
    )


def test_further_bad_voxels_add_to_the_scans_own(scan: Scan, fill: Fill) -> None:
    gaps = bcdi.find_gaps(scan)
    beside = np.zeros(scan.shape[1:], dtype=bool)
    first = gaps.gaps[0]
    np.moveaxis(beside, first.axis - 1, 0)[first.start - 1] = True
    assert not np.array_equal(bcdi.inpaint(scan, gaps, bad_mask=beside).counts, fill.counts)


def test_everything_prints_itself_in_a_line_or_two(scan: Scan, fill: Fill) -> None:
    gaps = bcdi.find_gaps(scan)
    assert repr(gaps).endswith(": found in the file's mask")
    for thing in (scan, gaps, gaps.gaps[0], fill, bcdi.expected_benefit(scan, gaps)):
        assert 5 < len(repr(thing)) < 250
        assert repr(thing).count("\n") <= 1


@pytest.mark.parametrize(
    ("gaps", "message"),
    [
        ([], "no gaps are given"),
        (Gap(1, 5, 500), "reaches outside the array"),
        (np.zeros((3, 4), dtype=bool), "gap_mask has the shape"),
        ("rows=3:4", "a gap is 'rows=3:4', expected one of bcdi_inpaint.gaps.gap.Gap"),
        (["rows=3:4"], "a gap is 'rows=3:4', expected"),
        ([[False, True]], r"a gap is \[False, True\], expected"),
        (None, "a gap is None, expected"),
    ],
)
def test_gaps_that_do_not_fit_are_refused(scan: Scan, gaps: object, message: str) -> None:
    for call in (bcdi.inpaint, bcdi.expected_benefit):
        with pytest.raises(InputError, match=message):
            call(scan, gaps)  # type: ignore[arg-type]


def test_a_refined_fill_says_what_was_decided(scan: Scan, fill: Fill) -> None:
    gaps = bcdi.find_gaps(scan)
    refined = bcdi.refine(scan, gaps, fill, starts=1)
    assert "refined: " in refined.report.remark
    assert_array_equal(refined.counts[~fill.filled], fill.counts[~fill.filled])


def test_what_is_written_is_what_predict_writes(scan: Scan, fill: Fill, tmp_path: Path) -> None:
    assert scan.source is not None
    by_command, by_call = tmp_path / "command.cxi", tmp_path / "call.cxi"
    main.main(["predict", str(scan.source), "-o", str(by_command), "-q"], standalone_mode=False)
    bcdi.write_cxi(by_call, scan, fill)
    first, second = bcdi.read_scan(by_command), bcdi.read_scan(by_call)
    assert_array_equal(first.counts, second.counts)
    assert_array_equal(first.bad_mask, second.bad_mask)
    one, other = read_fill(str(by_command)), read_fill(str(by_call))
    assert one is not None
    assert other is not None
    assert_array_equal(one.filled, other.filled)
    assert_allclose(one.sigma, other.sigma)
    with pytest.raises(InputError, match="exists"):
        bcdi.write_cxi(by_call, scan, fill)


def test_phase_gives_what_the_command_gives(
    pynx: str, scan: Scan, fill: Fill, tmp_path: Path
) -> None:
    path = tmp_path / "filled.cxi"
    objects = some_objects(as_box((slice(4, 28), slice(8, 32), slice(8, 32))), [0.5])
    refined = replace(fill, report=replace(fill.report, objects=objects))
    bcdi.write_cxi(path, scan, refined)
    assert [one.misfit for one in read_objects(path)] == [0.5]
    by_command = phase_file(Request(str(path), runs=2, cycles=(4, 8, 4), seed=5)).best
    crystal = bcdi.phase(scan, refined, runs=2, seed=5, cycles=(4, 8, 4))
    assert_array_equal(crystal.obj, by_command.obj)
    assert crystal.free_llks == by_command.free_llks
    at_random = bcdi.phase(scan, fill, runs=1, seed=5, cycles=(4, 8, 4))
    assert at_random.llk_free not in crystal.free_llks  # the first run began at the object
    assert repr(crystal).startswith("object of ")
    masked = bcdi.phase(scan, runs=1, seed=5, cycles=(4, 8, 4))
    assert masked.handed is not None
    assert masked.handed.name == "mask"
