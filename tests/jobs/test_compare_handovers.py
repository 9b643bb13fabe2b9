"""A scan phased with its fill and with its gaps masked: which is taken, and what is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scan_files import filled_arrays

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import write_filled_cxi, write_scan
from bcdi_inpaint.jobs import phase as phasing
from bcdi_inpaint.jobs.compare_handovers import compare_handovers, comparing_is_advised
from bcdi_inpaint.jobs.phase import Request
from bcdi_inpaint.jobs.run_folder import is_finished, results
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.scan.scan import Scan

CONFIGURATION = "entry_1/image_1/process_1/configuration"


@pytest.fixture
def request_of(tmp_path: Path, counts: np.ndarray) -> Request:
    """To phase a scan whose fill is a hundred times too bright, and sure of it."""
    return _written(tmp_path, counts, {})


def _written(tmp_path: Path, counts: np.ndarray, known: dict[str, Any]) -> Request:
    gap = np.zeros(counts.shape, bool)
    gap[:, :, 26:30] = True
    measured = np.where(gap, 0, counts).astype(np.float32)
    wrong = np.where(gap, 100 * (counts + 10), measured).astype(np.float32)
    scan = Scan(measured, gap.copy())
    sigma = np.where(gap, 0.02, 0).astype(np.float32)
    arrays = filled_arrays(scan, gap, wrong, sigma=sigma, trusted=np.zeros_like(gap))
    calibration = {f"calibration_{name}": value for name, value in Calibration()}
    path = tmp_path / "scan_inpainted.cxi"
    write_filled_cxi(
        path, scan, arrays, {"handover": "mask", "model": "default", **calibration, **known}
    )
    return Request(str(path), runs=1, cycles=(0, 30, 10), crop=(40, 40, 40))


def test_a_wrong_fill_loses_to_the_mask(pynx: str, request_of: Request, tmp_path: Path) -> None:
    both = compare_handovers(request_of)
    assert both.better == "masked"
    masked = tmp_path / "scan_inpainted_phased_masked.cxi"
    assert str(both).endswith(f"masked is taken, {masked}")
    assert both.taken.output == tmp_path / "scan_inpainted_phased.cxi"
    for end in (".cxi", ".png"):
        asked, own = both.taken.output.with_suffix(end), masked.with_suffix(end)
        assert asked.read_bytes() == own.read_bytes()
    handed = []
    for one in both.ways.values():
        with h5py.File(one.output) as file:
            handed.append(file[f"{CONFIGURATION}/inpaint_handover"][()].decode())
    assert handed == ["prior", "mask"]
    free = [one.best.llk_free for one in both.ways.values()]
    assert np.all(np.isfinite(free))
    assert f"{free[0]:.4g} with the gap filled" in str(both)
    swapped = replace(both, ways={"filled": both.ways["masked"], "masked": both.ways["filled"]})
    assert swapped.better == "filled"
    assert "log errors" not in str(both)  # they do not decide among random starts


def test_the_line_tells_the_log_errors_where_they_may_decide(
    pynx: str, request_of: Request
) -> None:
    """A run from an object is not outdone by a random one of less free log-likelihood alone."""
    both = compare_handovers(request_of)
    worse = replace(both.ways["masked"].best, free_log_error=0.512, begun=False)
    better = replace(both.ways["filled"].best, free_log_error=0.405, begun=True)
    assert better.llk_free > worse.llk_free
    ways = {
        "filled": replace(both.ways["filled"], best=better),
        "masked": replace(both.ways["masked"], best=worse),
    }
    told = str(replace(both, ways=ways))
    begun = "from an object of the refinement, whose gap is free either way"
    free = f"{better.llk_free:.4g} {begun}, {worse.llk_free:.4g} with the gap masked"
    assert told == (
        f"free log-likelihood {free}, their log errors 0.405, 0.512: filled is taken, "
        f"{both.ways['filled'].output}"
    )
    same = replace(both, ways={word: replace(one, best=better) for word, one in ways.items()})
    assert str(same).startswith(f"free log-likelihood {better.llk_free:.4g} {begun}: masked is")
    older = replace(worse, free_log_error=float("nan"))
    ways["masked"] = replace(ways["masked"], best=older)
    assert "log errors" not in str(replace(both, ways=ways))


def test_what_the_file_knows_is_compared_with_knowing_nothing(
    pynx: str, counts: np.ndarray, tmp_path: Path
) -> None:
    known = _written(tmp_path, counts, {"coherence_sigma": [0.5, 0.5, 0.5]})
    wish = replace(known, output=tmp_path / "c.cxi", cycles=(0, 3, 2), crop=(24, 24, 24))
    both = compare_handovers(wish)
    assert list(both.ways) == ["filled", "masked", "plain"]
    free = {word: one.best.llk_free for word, one in both.ways.items()}
    assert len(set(free.values())) == 3
    assert both.better == min(free, key=lambda word: free[word])
    with h5py.File(tmp_path / "c_plain.cxi") as file:
        assert file[f"{CONFIGURATION}/inpaint_handover"][()].decode() == "mask"


def test_nothing_is_phased_where_there_is_nothing_to_compare(
    request_of: Request, tmp_path: Path, counts: np.ndarray
) -> None:
    write_scan(tmp_path / "raw.cxi", counts)
    for wish, told in (
        (replace(request_of, scan=str(tmp_path / "raw.cxi")), "raw.cxi holds no fill"),
        (replace(request_of, handover="mask"), "is to be compared with --handover mask"),
    ):
        with pytest.raises(InputError, match=told):
            compare_handovers(wish)


@pytest.mark.parametrize("name", ["scan_inpainted_phased_masked.cxi", "scan_inpainted_phased.png"])
def test_an_output_that_exists_is_told_before_the_first_is_phased(
    request_of: Request, tmp_path: Path, name: str
) -> None:
    there = tmp_path / name
    there.touch()
    with pytest.raises(InputError, match="exists"):
        compare_handovers(request_of)
    assert {path.name for path in tmp_path.iterdir()} == {"scan_inpainted.cxi", there.name}


def test_interrupted_in_the_second_the_same_request_does_the_rest(
    pynx: str, request_of: Request, tmp_path: Path
) -> None:
    def press(line: str) -> None:
        if line.startswith("run 1 of 1") and (tmp_path / "c_filled.cxi").exists():
            raise KeyboardInterrupt

    wish = replace(request_of, output=tmp_path / "c.cxi", cycles=(0, 3, 2), crop=(24, 24, 24))
    with pytest.raises(KeyboardInterrupt, match=r"the same command does the rest"):
        compare_handovers(wish, say=press)
    assert not (tmp_path / "c.cxi").exists()
    lines: list[str] = []
    both = compare_handovers(wish, say=lines.append)
    assert lines.count("1 of 1 runs are there already") == 2
    assert both.taken.output.read_bytes() == both.ways[both.better].output.read_bytes()


@pytest.fixture
def no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is drawn, which takes longer than the runs."""
    monkeypatch.setattr(phasing, "draw_best", lambda picture, *_: picture.touch())


