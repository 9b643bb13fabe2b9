"""How benchmarks end: a page printed and kept, and a figure with its interval."""

from __future__ import annotations

from pathlib import Path

from bcdi_inpaint.evaluation.fills.averages import Interval
from bcdi_inpaint.safe_files import replace_file


def tell(text: str, kept: Path | None = None) -> None:
    """Print a page, and keep it in a file where one is asked for."""
    print(text)
    if kept is not None:
        replace_file(kept, text.encode())


def with_interval(interval: Interval) -> str:
    """A change and the ends of its interval, to a tenth.

    >>> with_interval(Interval(1.0, -0.25, 2.0))
    '+1.0 [-0.2, +2.0]'
    """
    return f"{interval.mean:+.1f} [{interval.low:+.1f}, {interval.high:+.1f}]"
