"""Local processes that work for us, and that certainly end.

`multiprocessing.Pool` can hang when it is torn down: its processes share one queue, and one that is
ended while it holds the queue's lock leaves everybody else waiting for it. Here each process has a
pipe of its own and shares no lock, so any of them can be ended at any moment.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

ONE_CORE = {
    name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
}  # the processes are the parallelism; also, sums over threads differ in their last bits
NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}
_Task = tuple["Future[Any]", Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class WorkerDiedError(RuntimeError):
    """A process ended in the middle of its task: killed, out of memory, or a crash in C."""


class Workers(Executor):
    """`count` processes, one core each, that heed no Ctrl-C: their parent ends them.

    Tasks are handed out in the order of their submission. Leaving the context ends the processes
    at once, whatever they do; tasks that are not done are cancelled.
    """

    def __init__(self, count: int, environment: Mapping[str, str] = NO_GPU) -> None:
        self._environment = ONE_CORE | dict(environment)
        self._waiting: deque[_Task] = deque()
        self._crew: dict[Connection, SpawnProcess] = {}
        self._busy: dict[Connection, Future[Any]] = {}
        self._closed = False
        self._awake, self._alarm = os.pipe()
        os.set_blocking(self._alarm, False)
        self._thread = threading.Thread(target=self._dispatch, daemon=True)
        try:
            for _ in range(count):
                self._hire()
            self._thread.start()
        except BaseException:
            self._end()
            raise

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have `fn` called in a process; both it and its arguments have to be picklable."""
        if self._closed:
            raise RuntimeError("these workers were sent home")
        future: Future[Any] = Future()
        self._waiting.append((future, fn, args, kwargs))
        self._ring()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:
        """End the processes now; `wait` and `cancel_futures` make no difference."""
        if not self._closed:
            self._end()

    def _ring(self) -> None:
        with suppress(BlockingIOError):  # rung already, many times
            os.write(self._alarm, b"!")

    def _hire(self) -> None:
        ours, theirs = get_context("spawn").Pipe()
        process = get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
        with _ctrl_c_held(), _environment(self._environment):
            process.start()
        theirs.close()
        self._crew[ours] = process

    def _dispatch(self) -> None:
        """The thread between the submitted tasks and the processes."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the main thread answers it
        while not self._closed:
            self._hand_out()
            for ready in wait([self._awake, *self._busy]):
                if isinstance(ready, Connection):
                    self._take_back(ready)
                else:
                    os.read(self._awake, 4096)

    def _hand_out(self) -> None:
        for pipe in [pipe for pipe in self._crew if pipe not in self._busy]:
            while self._waiting and pipe not in self._busy:
                future, *task = self._waiting.popleft()
                if not future.set_running_or_notify_cancel():
                    continue
                self._busy[pipe] = future
                with suppress(BrokenPipeError, ConnectionResetError):  # found when it is read
                    pipe.send(task)

    def _take_back(self, pipe: Connection) -> None:
        try:
            result, error = pipe.recv()
        except (EOFError, OSError):
            result, error = None, self._replace(pipe)
        future = self._busy.pop(pipe)
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def _replace(self, pipe: Connection) -> WorkerDiedError:
        """A new process for one that died, and what there is to say about the old one."""
        process = self._crew.pop(pipe)
        process.join(5)
        pipe.close()
        if not self._closed:
            self._hire()
        return WorkerDiedError(
            f"its process died (exit code {process.exitcode}), perhaps for want of memory"
        )

    def _end(self) -> None:
        with _ctrl_c_held():  # a second one waits for the first
            self._closed = True
            self._ring()
            for process in list(self._crew.values()):  # the thread takes the dead ones out
                process.terminate()
            if self._thread.ident is not None:
                self._thread.join(5)
            for pipe, process in list(self._crew.items()):
                process.join(2)
                if process.is_alive():
                    process.kill()
                    process.join(5)
                pipe.close()
            os.close(self._alarm)
            os.close(self._awake)
        for future, *_ in self._waiting:
            if future.cancel():
                future.set_running_or_notify_cancel()  # tells those who wait for it
        for future in self._busy.values():
            if not future.done():
                future.set_exception(WorkerDiedError("its process was ended"))


def _serve(pipe: Connection) -> None:
    """The life of a process: take a task, answer (result, error), until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            answer: tuple[Any, Exception | None]
            try:
                fn, args, kwargs = pipe.recv()
                answer = fn(*args, **kwargs), None
            except (EOFError, ConnectionResetError):
                return
            except Exception as error:
                answer = None, error
            pipe.send(answer)


@contextmanager
def _ctrl_c_held() -> Iterator[None]:
    """Ctrl-C waits meanwhile, and processes that are started here never get it.

    One that is starting would else answer with a traceback.
    """
    resource_tracker.ensure_running()  # else it is started below, and lets Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
