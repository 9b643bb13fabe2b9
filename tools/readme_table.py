"""Put the table of what fills do to crystals into README.md, from the report in docs/reports."""

from __future__ import annotations

from pathlib import Path

from docs_site.crystals_table import chosen_report, write

if __name__ == "__main__":
    readme = Path(__file__).resolve().parents[1] / "README.md"
    changed = "a new table" if write(readme) else "the same table"
    print(f"README.md: {changed}, from docs/reports/{chosen_report()}.md")
