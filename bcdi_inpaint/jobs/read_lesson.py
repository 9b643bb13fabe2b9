"""A lesson of a scan's file, read as `predict` reads it."""

from __future__ import annotations

from collections.abc import Sequence

from bcdi_inpaint.files import split_spec
from bcdi_inpaint.jobs.open_in_photons import open_in_photons
from bcdi_inpaint.jobs.request import Request
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.training.lessons import Lesson, lesson


def read_lesson(request: Request, widths: Sequence[int] = ()) -> Lesson:
    """What to learn from the scan of a request, named after its file.

    `widths` are those of the artificial gaps in lines, in place of the scan's own. Raises
    InputError as `files.open_scan` and `training.lessons.lesson` do.
    """
    scan = open_in_photons(request).scan
    name = split_spec(request.scan)[0].name
    return lesson(scan.part(whole(scan.shape)), name, request.gaps, widths)
