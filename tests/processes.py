"""Processes that tests start: how they take Ctrl-C, and whether any is left."""

import signal
import time
from contextlib import suppress
from pathlib import Path


def heed_ctrl_c() -> None:
    """For `preexec_fn`: a shell that runs the tests in the background has SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def nobody_left(group: int, within_s: float = 10) -> bool:
    """Whether all processes of a group end soon."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        states = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                state, _, process_group = stat.read_text().rpartition(")")[2].split()[:3]
                states += [state] if int(process_group) == group else []
        if set(states) <= {"Z"}:  # ended, but its parent has not asked
            return True
        time.sleep(0.1)
    return False
