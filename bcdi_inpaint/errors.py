"""The one kind of error that a user can mend."""

from __future__ import annotations

from pydantic import ValidationError


class InputError(ValueError):
    """Bad input: a file, a value or an environment that the user can put right.

    The message is one line: the value, what was expected, and the fix. The command line prints it
    and exits with status 2.
    """


class MissingEngineError(InputError):
    """An outside engine (PyNX, LAMMPS, ...) is not installed; the message says how to get it."""


def one_line(error: ValidationError, where: str) -> InputError:
    """The first of pydantic's complaints as one line that names the key and its value."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return InputError(f"{where}: {key} is missing, expected a value")
    value = f"{key} is {first.get('input')!r}: " if key else ""
    return InputError(f"{where}: {value}{first['msg'].removeprefix('Value error, ')}")
