from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import default_output, write_scan
from bcdi_inpaint.files.example import load_example
from bcdi_inpaint.filling.streamed_fill import StreamedFill
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.jobs.asked import Question
from bcdi_inpaint.jobs.batch import done_before
from bcdi_inpaint.jobs.outcome import THERE
from bcdi_inpaint.jobs.request import Request
from bcdi_inpaint.jobs.watched_fill import attempt, fill, write
from bcdi_inpaint.running.watched import Tell
from bcdi_inpaint.scan.boxes import whole

SHAPE = (16, 48, 48)


class Unheard(Tell):
    """Tells nobody."""

    def __init__(self) -> None:
        self.is_stopped = False

    def calmly(self, value: Any) -> None:
        pass


@pytest.fixture
def question(tmp_path: Path) -> Question:
    """How the middle of the example is filled."""
    part = load_example().part((slice(16, 32), slice(8, 56), slice(8, 56)))
    write_scan(tmp_path / "scan.cxi", part.counts, part.bad_mask)
    gaps = Gap(1, 30, 36), Gap(2, 31, 37)
    return Question(str(tmp_path / "scan.cxi"), gaps, {"method": "linear"})


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_fill_outside_the_gaps_is_not_written(
    question: Question, tmp_path: Path, is_streamed: bool
) -> None:
    answer = attempt(Unheard(), question, (Gap(1, 12, 18),)).answer
    if not is_streamed:
        answer = replace(answer, fill=answer.fill.alone(whole(SHAPE)))
    assert isinstance(answer.fill, StreamedFill) == is_streamed
    output = tmp_path / "tried.cxi"
    n = 16 * 6 * (48 - 6)
    said = rf"covers {n} voxels outside the gaps \(rows 30:36, cols 31:37\), expected"
    with pytest.raises(InputError, match=said):
        write(Unheard(), question, answer, output, False, "no command")
    assert not output.exists()


@pytest.mark.parametrize("marked", [None, "drawn", "rest"])
def test_voxels_marked_by_hand_are_part_of_the_job(question: Question, marked: str | None) -> None:
    request = Request(question.scan, gaps=question.gaps, method="linear")
    voxels = np.zeros(SHAPE, bool)
    voxels[:, 20:24, 20:24] = True
    if marked is not None:
        question = replace(question, **{marked: voxels})
    answer = fill(Unheard(), question)
    write(Unheard(), question, answer, default_output(question.scan), False, "no command")
    if marked is None:
        done = done_before(request)
        assert done is not None
        assert done.status == THERE
    else:
        with pytest.raises(InputError, match="was made of other input or with other settings"):
            done_before(request)
