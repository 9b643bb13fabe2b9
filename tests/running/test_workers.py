"""Processes that work in parallel, and that certainly end."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import CancelledError, wait
from multiprocessing.context import SpawnProcess

import pytest

from bcdi_inpaint.running.workers import WorkerDiedError, Workers


def test_each_answer_belongs_to_its_task() -> None:
    with Workers(2) as workers:
        futures = {n: workers.submit(pow, n, 2) for n in range(50)}
        assert {n: future.result(30) for n, future in futures.items()} == {
            n: n * n for n in range(50)
        }


def test_an_error_comes_back_and_the_process_goes_on() -> None:
    with Workers(1) as workers:
        with pytest.raises(ValueError, match="invalid literal"):
            workers.submit(int, "x").result(30)
        assert workers.submit(int, "3").result(30) == 3


def test_a_process_that_dies_costs_its_own_task_alone() -> None:
    with Workers(1) as workers:
        dying, next_one = workers.submit(os._exit, 7), workers.submit(abs, -5)
        with pytest.raises(WorkerDiedError, match="exit code 7"):
            dying.result(30)
        assert next_one.result(30) == 5


def test_each_process_has_one_core_and_no_gpu_and_the_parent_keeps_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with Workers(1) as workers:
        assert workers.submit(os.getenv, "OMP_NUM_THREADS").result(30) == "1"
        assert workers.submit(os.getenv, "CUDA_VISIBLE_DEVICES").result(30) == ""
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_processes_heed_no_ctrl_c() -> None:
    with Workers(1) as workers:
        pid = workers.submit(os.getpid).result(30)
        os.kill(pid, signal.SIGINT)
        assert workers.submit(os.getpid).result(30) == pid


def test_leaving_ends_busy_processes_at_once_and_cancels_what_waits() -> None:
    with Workers(1) as workers:
        pid = workers.submit(os.getpid).result(30)
        busy, waiting = workers.submit(time.sleep, 600), workers.submit(abs, 1)
        while not busy.running():
            time.sleep(0.01)
        started = time.monotonic()
    assert time.monotonic() - started < 10
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert wait([busy, waiting], timeout=5).not_done == set()
    with pytest.raises(WorkerDiedError):
        busy.result()
    with pytest.raises(CancelledError):
        waiting.result()
    with pytest.raises(RuntimeError, match="sent home"):
        workers.submit(abs, 1)


def test_one_that_is_found_dead_meanwhile_spoils_no_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The thread that watches them takes out those that died, also while they are ended."""
    workers = Workers(2)
    processes, end = [*workers._crew.values()], SpawnProcess.terminate

    def ended_and_found(process: SpawnProcess) -> None:
        end(process)
        workers._replace(next(pipe for pipe, own in workers._crew.items() if own is process))

    monkeypatch.setattr(SpawnProcess, "terminate", ended_and_found)
    workers.shutdown()
    assert not any(process.is_alive() for process in processes)
