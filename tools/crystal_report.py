"""Keep the rows of an evaluation of crystals beside its report, and write the report from them.

`crystal_report.py NAME FOLDER` takes them from a folder of `bcdi-inpaint evaluate --phasing`;
`crystal_report.py NAME` writes the report of the rows that are kept once more, by the code of now.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from docs_site.crystal_rows import REPORTS, report_of

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="of the evaluation, configs/NAME.yaml")
    parser.add_argument("folder", nargs="?", type=Path, help="of its results")
    asked = parser.parse_args()
    rows, report = (REPORTS / f"{asked.name}.{ending}" for ending in ("csv", "md"))
    if asked.folder is not None:
        shutil.copyfile(asked.folder / "retrievals.csv", rows)
    report.write_text(report_of(asked.name))
    print(f"{report}: {len(rows.read_text().splitlines()) - 1} retrievals")
