"""PyNX's runner as a program: its command line, and what it stops at in one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace

from bcdi_inpaint.errors import InputError, brief, is_out_of_memory
from bcdi_inpaint.pynx_engine import import_pynx, quiet


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


def check_psf(asked: object) -> None:
    """Refuse a psf that PyNX would stumble at in the first run; it reads the words itself."""
    if not isinstance(asked, str):
        return
    reader = import_pynx("cdi.runner.runner").CDIRunnerScan.get_psf
    try:
        with quiet():
            reader(SimpleNamespace(params={"psf": asked}))
    except Exception as error:
        raise InputError(
            f"psf is {asked} ({brief(error)}), expected PyNX's model with its numbers, or a file: "
            "for example --psf pseudo-voigt,1,0.05,20"
        ) from error


def _in_one_line(error: Exception) -> InputError:
    if isinstance(error, InputError):
        return error
    if is_out_of_memory(error):
        return InputError("out of memory while phasing: take a smaller roi, or --rebin 2")
    return InputError(f"PyNX stopped: {type(error).__name__}: {brief(error)}")
