"""Processes of MPI that share a command of PyNX's, where there are several."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.pynx_engine import import_pynx


def all_processes() -> Any | None:
    """The communicator of all processes, as PyNX finds them; None for a process alone."""
    mpi = import_pynx("mpi").MPI
    return None if mpi is None or mpi.COMM_WORLD.Get_size() < 2 else mpi.COMM_WORLD


@contextmanager
def stopping_together() -> Iterator[None]:
    """When one process fails or is through early, the others do not wait for it for ever."""
    try:
        yield
    except (InputError, SystemExit) as stop:
        others = all_processes()
        if others is None:
            raise
        status = 2
        if isinstance(stop, SystemExit):
            status = int(stop.code or 0)
        else:
            print(f"bcdi-inpaint: {stop}", file=sys.stderr, flush=True)
        sys.stdout.flush()
        others.Abort(status)
        raise
