"""How near fills come to the truth: every method, in gaps of every kind and width.

Simulated patterns are judged with their counts as the truth, and with the noise-free expectation
as the ceiling that no method beats on average. Measured scans get artificial gaps where they have
none. All that is random comes from the configuration's seed.
"""

from bcdi_inpaint.evaluation.fills.averages import ALL, Bootstrap, Interval, average_scores
from bcdi_inpaint.evaluation.fills.cases import Case, place_cases
from bcdi_inpaint.evaluation.fills.config import (
    CubesConfig,
    EvaluationConfig,
    ScanConfig,
    as_config,
)
from bcdi_inpaint.evaluation.fills.coverage import COVERAGE_COLUMNS, PEAK, measure_coverage
from bcdi_inpaint.evaluation.fills.judging import JudgedFills, judge_case, judge_subjects
from bcdi_inpaint.evaluation.fills.methods import (
    CEILING,
    NETWORK,
    REFINED,
    Filler,
    Guess,
    classical_filler,
    fillers,
)
from bcdi_inpaint.evaluation.fills.published_protocol import (
    CUBE_COLUMNS,
    Cube,
    NoCubeError,
    average_cubes,
    bright_rows,
    draw_cubes,
    judge_cube,
    judge_cubes,
)
from bcdi_inpaint.evaluation.fills.records import CASE_COLUMNS, INSIDE, SCORES, Record
from bcdi_inpaint.evaluation.fills.subjects import (
    SIMULATED,
    Subject,
    measured_folder,
    measured_subjects,
    missing_scans,
    simulated_subjects,
)
from bcdi_inpaint.evaluation.fills.views import View

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
    "Cube",
    "CubesConfig",
    "EvaluationConfig",
    "Filler",
    "Guess",
    "Interval",
    "JudgedFills",
    "NoCubeError",
    "Record",
    "ScanConfig",
    "Subject",
    "View",
    "as_config",
    "average_cubes",
    "average_scores",
    "bright_rows",
    "classical_filler",
    "draw_cubes",
    "fillers",
    "judge_case",
    "judge_cube",
    "judge_cubes",
    "judge_subjects",
    "measure_coverage",
    "measured_folder",
    "measured_subjects",
    "missing_scans",
    "place_cases",
    "simulated_subjects",
]
