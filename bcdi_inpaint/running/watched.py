"""A process that works for a window: it tells what it has so far, can be stopped, and can die.

It is a plain `python -m`, so that no script of a user's is run again, as spawning would.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from bcdi_inpaint.errors import InputError, brief

STOP = "stop"
Message = tuple[str, Any]
"""``told``, ``done``, ``failed`` or ``died``, and what was told, done, or is to be said."""


class Watched:
    """A process that does one task at a time; it is started with the first."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self.is_busy = False

    @property
    def pid(self) -> int | None:
        """Of the process, None where there is none."""
        return None if self._process is None else self._process.pid

    def fileno(self) -> int:
        """Of the pipe, which can be read when there is a message."""
        assert self._pipe is not None, "started"
        return self._pipe.fileno()

    def start(self) -> None:
        """Start the process if there is none."""
        if self._process is not None:
            return
        self._pipe, theirs = Pipe()
        here = str(Path(__file__).parents[2])
        paths = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bcdi_inpaint.running.watched", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=os.environ | {"PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the window, which ends us
        )
        theirs.close()

    def do(self, task: str, *args: Any) -> None:
        """Begin a task, ``module:function``; it is called with a `Tell` and what can be pickled."""
        assert not self.is_busy, "one task at a time"
        self.start()
        assert self._pipe is not None
        self.is_busy = True
        with suppress(OSError):  # it died: the message says so
            self._pipe.send((task, args))

    def stop(self) -> None:
        """Ask the task to stop with the best so far."""
        if self.is_busy and self._pipe is not None:
            with suppress(OSError):
                self._pipe.send(STOP)

    def messages(self) -> Iterator[Message]:
        """What has come, without waiting."""
        while self._pipe is not None:
            try:
                if not self._pipe.poll():
                    return
                message = self._pipe.recv()
            except (EOFError, OSError):
                message = "died", self._why()
            if message[0] != "told":
                self.is_busy = False
            yield message

    def _why(self) -> str:
        code = self.end()
        return f"its process died (exit code {code}), perhaps for want of memory"

    def end(self) -> int | None:
        """End the process at once, whatever it does; its exit code."""
        process, self._process = self._process, None
        if self._pipe is not None:
            self._pipe.close()
        self._pipe, self.is_busy = None, False
        if process is None:
            return None
        try:
            return process.wait(0.2)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


class Tell:
    """What a task hands over what it has so far with, and hears whether it is to stop."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.is_stopped = False

    def __call__(self, value: Any) -> None:
        """Hand something over; KeyboardInterrupt where the task is to stop."""
        self.calmly(value)
        if self.is_stopped:
            raise KeyboardInterrupt("stopped")

    def calmly(self, value: Any) -> None:
        """Hand something over, and note in `is_stopped` whether to stop."""
        self._pipe.send(("told", value))
        if self._pipe.poll() and self._pipe.recv() == STOP:
            self.is_stopped = True


def serve(pipe: Connection) -> None:
    """The life of the process: take a task, tell, answer, until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            task = pipe.recv()
            if task != STOP:  # one that came when the task was done
                pipe.send(_answer(task[0], Tell(pipe), task[1]))


def _answer(task: str, tell: Tell, args: tuple[Any, ...]) -> Message:
    module, _, name = task.partition(":")
    try:
        return "done", getattr(importlib.import_module(module), name)(tell, *args)
    except (BrokenPipeError, ConnectionResetError):  # the window is gone
        raise
    except InputError as error:
        return "failed", str(error)
    except MemoryError:
        return "failed", "out of memory, expected room for the scan: crop it"
    except KeyboardInterrupt:
        return "failed", "stopped before there was anything to keep"
    except Exception as error:
        return "failed", f"{type(error).__name__}: {brief(error)}"


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
