"""What each piece of the refinement is worth: the scans it is measured on, and the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bcdi_inpaint.network.weights import load_model
from benchmarks.refine_pieces import BY_VOXEL, FAMILIES, averaged, kept_rows, report
from benchmarks.refine_scans import REAL_OBJECT, draw_scans


def test_scans_are_hidden_in_the_gap_and_the_same_for_all() -> None:
    (scan,) = draw_scans(1, 32, [4])
    assert not scan.counts[scan.gap].any()
    assert scan.expectation[scan.gap].any()
    np.testing.assert_array_equal(next(draw_scans(1, 32, [4])).counts, scan.counts)


def test_every_variant_lacks_something_that_the_next_one_has() -> None:
    variants = [settings for family in (*FAMILIES, BY_VOXEL) for settings in family.values()]
    assert len(set(variants)) == len(variants)
    assert not variants[0].coherence.steps
    assert not variants[0].schedule.widen
    assert [bool(settings.strengths) for settings in variants] == [False, False, True, True, True]
    assert [s.mixing.rule for s in variants] == ["classes"] * 4 + ["voxels"]
    assert [bool(s.again.cycles) for s in variants] == [False] * 3 + [True] * 2
    for family in FAMILIES:
        assert len({(s.schedule, s.coherence) for s in family.values()}) == 1


def test_the_share_of_the_way_is_of_mean_correlations() -> None:
    values = {"linear": (0.5, 0.7), "network": (0.8, 0.8), "none": (0.8, 1.0)}
    rows: list[dict[str, object]] = [
        {"beam": "b", "gap (px)": 6, "knows": name, "Pearson": p, "RMS log error": 0, "CPU (s)": 1}
        for name, pearson in values.items()
        for p in pearson
    ]
    ways = {str(row["knows"]): row["of the way"] for row in averaged(rows)}
    assert ways == pytest.approx({"linear": 0, "network": 0.5, "none": 0.75})


def test_the_report_has_all_scans_and_each_kind() -> None:
    rows: list[dict[str, object]] = [
        {"beam": beam, "gap (px)": 6, "knows": name, "Pearson": p, "RMS log error": 0, "CPU (s)": 1}
        for beam in ("a", "b")
        for name, p in (("linear", 0.5), ("network", 0.8))
    ]
    page = report(rows, load_model(), "python -m benchmarks.refine_pieces")
    assert page.count("| network |") == 3
    assert load_model().sha256 in page
    assert page.index("| all") < page.index("| a ")


def test_a_real_crystals_object_comes_last_where_it_is_there(tmp_path: Path) -> None:
    obj = np.zeros((8, 8, 8))
    obj[2:6, 2:6, 1:6] = 9
    real, imag = obj.astype(np.int16), (3 * obj).astype(np.int16)
    np.savez(tmp_path / REAL_OBJECT, real=real, imag=imag, grid=(32, 32, 32), step=0.1)
    kinds = [scan.kind for scan in draw_scans(0, 32, [4], tmp_path)]
    assert kinds == ["S11_object, coherent", "S11_object, partly coherent"]
    assert not list(draw_scans(0, 32, [4]))


def test_kept_scores_are_not_computed_again(tmp_path: Path) -> None:
    (scan,), model = draw_scans(1, 32, [4]), load_model()
    kept = f"coherent 0, 4 px of 32, {model.sha256[:8]}, neither.json"
    (tmp_path / kept).write_text('[{"a": 1}]')
    assert kept_rows(scan, model, tmp_path, FAMILIES[:1]) == [{"a": 1}]
