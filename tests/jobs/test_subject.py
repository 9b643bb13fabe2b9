from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import write_scan
from bcdi_inpaint.files.example import load_example
from bcdi_inpaint.jobs.predict import predict
from bcdi_inpaint.jobs.request import Request
from bcdi_inpaint.jobs.subject import add_file, subject_of_files


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """The middle of the example, 16 x 48 x 48 voxels, in a file."""
    part = load_example().part((slice(16, 32), slice(8, 56), slice(8, 56)))
    write_scan(tmp_path / "scan.cxi", part.counts, part.bad_mask)
    return tmp_path / "scan.cxi"


def test_fills_of_one_file_name_have_names_of_their_own(scan: Path) -> None:
    first, second = (scan.parent / folder / "fill.cxi" for folder in ("a", "b"))
    first.parent.mkdir()
    predict(Request(str(scan), first, method="linear"))
    shutil.copytree(first.parent, second.parent)
    subject = subject_of_files([str(scan), str(first), str(second)])
    add_file(subject, str(second))
    add_file(subject, str(second))
    names = [named.name for named in subject.fills]
    assert names == ["fill.cxi", "b/fill.cxi", "b/fill.cxi (2)", "b/fill.cxi (3)"]


def test_no_command_line_is_given_while_no_file_holds_what_was_drawn(scan: Path) -> None:
    subject = subject_of_files([str(scan)])
    assert subject.command(subject.question(), None) == f"bcdi-inpaint predict {scan}"
    subject.marks.draw(0, np.eye(48, dtype=bool), everywhere=True)
    with pytest.raises(InputError, match="expected one that --mask takes them from: save the fill"):
        subject.command(subject.question(), None)
    assert "--mask=out.cxi:/" in subject.command(subject.question(), Path("out.cxi"))