@pytest.mark.usefixtures("pynx", "no_picture")
def test_interrupted_with_force_only_what_was_there_before_is_done_anew(
    request_of: Request, tmp_path: Path
) -> None:
    wish = replace(request_of, output=tmp_path / "c.cxi", cycles=(0, 3, 2), crop=(24, 24, 24))
    before = compare_handovers(replace(wish, force=True)).ways

    def press(line: str) -> None:
        if line.startswith("run 1 of 1") and is_finished(tmp_path / "c_filled.cxi"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare_handovers(replace(wish, force=True), say=press)
    lines: list[str] = []
    after = compare_handovers(replace(wish, force=True), say=lines.append).ways
    assert lines.count("1 of 1 runs are there already") == 2
    for word, one in before.items():
        np.testing.assert_array_equal(after[word].best.obj, one.best.obj)
        assert len(results(one.folder)) == 1
    lines.clear()
    compare_handovers(replace(wish, force=True), say=lines.append)
    assert "1 of 1 runs are there already" not in lines


@pytest.mark.usefixtures("pynx", "no_picture")
def test_without_free_voxels_the_log_likelihood_is_told_of_the_same_voxels(
    request_of: Request, tmp_path: Path
) -> None:
    wish = replace(request_of, cycles=(0, 3, 2), crop=(10, 24, 24))
    both = compare_handovers(replace(wish, output=tmp_path / "c.cxi"))
    assert str(both).startswith(f"log-likelihood {both.ways['filled'].best.llk:.4g} with")
    told = "no voxel of 10 x 24 x 24 is free to judge handover hard against the gap masked"
    with pytest.raises(InputError, match=told):
        compare_handovers(replace(wish, output=tmp_path / "d.cxi", handover="hard"))


@pytest.mark.parametrize(
    ("record", "handover", "advised"),
    [
        ({"advice_verdict": "compare", "written_for": "mask"}, None, True),
        ({"advice_verdict": "compare", "written_for": "prior", "refined": True}, None, True),
        (
            {"advice_verdict": "compare", "written_for": "mask", "density_strength": 0.1},
            None,
            True,
        ),
        ({"advice_verdict": "compare", "written_for": "prior"}, None, False),  # its user's choice
        ({"advice_verdict": "compare", "written_for": "mask"}, "mask", False),
        ({"advice_verdict": "fill", "written_for": "prior"}, None, False),
        ({"advice_verdict": "no fill", "written_for": "mask"}, None, False),
        ({"advice_verdict": "far", "written_for": "mask"}, None, False),
        ({"written_for": "mask"}, None, False),
    ],
)
def test_a_file_says_when_to_compare(
    tmp_path: Path, record: dict[str, Any], handover: str | None, advised: bool
) -> None:
    gap = np.zeros((8, 8, 8), bool)
    gap[:, :, 5] = True
    scan = Scan(np.ones(gap.shape, np.float32), gap.copy())
    arrays = filled_arrays(
        scan, gap, scan.counts, sigma=gap.astype(np.float32), trusted=np.zeros_like(gap)
    )
    path, lines = tmp_path / "scan_inpainted.cxi", list[str]()
    write_filled_cxi(path, scan, arrays, {"advice": "a narrow gap", **record})
    assert comparing_is_advised(Request(str(path), handover=handover), lines.append) == advised
    own = record["written_for"]
    times = "three times" if "density_strength" in record else "twice"
    how = f"phasing it with the fill and without, in {times} the time; --no-compare takes {own}"
    assert lines == [f"a narrow gap: {how}"] * advised


def test_a_scan_without_a_fill_is_not_compared(tmp_path: Path, counts: np.ndarray) -> None:
    write_scan(tmp_path / "raw.cxi", counts)
    for name in ("raw.cxi", "missing.cxi", "raw.h5:/entry"):
        assert not comparing_is_advised(Request(str(tmp_path / name)))
