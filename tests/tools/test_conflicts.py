"""No file of the project holds what a merge that was not finished leaves."""

import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
MARK = re.compile(r"^(<{7} |>{7} |={7}$)", re.MULTILINE)
HEADING = re.compile(r"^.+\n={7}$", re.MULTILINE)
"""A title in reStructuredText of seven letters."""


def test_no_text_holds_the_marks_of_a_conflict() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*.md", "*.py", "*.yaml", "*.toml", "*.rst", "*.txt", "*.sh"],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
    )
    places = [REPOSITORY / line for line in listed.stdout.splitlines()] or [
        *REPOSITORY.glob("*.md"),
        *(REPOSITORY / "docs").rglob("*.md"),
    ]
    texts = {path: path.read_text(errors="replace") for path in places if path.is_file()}
    assert texts
    found = [path for path, text in texts.items() if MARK.search(HEADING.sub("", text))]
    assert not found, "finish the merge"
