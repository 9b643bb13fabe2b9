"""How far a long loop is: a bar on a terminal, lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tqdm import tqdm

LOG_INTERVAL_S = 60.0
"""Between two lines of a log."""

Item = TypeVar("Item")


def with_progress(
    items: Iterable[Item], name: str, total: int, quiet: bool = False
) -> Iterator[Item]:
    """The items, telling on stderr how many of `total` are done: a bar on a terminal, else lines.

    Lines come from time to time and at the end. Nothing is told if `quiet` or if there is nothing
    to do.
    """
    with count_progress(name, total, quiet or not total) as done:
        for item in items:
            yield item
            done(1)


@contextmanager
def count_progress(
    name: str, total: int | None = None, quiet: bool = False
) -> Iterator[Callable[[int], None]]:
    """A function to be called with how many more are done, which are told as `told` does.

    Where nobody knows the total, the bar and the lines go without.
    """
    if sys.stderr.isatty() and not quiet:
        with tqdm(desc=name, unit="", total=total, leave=False) as bar:

            def moved(number: int) -> None:
                bar.update(number)

            yield moved
        return
    so_far, said = 0, time.monotonic()
    of_total = "" if total is None else f" of {total}"

    def done(number: int) -> None:
        nonlocal so_far, said
        so_far += number
        now = time.monotonic()
        if not quiet and (so_far == total or now - said >= LOG_INTERVAL_S):
            print(f"{name}: {so_far}{of_total}", file=sys.stderr, flush=True)
            said = now

    yield done
