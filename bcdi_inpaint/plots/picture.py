"""The file of a picture: which names are good, and writing it whole."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.safe_files import replace_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg")


def checked_picture(path: str | os.PathLike[str], force: bool) -> Path:
    """The path of a picture that may be written; InputError if it may not."""
    path = Path(path)
    if path.suffix.lower().removeprefix(".") not in FORMATS:
        raise InputError(
            f"picture {path} ends in {path.suffix!r}, expected one of "
            f"{', '.join('.' + name for name in FORMATS)}: rename it"
        )
    if not path.parent.is_dir():
        raise InputError(f"folder {path.parent} is missing, expected it for {path.name}: make it")
    if path.is_dir() or (path.exists() and not force):
        raise InputError(f"picture {path} exists, expected a new name: choose one or use --force")
    return path


def finish(figure: Figure, path: Path | None) -> Figure:
    """Give back a figure that is drawn; write it to `path` first, if there is one.

    It is written to a temporary file beside `path` and then put in place, whole or not at all.
    Raises InputError where it cannot be written.
    """
    if path is not None:
        _write(figure, path)
    return figure


def _write(figure: Figure, path: Path) -> None:
    stream = io.BytesIO()
    if path.suffix.lower() == ".png":
        _write_png(figure, stream)
    else:
        figure.savefig(stream, format=path.suffix.lower().removeprefix("."))
    replace_file(path, stream.getbuffer())


def _write_png(figure: Figure, file: BinaryIO) -> None:
    """Write with a palette of 256 colours: a third of the size, and the same to the eye."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image as PillowImage

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = PillowImage.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    palette = picture.quantize(
        256, PillowImage.Quantize.MAXCOVERAGE, dither=PillowImage.Dither.NONE
    )
    palette.save(file, format="PNG", optimize=True)
