"""The cubes of a study: what is kept of a scan, and what is said of one that has none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from small_study import volumes

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills import Guess, Record, Subject, classical_filler
from bcdi_inpaint.jobs import study_cubes
from bcdi_inpaint.jobs.comparison import Comparison
from bcdi_inpaint.jobs.study_cubes import judge_study_cubes
from bcdi_inpaint.jobs.study_methods import StudyMethods

CUBES = {"patches": 1, "size": 16, "widths": [3, 4], "bins": 1}


def refuse(*_: object, **__: object) -> Guess:
    """A method that must not be asked."""
    raise InputError("asked to fill")


@pytest.fixture
def counts(rng: np.random.Generator) -> NDArray[np.float32]:
    """Counts of one frame as another, (16, 16, 16)."""
    return rng.poisson(9, (16, 16, 16)).astype(np.float32)


class Study:
    """Cubes of one scan, in a folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        config = volumes(cubes=CUBES, classical=["linear"])
        self.folder = folder / "parts"
        self.comparison = Comparison(config, "", folder, folder, {"held_out": folder}, quiet=True)
        self.subjects: list[Subject] = []
        self.number = 1
        self.remarks: list[str] = []
        monkeypatch.setattr(
            study_cubes, "_bright", lambda *_: [(each, self.number) for each in self.subjects]
        )

    def judge(self, fillers: dict[str, Any], **about: Any) -> list[Record]:
        """The rows, and the remarks of this time alone."""
        self.remarks.clear()
        methods = StudyMethods(fillers, **{"hashes": {}, "gone": [], "widths": {}, **about})
        return judge_study_cubes(self.comparison, methods, self.folder, self.remarks)


@pytest.fixture
def cubes(counts: NDArray[np.float32], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    made = Study(tmp_path, monkeypatch)
    made.subjects.append(Subject("S", 0, "S", counts, counts < 0))
    return made


def test_a_scan_without_a_cube_is_said_and_tried_again(
    cubes: Study, counts: NDArray[np.float32]
) -> None:
    lit, dark = cubes.subjects[0], Subject("S", 0, "S", 0 * counts, counts < 0)
    for _ in range(2):
        cubes.subjects[:] = [dark]
        assert cubes.judge({"linear": classical_filler("linear")}) == []
        (said,) = cubes.remarks
        assert "S 0: no cube of 16 voxels" in said
    (cubes.folder / "S-0000.json").write_text("[]")  # as it was kept before
    cubes.subjects[:] = [lit]
    assert len(cubes.judge({"linear": classical_filler("linear")})) == 2
    assert cubes.remarks == []


def test_a_network_without_weights_keeps_the_cubes_that_it_was_judged_in(
    cubes: Study, counts: NDArray[np.float32]
) -> None:
    linear, cubic = classical_filler("linear"), classical_filler("cubic")
    before = cubes.judge({"linear": linear, "net": cubic})
    gone = {"linear": refuse, "net": refuse}
    assert repr(cubes.judge(gone, gone=["net"])) == repr(before)
    assert cubes.remarks == []
    cubes.subjects.append(Subject("S", 1, "S", counts + 1, counts < 0))
    rows = cubes.judge({"linear": linear, "net": refuse}, gone=["net"])
    assert cubes.remarks == [
        "net: its weights are gone, and it was not judged in all cubes of S, which lack it"
    ]
    assert [(row["method"], row["cubes"]) for row in rows] == [("linear", 2)] * 2
    rows = cubes.judge({"linear": refuse, "net": cubic})  # they are there again
    assert [row["cubes"] for row in rows] == [2] * 4


def test_a_study_that_is_killed_among_cubes_goes_on_there(
    cubes: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    cubes.number = 7
    whole = cubes.judge({"linear": classical_filler("linear")})
    path = cubes.folder / "S-0000.json"
    path.unlink()
    monkeypatch.setattr(study_cubes, "SAVED_EVERY", 2)
    kept: list[int] = []

    def linear(counts: np.ndarray, gap: np.ndarray, *, bad_mask: np.ndarray) -> Guess:
        kept.append(len(json.loads(path.read_text())) if path.exists() else 0)
        if len(kept) == 11:
            raise KeyboardInterrupt
        return classical_filler("linear")(counts, gap, bad_mask=bad_mask)

    with pytest.raises(KeyboardInterrupt):
        cubes.judge({"linear": linear})
    assert kept == [0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8]  # two widths a cube
    assert repr(cubes.judge({"linear": linear})) == repr(whole)
    assert len(kept) == 11 + 14 - 10  # none was filled twice
    assert repr(cubes.judge({"linear": refuse})) == repr(whole)


def test_a_further_method_and_other_weights_alone_are_judged(cubes: Study) -> None:
    linear, cubic = classical_filler("linear"), classical_filler("cubic")
    cubes.judge({"linear": linear, "old": linear}, hashes={"old": "a"})
    both = {"linear": refuse, "net": linear}
    before = cubes.judge(both, hashes={"net": "a"})  # and a method that left is in no row
    assert [row["method"] for row in before] == ["linear", "net"] * 2
    gone = cubes.judge({"linear": refuse, "net": refuse}, hashes={"net": "a"}, gone=["net"])
    assert repr(gone) == repr(before)
    after = cubes.judge({"linear": refuse, "net": cubic}, hashes={"net": "b"})
    assert repr(after[0]) == repr(before[0])
    assert after[1]["pearson_log"].mean != before[1]["pearson_log"].mean
    none = cubes.judge({"linear": refuse, "net": refuse}, hashes={"net": "a"}, gone=["net"])
    assert [row["method"] for row in none] == ["linear"] * 2


def test_methods_keep_their_order_whichever_was_judged_first(cubes: Study) -> None:
    linear, cubic = classical_filler("linear"), classical_filler("cubic")
    cubes.judge({"linear": linear})
    rows = cubes.judge({"own": linear, "cubic": cubic, "linear": refuse}, widths={"own": 4})
    assert [row["method"] for row in rows] == ["cubic", "linear", "own", "cubic", "linear"]


def test_a_network_for_one_width_has_cubes_of_it_alone(cubes: Study) -> None:
    methods = {name: classical_filler("linear") for name in ("linear", "own")}
    rows = cubes.judge(methods, widths={"own": 4})
    assert [(row["width"], row["method"]) for row in rows] == [
        (3, "linear"),
        (4, "linear"),
        (4, "own"),
    ]
