"""What is said on stderr besides the command's own lines: notes about scans, and warnings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from tqdm import tqdm

from bcdi_inpaint.scan.remarks import Remark

WARNING = "warning"
"""What a line begins with that is printed whatever else is not."""


def print_note(remark: Remark) -> None:
    """Print a remark about the only scan."""
    _print(f"note: {remark}")


def noting(scan: str | None) -> Callable[[Remark], None]:
    """What prints the remarks about a scan, which is named where there are many."""
    return print_note if scan is None else lambda remark: print_notes(scan, [remark])


def print_notes(scan: str, remarks: Iterable[Remark]) -> None:
    """Print the remarks about one of many scans."""
    for remark in remarks:
        _print(f"note: {scan}: {remark}")


def print_warnings(scan: str, warnings: Iterable[str]) -> None:
    """Print the warnings about the fill of one of many scans."""
    for warning in warnings:
        _print(f"{WARNING}: {scan}: {warning}")


def printing(quiet: bool) -> Callable[[str], None]:
    """What prints a job's lines: warnings on stderr, the others on stdout unless `quiet`."""

    def say(line: str) -> None:
        if line.startswith(WARNING):
            _print(line)
        elif not quiet:
            tqdm.write(line)

    return say


def _print(line: str) -> None:
    """A line on stderr, above a bar if there is one."""
    tqdm.write(" ".join(line.split()), file=sys.stderr)
