"""Rows of studies of methods, one a method and gap, that a study can go on from elsewhere."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from bcdi_inpaint.evaluation.report_tables import rows_as_csv
from bcdi_inpaint.jobs.comparison import Comparison, where_parts_are
from bcdi_inpaint.studies.config import StudyConfig
from bcdi_inpaint.studies.judged_networks import NETWORKS

TEXTS = ("scan", "cluster", "kind", "method", "weights")
WHOLE = ("index", "width", "placement", "voxels")
"""Columns that are no numbers, and those of whole ones."""


def keep_rows(config: StudyConfig, folder: Path, rows: Path, networks: Path) -> int:
    """Write all that a folder of results holds of a study's gaps as a table; how many rows.

    Parameters
    ----------
    config : of the study.
    folder : of its results.
    rows : the table to write, CSV.
    networks : the list of judged networks to write, JSON.
    """
    parts = _parts(config, folder)
    records = [
        {"part": path.stem, **record}
        for path in sorted(parts.glob("*-*.json"))
        for record in json.loads(path.read_text())
    ]
    columns = dict.fromkeys(name for record in records for name in record)
    empty = dict.fromkeys(columns, math.nan)  # what was judged before a column was there lacks it
    rows.write_text(rows_as_csv([empty | record for record in records], tuple(columns)))
    shutil.copyfile(parts / NETWORKS, networks)
    return len(records)


def restore_rows(config: StudyConfig, folder: Path, rows: Path, networks: Path) -> int:
    """Put kept rows into a folder, so that the study goes on there; how many rows.

    Parameters
    ----------
    config : of the study.
    folder : of results; it is made, and what it has of the same gaps is replaced.
    rows, networks : see `keep_rows`.
    """
    parts = _parts(config, folder)
    parts.mkdir(parents=True, exist_ok=True)
    n_rows = 0
    for part, records in groupby(_read(rows), key=lambda record: record.pop("part")):
        listed = [*records]
        (parts / f"{part}.json").write_text(json.dumps(listed))
        n_rows += len(listed)
    shutil.copyfile(networks, parts / NETWORKS)
    return n_rows


def _parts(config: StudyConfig, folder: Path) -> Path:
    """Where the study has them: measured files decide too, as they are found here."""
    return where_parts_are(Comparison(config, "", folder, folder, {}))["gaps"]


def _read(rows: Path) -> Iterator[dict[str, Any]]:
    with rows.open(newline="") as file:
        for row in csv.DictReader(file):
            yield {name: _value(name, text) for name, text in row.items()}


def _value(name: str, text: str) -> object:
    if name in (*TEXTS, "part"):
        return text
    return int(text) if name in WHOLE else float(text or "nan")
