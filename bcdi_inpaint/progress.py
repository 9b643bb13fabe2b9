"""How far a long loop is: a bar on a terminal, lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

LOG_INTERVAL_S = 60.0
"""Between two lines of a log."""

Item = TypeVar("Item")


def told(items: Iterable[Item], name: str, total: int, quiet: bool = False) -> Iterator[Item]:
    """The items, telling on stderr how many of `total` are done: a bar on a terminal, else lines.

    Lines come from time to time and at the end. Nothing is told if `quiet` or if there is nothing
    to do.
    """
    on_terminal = sys.stderr.isatty()
    if on_terminal and not quiet and total:
        yield from tqdm(items, name, total, leave=False)
        return
    said = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if not quiet and (done == total or now - said >= LOG_INTERVAL_S):
            print(f"{name}: {done} of {total}", file=sys.stderr, flush=True)
            said = now
