"""Who does the work of many tasks: processes of this machine, or a cluster's workers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager

from bcdi_inpaint.errors import InputError, require
from bcdi_inpaint.running.workers import NO_GPU, Workers


def open_executor(
    workers: int | None,
    scheduler: str | None,
    n_tasks: int,
    environment: Mapping[str, str] = NO_GPU,
) -> AbstractContextManager[Executor]:
    """Open what carries out tasks; leaving the context cancels what is not done.

    Parameters
    ----------
    workers : local processes; None for one a core. There are never more than tasks.
    scheduler : address of a dask.distributed scheduler, whose workers do the work instead; None
        for local processes.
    n_tasks : how many tasks will be submitted.
    environment : variables of the local processes.

    Returns
    -------
    A context manager that gives a `concurrent.futures.Executor`.

    Raises
    ------
    InputError
        Where the scheduler does not answer.
    MissingEngineError
        Where dask.distributed is not installed.
    """
    if scheduler is not None:
        return _cluster(scheduler)
    return Workers(min(workers or len(os.sched_getaffinity(0)), n_tasks), environment)


@contextmanager
def _cluster(address: str) -> Iterator[Executor]:
    """The workers of a dask.distributed scheduler; what is not done is cancelled at the end."""
    distributed = require("distributed", "cluster", "--scheduler")
    try:
        client = distributed.Client(address, timeout="15s", set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"scheduler {address!r} does not answer ({' '.join(str(error).split())}), expected "
            "the address of a dask scheduler: for example --scheduler tcp://host:8786"
        ) from error
    with client:
        workers = client.get_executor(pure=False)
        try:
            yield workers
        finally:
            workers.shutdown(wait=False)
