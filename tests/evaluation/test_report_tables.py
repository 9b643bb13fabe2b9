"""Rows of an evaluation as CSV and as tables."""

from bcdi_inpaint.evaluation.fills import Interval
from bcdi_inpaint.evaluation.report_tables import rows_as_csv, rows_as_table


def test_tables_show_intervals_and_leave_empty_columns_out() -> None:
    nan = float("nan")
    row = {
        "scan": "a",
        "judged": 0.214,
        "ssim": Interval(0.5, 0.25, 0.75),
        "of_the_way": Interval(0.8, 0.7, 0.9),
        "inside_68": Interval(nan, nan, nan),
        "inside_95": Interval(0.951, nan, nan),
    }
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in rows_as_table([row], tuple(row), "markdown").splitlines()
    ]
    assert cells[0] == ["scan", "judged", "ssim", "of_the_way", "inside_95"]
    assert cells[2] == ["a", "21 %", "0.5 [0.25, 0.75]", "80 [70, 90] %", "95 %"]
    assert rows_as_csv([row], ("scan", "ssim", "inside_68")) == (
        "scan,ssim,ssim_low,ssim_high,inside_68,inside_68_low,inside_68_high\na,0.5,0.25,0.75,,,\n"
    )
