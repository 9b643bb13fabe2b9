"""Keep what a study of methods judged beside its report, or go on from what was kept.

`study_rows.py keep NAME FOLDER` takes the rows of configs/NAME.yaml from a folder of
`bcdi-inpaint evaluate`; `study_rows.py restore NAME FOLDER` puts them into one, where the same
command then judges what they lack, and trains no network that they have.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from docs_site.reports import REPORTS, REPOSITORY
from docs_site.study_rows import keep_rows, restore_rows

from bcdi_inpaint.studies.config import as_study
from bcdi_inpaint.training.plan import read_yaml

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=["keep", "restore"])
    parser.add_argument("name", help="of the study, configs/NAME.yaml")
    parser.add_argument("folder", type=Path, help="of its results")
    asked = parser.parse_args()
    source = REPOSITORY / "configs" / f"{asked.name}.yaml"
    study = as_study(read_yaml(source), str(source))
    do = keep_rows if asked.verb == "keep" else restore_rows
    kept = (REPORTS / f"{asked.name}_{what}" for what in ("rows.csv", "networks.json"))
    print(f"{do(study, asked.folder, *kept)} rows")
