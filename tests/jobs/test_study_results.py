"""What a study leaves in its folder, and what it says at its end."""

from pathlib import Path

from small_study import study

from bcdi_inpaint.evaluation.fills.records import SCORES
from bcdi_inpaint.jobs.study_results import StudyResults, write_results
from bcdi_inpaint.studies.judging import FURTHER


def test_a_study_without_linear_ends_with_correlations(tmp_path: Path) -> None:
    """There is no way from linear to have a share of."""
    for name, said in (("cubic", "Pearson correlation of log"), ("linear", "Share of the way")):
        records = [
            {
                **dict.fromkeys((*SCORES, *FURTHER), 0.5),
                "scan": "simulated",
                "width": 6,
                "method": method,
                "cluster": "pattern 0",
            }
            for method in (name, "ceiling")
        ]
        records[1]["pearson_log"] = 0.9
        shown = write_results(
            study(kinds=[], shapes={}, classical=[name]),
            "tiny.yaml",
            tmp_path,
            StudyResults([], records, [], tmp_path, [], [], []),
        )
        assert shown.lstrip().startswith(said)
        assert f"| {name}" in shown
