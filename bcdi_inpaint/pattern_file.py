"""The HDF5 file of simulated patterns that training reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.errors import InputError

TYPE = "bcdi-inpaint patterns"
VERSION = 1


class PatternFile:
    """Patterns on disk: ``log_expectation`` (n, n_rock, n_y, n_x) float16, and what was drawn.

    ``log_expectation`` is log(1 + expected photons): half precision keeps it to 0.4 %, and
    training draws fresh Poisson noise from it each time. ``done`` (n,) tells which patterns are
    there, so that an interrupted campaign goes on where it was.
    """

    def __init__(self, file: h5py.File) -> None:
        self._file = file

    @classmethod
    @contextmanager
    def open(cls, path: Path, recipe: dict[str, object]) -> Iterator[PatternFile]:
        """Open for writing, made if absent.

        A file of another type, or made by another recipe, raises InputError and stays as it is.
        """
        if path.exists():
            _check_type(path)
        try:
            file = h5py.File(path, "a")
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error}): give another path") from error
        with file:
            text = json.dumps(recipe, sort_keys=True)
            if "done" not in file:
                shape = (recipe["count"], *recipe["shape"])  # type: ignore[misc]
                file.attrs.update(type=TYPE, version=VERSION, recipe=text)
                file.create_dataset(
                    "log_expectation", shape, "f2", chunks=(1, *shape[1:]), compression="lzf"
                )
                file.create_dataset("parameters", shape[:1], h5py.string_dtype())
                file.create_dataset("done", shape[:1], "?")
            elif file.attrs.get("recipe") != text:
                raise InputError(
                    f"{path} was made by another recipe: give another path, or delete it"
                )
            yield cls(file)

    @property
    def missing(self) -> list[int]:
        """Indices of the patterns still to make."""
        return [int(i) for i in np.flatnonzero(~self._file["done"][:])]

    def write(
        self, index: int, expectation: NDArray[np.float32], parameters: dict[str, object]
    ) -> None:
        """Store one pattern; its `done` flag comes last."""
        self._file["log_expectation"][index] = np.log1p(expectation).astype(np.float16)
        self._file["parameters"][index] = json.dumps(parameters)
        self._file.flush()
        self._file["done"][index] = True
        self._file.flush()


def read_log_expectation(path: Path) -> NDArray[np.float16]:
    """All patterns (n, n_rock, n_y, n_x) of a complete file, log(1 + expected photons).

    Raises InputError for a file that is absent, of another type or version, or incomplete.
    """
    _check_type(path)
    try:
        with h5py.File(path, "r") as file:
            if "done" not in file or not file["done"][:].all():
                raise InputError(f"{path} is incomplete: run the same command again to finish it")
            return file["log_expectation"][:]
    except OSError as error:
        raise _unreadable(path, error) from error


def _check_type(path: Path) -> None:
    """InputError for what is no pattern file of this version; only reads."""
    try:
        with h5py.File(path, "r") as file:
            kind, version = file.attrs.get("type"), file.attrs.get("version")
    except OSError as error:
        raise _unreadable(path, error) from error
    if (kind, str(version)) != (TYPE, str(VERSION)):
        raise InputError(
            f"{path} is {kind!r} version {version}, expected {TYPE!r} version {VERSION}: give "
            "another path, or make it again with this version"
        )


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be read ({error}): expected a pattern file")
