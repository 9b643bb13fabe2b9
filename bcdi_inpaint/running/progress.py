"""How far a long loop is: a bar on a terminal, lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from tqdm import tqdm

LOG_INTERVAL_S = 60.0
"""Between two lines of a log."""

Item = TypeVar("Item")


def with_progress(
    items: Iterable[Item], name: str, total: int, quiet: bool = False
) -> Iterator[Item]:
    """Report on stderr how many items of a loop are done: a bar on a terminal, else lines.

    Lines come from time to time and at the end.

    Parameters
    ----------
    items : what the loop goes through.
    name : what the bar and the lines begin with.
    total : how many items there are; nothing is reported if it is 0.
    quiet : whether to report nothing.

    Yields
    ------
    The items.
    """
    with count_progress(name, total, quiet or not total) as done:
        for item in items:
            yield item
            done(1)


@contextmanager
def count_progress(
    name: str,
    total: int | None = None,
    quiet: bool = False,
    *,
    n_before: int = 0,
    interval_s: float = LOG_INTERVAL_S,
    says_time_left: bool = False,
) -> Iterator[Callable[[int], None]]:
    """Report the progress of a loop on stderr: a bar on a terminal, else a line from time to time.

    Parameters
    ----------
    name : what is counted, in front of the numbers.
    total : how many there are; without it only the number done is shown.
    quiet : report nothing.
    n_before : how many were done before the loop.
    interval_s : seconds between two lines.
    says_time_left : let the lines say how many minutes are left, if `total` is known.

    Yields
    ------
    ``advance(n)``, to be called whenever `n` more are done; ``advance(0)`` while waiting.
    """
    if sys.stderr.isatty() and not quiet:
        with tqdm(desc=name, unit="", total=total, initial=n_before, leave=False) as bar:

            def advance_bar(n: int) -> None:
                bar.update(n)

            yield advance_bar
        return
    started = said = time.monotonic()
    n_done = n_before
    of_total = "" if total is None else f" of {total}"

    def advance_lines(n: int) -> None:
        nonlocal n_done, said
        n_done += n
        now = time.monotonic()
        is_last = n > 0 and n_done == total
        if quiet or not (is_last or now - said >= interval_s):
            return
        said = now
        n_now = n_done - n_before
        left = time_left(now - started, n_now, total, n_done) if says_time_left else ""
        print(f"{name}: {n_done}{of_total}{left}", file=sys.stderr, flush=True)

    yield advance_lines


def time_left(passed_s: float, n_now: int, total: int | None, n_done: int | None = None) -> str:
    """The end of a line that says how long a loop takes still.

    Parameters
    ----------
    passed_s : seconds that `n_now` items took.
    n_now : items done in that time.
    total : how many there are in all.
    n_done : how many are done, where that is more than `n_now`.

    Returns
    -------
    The words, empty where nobody can tell.

    Examples
    --------
    >>> time_left(120, 10, 30)
    ', 4 min left'
    """
    n_done = n_now if n_done is None else n_done
    if not n_now or total is None or n_done == total:
        return ""
    minutes = round(passed_s / n_now * (total - n_done) / 60)
    return f", {minutes} min left" if minutes else ", less than a minute left"


@contextmanager
def progress_bar(name: str, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal for work that says itself how far it is; elsewhere nothing.

    Yields ``progress(done, total)``, to be called with how many are done, and how many in all.
    """
    with progress_lines(name, quiet or not sys.stderr.isatty()) as progress:
        yield progress


@contextmanager
def progress_lines(name: str, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Like `progress_bar`, and where there is no terminal a line from time to time.

    A bar stands from the first call until all is done: no full one is left to whatever follows.
    """
    with ExitStack() as shown:
        before, advance = 0, None

        def progress(done: int, total: int) -> None:
            nonlocal before, advance
            if advance is None:
                if done == before == total:  # told once
                    return
                counting = count_progress(name, total, quiet, says_time_left=True)
                before, advance = 0, shown.enter_context(counting)
            advance(done - before)
            before = done
            if done == total:
                shown.close()
                advance = None

        yield progress
