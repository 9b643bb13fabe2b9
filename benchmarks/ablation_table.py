"""The table of `benchmarks.ablation`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bcdi_inpaint.evaluation.fills import (
    NETWORK,
    Bootstrap,
    EvaluationConfig,
    Interval,
    Record,
    average_scores,
)
from bcdi_inpaint.tables import format_table
from benchmarks.ablation_study import Study, evaluation, judged_file, replace, unjudged
from benchmarks.ablation_variants import FULL, VARIANTS


def finished(study: Study) -> dict[str, list[Record]]:
    """The records of each variant that is trained and judged."""
    return {
        name: [
            record
            for row in study.rows
            for record in json.loads(judged_file(name, row, study).read_text())
        ]
        for name in VARIANTS
        if (study.folder(name) / "patches.json").exists() and not unjudged(name, study)
    }


def results(study: Study) -> list[Record]:
    """A row for each finished variant and width: scores, and differences from `full`.

    Differences are taken gap by gap; their intervals, 95 %, are over particles. They tell how sure
    it is that these two networks differ, not how much two trainings by other seeds would.
    """
    records, config = finished(study), evaluation(study)
    found = []
    for variant, own in records.items():
        mse = json.loads((study.folder(variant) / "patches.json").read_text())["patch_mse"]
        for row in average_scores(own, config):
            if row["method"] != NETWORK or row["kind"] != "all":
                continue
            width = row["width"]
            found.append(
                {"variant": variant, "width": width, "patch MSE": mse}
                | _spread("Pearson", row["pearson_log"])
                | _spread("of the way", row["of_the_way"])
                | _spread("deviance", row["poisson_deviance"])
                | _difference("Pearson", "pearson_log", own, records.get(FULL), width, config)
                | _difference("deviance", "poisson_deviance", own, records.get(FULL), width, config)
                | {"gaps": row["cases"], "particles": row["clusters"]}
            )
    return found


def _spread(name: str, interval: Interval) -> Record:
    return {name: interval.mean, f"{name} low": interval.low, f"{name} high": interval.high}


def _difference(
    name: str,
    score: str,
    own: Sequence[Record],
    full: Sequence[Record] | None,
    width: int,
    config: EvaluationConfig,
) -> Record:
    """The mean difference of a score from that of `full` in the same gaps; empty without it."""
    if full is None:
        return {}
    mine, theirs = (
        {r["index"]: r for r in records if r["method"] == NETWORK and r["width"] == width}
        for records in (own, full)
    )
    common = sorted(mine.keys() & theirs.keys())
    bootstrap = Bootstrap([mine[i]["cluster"] for i in common], config.resamples, config.seed)
    differences = [mine[i][score] - theirs[i][score] for i in common]
    return _spread(f"{name} - full", bootstrap.interval(bootstrap.means(differences)))


def write_tables(study: Study) -> str:
    """Write the table of what is finished as CSV, and as Markdown with fewer columns."""
    rows = results(study)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    replace(study.out / "ablation.csv", format_table(rows, columns, "csv") if rows else "")
    short = [name for name in columns if not name.endswith((" low", " high"))]
    shown = [row | {name: _with_interval(row, name) for name in short} for row in rows]
    replace(study.out / "ablation.md", heading(study) + format_table(shown, short, "markdown"))
    return format_table(shown, short) if rows else ""


def heading(study: Study) -> str:
    """What the table is of, in Markdown."""
    training = study.base.training
    return (
        f"# What each addition is worth: `{study.base.name}`\n\n"
        f"- the same training with and without: {training.steps} steps of {training.batch_size} "
        f"patches, {training.slabs} slabs, seed {training.seed}; far shorter than that of the "
        "released weights\n"
        f"- judged on {len(study.rows)} held-out patterns, a plane gap of each width; in brackets "
        "95 % intervals over particles, which tell how sure it is that these two networks differ, "
        "not how much two trainings by other seeds would\n"
        "- patch MSE: of log counts in the gaps of the validation's patches\n\n"
    )


def _with_interval(row: Record, name: str) -> Any:
    if f"{name} low" not in row:
        return row.get(name)
    return str(Interval(row[name], row[f"{name} low"], row[f"{name} high"]))
