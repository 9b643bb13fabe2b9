"""Progress bars: on a terminal; elsewhere nothing, the log has its lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress_bar(what: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar that is told how many are done, and how many there are in all."""
    off = quiet or not sys.stderr.isatty()
    with tqdm(desc=what, unit="", leave=False, disable=off) as bar:

        def update(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield update
