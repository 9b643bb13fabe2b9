"""Results of PyNX's runner get their names when they are complete.

What a stopped command was writing lies in a hidden folder, which the same command removes when it
begins again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from bcdi_inpaint.errors import InputError

UNFINISHED = ".bcdi-inpaint-unfinished-"
"""What the hidden folder's name begins with; the command and the process follow."""


class WritesWhole:
    """A runner's scan whose results are whole, in CXI and in npz.

    Attributes
    ----------
    command : what the command is known by.
    """

    command = ""
    cdi: Any
    params: dict[str, Any]
    saved_results: list[dict[str, Any]]

    def load_data(self) -> None:
        """PyNX's loading; what a stopped command left is removed."""
        remove_unfinished(self.command)
        super().load_data()  # type: ignore[misc]

    def save_result(self, file_name: str | None = None, verbose: bool = True) -> None:
        """PyNX's saving, of whole files."""
        with hidden_folder(self.command) as folder, whole_cxi(self.cdi, folder):
            if self.params["output_format"].lower() != "npz":
                super().save_result(file_name, verbose)  # type: ignore[misc]
                return
            with chdir(folder):
                super().save_result(file_name, verbose)  # type: ignore[misc]
            self._put_in_place(folder)

    def _put_in_place(self, folder: Path) -> None:
        """Move what was saved last to where it belongs; only its own run's is replaced."""
        for path in folder.glob("*.npz"):
            own, number = Path(path.name), 0
            while own.exists() and self.params["save"] != "all":
                number += 1
                own = Path(f"{path.stem}_{number:02d}{path.suffix}")
            path.replace(own)
            self.saved_results[-1]["file_name"] = str(own)


@contextmanager
def hidden_folder(command: str) -> Iterator[Path]:
    """A folder in the working directory, which goes with all that is left in it.

    Raises
    ------
    InputError
        What is written there does not fit, or may not be written.
    """
    folder = Path(f"{UNFINISHED}{command[:12]}-{os.getpid()}").absolute()
    try:
        folder.mkdir(exist_ok=True)
        yield folder
    except OSError as error:
        raise InputError(
            f"a result cannot be written in {folder.parent} ({error.strerror or error}), expected "
            "room for it: the same command goes on when there is some"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_unfinished(command: str) -> None:
    """Remove what processes of a command that are no more were writing here."""
    for folder in Path().glob(f"{UNFINISHED}{command[:12]}-*"):
        process = folder.name.rpartition("-")[2]
        if not Path("/proc", process).exists():
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def whole_cxi(cdi: Any, folder: Path) -> Iterator[None]:
    """PyNX's `cdi` writes a CXI in a folder; it moves when it is complete.

    Parameters
    ----------
    cdi : PyNX's.
    folder : on the same disk as the results.
    """
    own = cdi.save_obj_cxi

    def save(filename: str, *args: Any, append: bool = False, **options: Any) -> None:
        part = folder / Path(filename).name
        if append and Path(filename).exists():
            shutil.copyfile(filename, part)
        own(str(part), *args, append=append, **options)
        part.replace(filename)

    cdi.save_obj_cxi = save
    try:
        yield
    finally:
        del cdi.save_obj_cxi
