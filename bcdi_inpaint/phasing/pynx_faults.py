"""PyNX's runner as a program: its command line, and what it stops at in one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bcdi_inpaint.errors import InputError, brief, is_out_of_memory


@contextmanager
def as_program(command: str, arguments: Sequence[str]) -> Iterator[None]:
    """The command line as PyNX reads it."""
    before = sys.argv
    sys.argv = [command, *arguments]
    try:
        yield
    finally:
        sys.argv = before


@contextmanager
def failures_in_one_line() -> Iterator[None]:
    """What PyNX stops at becomes an InputError of one line."""
    try:
        yield
    except SystemExit as stop:
        cause = stop.__context__  # PyNX prints an error and exits
        if not stop.code or not isinstance(cause, Exception):
            raise
        raise _in_one_line(cause) from cause
    except InputError:
        raise
    except Exception as error:
        raise _in_one_line(error) from error


def _in_one_line(error: Exception) -> InputError:
    if isinstance(error, InputError):
        return error
    if is_out_of_memory(error):
        return InputError("out of memory while phasing: take a smaller roi, or --rebin 2")
    return InputError(f"PyNX stopped: {type(error).__name__}: {brief(error)}")
