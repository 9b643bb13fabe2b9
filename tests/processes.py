"""Processes that tests start, and whether any is left."""

import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

from bcdi_inpaint.running.workers import ONE_CORE


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


CLUSTER = """
import sys
from distributed import LocalCluster

options = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "protocol": "tcp"}
with LocalCluster(**options, host="127.0.0.1", dashboard_address=None) as cluster:
    print(cluster.scheduler_address, flush=True)
    sys.stdin.read()
"""


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """The address of a scheduler which, with its worker, is in another process, as on a cluster."""
    root = Path(__file__).resolve().parents[1]
    places = {"PYTHONPATH": str(root), "DASK_TEMPORARY_DIRECTORY": str(folder)}
    environment = os.environ | ONE_CORE | places
    pipes = {"stdin": PIPE, "stdout": PIPE, "stderr": DEVNULL}
    with Popen([sys.executable, "-c", CLUSTER], text=True, env=environment, **pipes) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


TEMPLATE = """
import contextlib, gc, json, os, signal, sys
import bcdi_inpaint.jobs.predict
from bcdi_inpaint.cli import main
from bcdi_inpaint.errors import MissingEngineError

with contextlib.suppress(MissingEngineError):  # commands that train would take seconds for it
    import bcdi_inpaint.training.run

gc.freeze()
print(flush=True)
for line in sys.stdin:
    order, (begun, begin) = json.loads(line), os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, name in enumerate(order["said"], 1):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.close(begin)
        exec(order["before"])
        sys.argv = ["bcdi-inpaint", *order["arguments"]]
        main()
    os.close(begin)
    os.read(begun, 1)
    os.close(begun)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Command:
    """One of our commands in a process and a session of its own, forked from a `Template`.

    Attributes
    ----------
    pid : of the process, and of its group.
    """

    def __init__(self, template: Popen[bytes], output: Path, errors: Path) -> None:
        assert template.stdout is not None
        self._ended, self._output, self._errors = template.stdout, output, errors
        self._status: int | None = None
        self.pid = int(self._ended.readline())

    @property
    def output(self) -> str:
        """What it has written to stdout so far."""
        return self._output.read_text()

    @property
    def errors(self) -> str:
        """What it has written to stderr so far."""
        return self._errors.read_text()

    def wait(self, within_s: float) -> int | None:
        """The status with which it ends, as that of `Popen`; None where it goes on."""
        if self._status is None and select.select([self._ended], [], [], within_s)[0]:
            self._status = os.waitstatus_to_exitcode(int(self._ended.readline()))
        return self._status

    def wait_for(self, ready: Callable[[], bool], within_s: float = 120) -> None:
        """Wait until something is so, for which it has to go on."""
        deadline = time.monotonic() + within_s
        while not ready():
            assert self.wait(0.02) is None, self.errors
            assert time.monotonic() < deadline


class Template:
    """A process that has loaded what commands take, and is forked for one of them at a time."""

    def __init__(self) -> None:
        command, root = [sys.executable, "-u", "-c", TEMPLATE], Path(__file__).resolve().parents[1]
        self._process = Popen(command, stdin=PIPE, stdout=PIPE, bufsize=0, cwd=root)
        assert self._process.stdout is not None
        self._process.stdout.readline()

    @contextmanager
    def running(
        self, folder: Path, arguments: Sequence[object], before: str = ""
    ) -> Iterator[Command]:
        """A command at work, which has ended when the context does.

        Parameters
        ----------
        folder : what it says is put there.
        arguments : of `bcdi-inpaint`.
        before : Python that runs in the process before the command.
        """
        said = folder / "stdout", folder / "stderr"
        words = list(map(str, arguments))
        order = {"arguments": words, "before": before, "said": list(map(str, said))}
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(order)}\n".encode())
        command = Command(self._process, *said)
        try:
            yield command
        finally:
            if command.wait(0) is None:
                os.killpg(command.pid, signal.SIGKILL)
                command.wait(60)

    def end(self) -> None:
        """No more commands."""
        with self._process as process:
            process.kill()
