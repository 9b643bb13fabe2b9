from __future__ import annotations

import os
import time
from typing import Any

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.running.watched import Tell, Watched

HERE = "tests.running.test_watched"


def answers(worker: Watched) -> list[Any]:
    """All that a task tells until it ends."""
    found: list[Any] = []
    ends_s = time.monotonic() + 60
    while time.monotonic() < ends_s:
        for message in worker.messages():
            found.append(message)
            if message[0] != "told":
                return found
        time.sleep(0.01)
    raise AssertionError(found)


def test_a_process_tells_stops_fails_dies_and_works_again() -> None:
    worker = Watched()
    try:
        worker.do(f"{HERE}:count", 2)
        assert answers(worker) == [("told", 0), ("told", 1), ("done", 2)]
        worker.do(f"{HERE}:count", 10**6)
        worker.stop()
        assert answers(worker)[-1] == ("failed", "stopped before there was anything to keep")
        worker.do(f"{HERE}:refuse", "no")
        assert answers(worker) == [("failed", "no")]
        worker.do(f"{HERE}:fail")
        assert answers(worker) == [("failed", "ZeroDivisionError: division by zero")]
        before = worker.pid
        worker.do(f"{HERE}:die")
        ((kind, said),) = answers(worker)
        assert (kind, said[:32]) == ("died", "its process died (exit code 7), ")
        assert worker.pid is None
        worker.do(f"{HERE}:count", 0)
        assert answers(worker) == [("done", 0)]
        assert worker.pid != before
    finally:
        worker.end()


def count(tell: Tell, number: int) -> int:
    for k in range(number):
        tell(k)
    return number


def refuse(tell: Tell, why: str) -> None:
    raise InputError(why)


def fail(tell: Tell) -> float:
    return 1 / 0


def die(tell: Tell) -> None:
    os._exit(7)
