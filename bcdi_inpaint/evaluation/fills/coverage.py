"""How often the truth lies in the intervals, by width of the gap and by flux."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from bcdi_inpaint.evaluation.fills.averages import Bootstrap
from bcdi_inpaint.evaluation.fills.config import EvaluationConfig
from bcdi_inpaint.evaluation.fills.records import BY_COUNTS, INSIDE, Record

PEAK = "peak"
"""Rows by decade of the pattern's brightest voxel."""
FILL = "fill"
"""Rows by decade of the counts that the method expects."""
COVERAGE_COLUMNS = (
    "scan",
    "width",
    "method",
    "by",
    "band",
    "patterns",
    "clusters",
    "cases",
    "voxels",
    *INSIDE,
)


def measure_coverage(records: Sequence[Record], config: EvaluationConfig) -> list[Record]:
    """Measure how often the truth lies in the intervals of each method that gives some.

    Returns rows for each scan, width and method. `by` says what a row's `band` is a decade of:
    ``all`` has every case; ``peak`` those of patterns by their brightest voxel, and both are means
    over cases; ``fill`` has the voxels by the counts that the method expects there, pooled.
    Intervals are over particles (`clusters`).
    """
    known = [record for record in records if not math.isnan(record[INSIDE[0]])]
    rows = []
    for (scan, width, method), own in _grouped(
        known, lambda record: (record["scan"], record["width"], record["method"])
    ).items():
        head = {"scan": scan, "width": width, "method": method}
        rows.append(head | {"by": "all", "band": ""} | _of_cases(own, config))
        for decade, part in _grouped(own, _decade_of_peak).items():
            rows.append(head | {"by": PEAK, "band": _band(decade)} | _of_cases(part, config))
        for decade in sorted({decade for record in own for decade in record[BY_COUNTS]}):
            voxels = _of_voxels(own, decade, config)
            rows.append(head | {"by": FILL, "band": _band(decade)} | voxels)
    return rows


def _grouped(records: Sequence[Record], key: Callable[[Record], Any]) -> dict[Any, list[Record]]:
    """The records of each key, in rising order of the keys."""
    groups: dict[Any, list[Record]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return dict(sorted(groups.items()))


def _decade_of_peak(record: Record) -> int:
    return math.floor(math.log10(max(record["brightest"], 1.0)))


def _band(decade: int) -> str:
    return "below 1" if decade < 0 else f"1e{decade} to 1e{decade + 1}"


def _of_cases(records: Sequence[Record], config: EvaluationConfig) -> Record:
    """Means of the cases' coverage."""
    bootstrap = _bootstrap(records, config)
    shares = {
        name: bootstrap.interval(bootstrap.means([r[name] for r in records])) for name in INSIDE
    }
    return _numbers(records, bootstrap, sum(r["voxels"] for r in records)) | shares


def _of_voxels(records: Sequence[Record], decade: int, config: EvaluationConfig) -> Record:
    """The part of all voxels in a decade that is inside, whatever case they are of."""
    own = [record for record in records if decade in record[BY_COUNTS]]
    bootstrap = _bootstrap(own, config)
    numbers = [record[BY_COUNTS][decade] for record in own]  # (voxels, inside each level)
    voxels = bootstrap.means([number[0] for number in numbers])
    shares = {
        name: bootstrap.interval(bootstrap.means([number[place] for number in numbers]) / voxels)
        for place, name in enumerate(INSIDE, 1)
    }
    return _numbers(own, bootstrap, sum(number[0] for number in numbers)) | shares


def _bootstrap(records: Sequence[Record], config: EvaluationConfig) -> Bootstrap:
    return Bootstrap([r["cluster"] for r in records], config.resamples, config.seed)


def _numbers(records: Sequence[Record], bootstrap: Bootstrap, voxels: int) -> Record:
    """How much a share rests on."""
    return {
        "patterns": len({record["index"] for record in records}),
        "clusters": bootstrap.n_clusters,
        "cases": len(records),
        "voxels": voxels,
    }
