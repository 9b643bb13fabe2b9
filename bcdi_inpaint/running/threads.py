"""Work in threads of this process: for what leaves the interpreter's lock, as zlib does."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

MOST_THREADS = 4
"""Each holds a block of frames; more would take memory and wait for the disk."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Work on items in threads; not more of them are under way than threads.

    Yields what `work` makes of each item, in the items' order.

    Examples
    --------
    >>> list(in_threads(len, ["a", "bcd", ""]))
    [1, 3, 0]
    """
    n_threads = min(len(os.sched_getaffinity(0)), MOST_THREADS)
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(n_threads) as pool:
        try:
            for item in items:
                if len(waiting) == n_threads:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(work, item))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
