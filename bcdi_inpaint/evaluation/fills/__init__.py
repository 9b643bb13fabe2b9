"""How near fills come to the truth: every method, in gaps of every kind and width.

Simulated patterns are judged with their counts as the truth, and with the noise-free expectation
as the ceiling that no method beats on average. Measured scans get artificial gaps where they have
none. All that is random comes from the configuration's seed.
"""

from bcdi_inpaint.evaluation.fills.averages import ALL, Bootstrap, Interval, summary
from bcdi_inpaint.evaluation.fills.config import (
    EvaluationConfig,
    PublishedConfig,
    ScanConfig,
    as_config,
)
from bcdi_inpaint.evaluation.fills.coverage import COVERAGE_COLUMNS, PEAK, coverage
from bcdi_inpaint.evaluation.fills.cubes import (
    CUBE_COLUMNS,
    bright_rows,
    judge_cubes,
    summary_of_cubes,
)
from bcdi_inpaint.evaluation.fills.judging import (
    CASE_COLUMNS,
    INSIDE,
    SCORES,
    Outcome,
    Record,
    View,
    judge,
    judge_all,
)
from bcdi_inpaint.evaluation.fills.methods import CEILING, NETWORK, REFINED, Filler, Guess, fillers
from bcdi_inpaint.evaluation.fills.places import Case, cases
from bcdi_inpaint.evaluation.fills.subjects import (
    SIMULATED,
    Subject,
    measured,
    measured_folder,
    missing_folder,
    simulated,
)

__all__ = [
    "ALL",
    "CASE_COLUMNS",
    "CEILING",
    "COVERAGE_COLUMNS",
    "CUBE_COLUMNS",
    "INSIDE",
    "NETWORK",
    "PEAK",
    "REFINED",
    "SCORES",
    "SIMULATED",
    "Bootstrap",
    "Case",
    "EvaluationConfig",
    "Filler",
    "Guess",
    "Interval",
    "Outcome",
    "PublishedConfig",
    "Record",
    "ScanConfig",
    "Subject",
    "View",
    "as_config",
    "bright_rows",
    "cases",
    "coverage",
    "fillers",
    "judge",
    "judge_all",
    "judge_cubes",
    "measured",
    "measured_folder",
    "missing_folder",
    "simulated",
    "summary",
    "summary_of_cubes",
]
