"""The one kind of error that a user can mend."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, get_args, get_origin

if TYPE_CHECKING:  # it takes a tenth of a second, which `import bcdi_inpaint` does not have
    from pydantic import BaseModel, ValidationError


class InputError(ValueError):
    """Bad input: a file, a value or an environment that the user can put right.

    The message is one line: the value, what was expected, and the fix. The command line prints it
    and exits with status 2.
    """


class MissingEngineError(InputError):
    """An outside engine (PyNX, LAMMPS, ...) is not installed; the message says how to get it."""


def one_line(
    error: ValidationError, where: str, model: type[BaseModel] | None = None
) -> InputError:
    """The first of pydantic's complaints as one line that names the key and its value.

    Parameters
    ----------
    error : what pydantic raised.
    where : the file, or the words that the line begins with.
    model : what was to be made: of it the valid keys are named where one is unknown.

    Returns
    -------
    The error that the caller is to raise.
    """
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return InputError(f"{where}: {key} is missing, expected a value")
    if first["type"] == "extra_forbidden":
        valid = ", ".join(_keys_at(model, first["loc"][:-1])) or "none of this name"
        some = "one of " if "," in valid else ""
        return InputError(
            f"{where}: {key} is {first.get('input')!r}, and no such key is known, expected "
            f"{some}{valid}: mend its name or leave it out"
        )
    value = f"{key} is {first.get('input')!r}: " if key else ""
    return InputError(f"{where}: {value}{first['msg'].removeprefix('Value error, ')}")


def _keys_at(kind: Any, place: Sequence[int | str]) -> list[str]:
    """The keys of the model at a place that pydantic names; none where there is no model."""
    fields = getattr(kind, "model_fields", None) if isinstance(kind, type) else None
    if fields is not None:
        if not place:
            return [*fields]
        return _keys_at(fields[place[0]].annotation, place[1:]) if place[0] in fields else []
    tags = [each.tag for each in getattr(kind, "__metadata__", ()) if hasattr(each, "tag")]
    if tags and place[:1] != (tags[0],):
        return []  # another kind of those that may stand here
    is_item = tags or get_origin(kind) in (dict, list, tuple)
    parts = get_args(kind)[:1] if tags else get_args(kind)
    found = (_keys_at(part, place[1:] if is_item else place) for part in parts)
    return next((keys for keys in found if keys), [])


def brief(error: BaseException) -> str:
    """An error of a library on one line of at most 200 characters."""
    text = " ".join(str(error).split())
    if text[:1] in "'\"" and text[:1] == text[-1:]:  # a KeyError's
        text = text[1:-1]
    return text[:200] or type(error).__name__


NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "std::bad_alloc")
"""What torch says, with a RuntimeError, where the host or a GPU has no memory left."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was too small; torch, PyCUDA and PyOpenCL have errors of their own for that.

    Examples
    --------
    >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    True
    >>> is_out_of_memory(RuntimeError("a bug"))
    False
    """
    if isinstance(error, MemoryError) or type(error).__name__ in (
        "MemoryError",
        "OutOfMemoryError",
    ):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)


@contextmanager
def memory_errors() -> Iterator[None]:
    """Whatever tells of too little memory comes out as a MemoryError."""
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryError(brief(error)) from error


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import a library that not every installation has.

    Parameters
    ----------
    module : its name, for example ``lightning.pytorch``.
    extra : the extra of this package that brings it: ``simulate``, ``train`` or ``cluster``.
    purpose : what it is needed for, as in "expected it for training".

    Returns
    -------
    The module.

    Raises
    ------
    MissingEngineError
        The library is not installed; the message has the command that installs it.

    Examples
    --------
    >>> require("a_library_that_nobody_has", "train", "training")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    bcdi_inpaint.errors.MissingEngineError: a_library_that_nobody_has is not installed, ...
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if (error.name or "").partition(".")[0] != package:
            raise  # the library is there, and lacks something of its own
        raise MissingEngineError(
            f"{package} is not installed, expected it for {purpose}: "
            f"pip install 'bcdi-inpaint[{extra}]'"
        ) from error
