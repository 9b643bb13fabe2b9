"""What refining costs: the row is of what was done."""

from __future__ import annotations

from bcdi_inpaint.network.weights import load_model
from benchmarks.refine_cost import cost, report
from benchmarks.refine_scans import draw_scans


def test_a_refinement_without_a_start_costs_no_cycle() -> None:
    (scan,) = draw_scans(1, 32, [4])
    row = cost(scan, load_model(), 0)
    assert (row["voxels"], row["cycles"]) == ("32 x 32 x 32", 0)
    assert "starts is 0" in str(row["found"])
    assert float(str(row["CPU of filling (s)"])) > 0
    assert float(str(row["elapsed (s)"])) > 0
    assert report(row, "python -m benchmarks.refine_cost").count("32 x 32 x 32") == 1
