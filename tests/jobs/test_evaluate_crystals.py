"""Pictures of an evaluation of crystals."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals.config import PhasingConfig
from bcdi_inpaint.evaluation.crystals.known_crystal import CrystalView
from bcdi_inpaint.evaluation.crystals.records import read_records
from bcdi_inpaint.jobs import evaluate_crystals
from bcdi_inpaint.jobs.evaluate_crystals import (
    CrystalEvaluation,
    GapPictures,
    RetrievalTable,
    prepare_crystals,
)
from bcdi_inpaint.network.weights import load_model


def test_the_first_gap_of_a_width_and_setting_is_drawn_and_no_gap_of_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    treatments: list[list[str]] = []

    def draw(*given: Any, title: str, path: Path, force: bool) -> None:
        drawn.append(f"{path.name}: {title}")
        treatments.append(list(given[2]))
        path.write_bytes(b"")

    monkeypatch.setattr(evaluate_crystals, "intensity_panel", draw)
    volume = np.ones((4, 8, 8), dtype=np.float32)
    rows, frames = np.zeros(volume.shape, dtype=bool), np.zeros(volume.shape, dtype=bool)
    rows[:, 2:4] = frames[1:3] = True

    def shown(
        name: str, width: int, gap: np.ndarray, among: tuple[str, ...] = ("mask", "complete")
    ) -> CrystalView:
        found = dict.fromkeys(among, volume)
        return CrystalView(
            name, width, "known support", volume, gap, found, {"truth": volume, **found}
        )

    pictures = GapPictures(tmp_path, force=False)
    for one in (shown("a", 2, frames), shown("b", 2, rows), shown("c", 2, rows)):
        pictures(one)
    pictures(shown("d", 6, rows))
    first = [
        "gap_2_known_support.png: b, known support",
        "gap_6_known_support.png: d, known support",
    ]
    assert drawn == first
    GapPictures(tmp_path, force=False)(shown("e", 2, rows))  # it is there
    assert drawn == first
    GapPictures(tmp_path, force=True)(shown("e", 2, rows))
    assert drawn[2:] == ["gap_2_known_support.png: e, known support"]
    pictures(shown("f", 9, rows, ("refined hard",)))  # of a run that goes on with others known
    assert treatments == [["mask"]] * 3 + [["refined hard"]]


def test_what_is_done_of_a_gap_is_kept_and_gone_on_with(tmp_path: Path) -> None:
    config = PhasingConfig()
    evaluation = CrystalEvaluation(config, tmp_path, load_model(), [])
    place = {"crystal": "one", "width": 6, "number": 0, "distance": 3}
    place |= {"setting": "known support"}
    first = place | {"treatment": "complete", "phase_rms_rad": 0.1}
    RetrievalTable(evaluation).keep([first])
    (known,) = read_records(tmp_path / "retrievals.csv")
    assert known["phase_rms_rad"] == 0.1
    assert np.isnan(known["ratio_phase_rms_rad"])
    table = RetrievalTable(replace(evaluation, known=[known]))
    second = place | {"treatment": "mask", "phase_rms_rad": 0.2}
    table.keep([second])
    assert [one["treatment"] for one in table.all([second])] == ["mask", "complete"]
    done = [one | {"ratio_phase_rms_rad": one["phase_rms_rad"] / 0.2} for one in (first, second)]
    table.take(done)
    assert [one["ratio_phase_rms_rad"] for one in read_records(tmp_path / "retrievals.csv")] == [
        0.5,
        1.0,
    ]


def test_rows_of_before_anything_was_refined_are_not_gone_on_with_where_something_is(
    tmp_path: Path,
) -> None:
    def prepare(*treatments: str) -> CrystalEvaluation:
        config = PhasingConfig.model_validate({"scores": {"treatments": ["mask", *treatments]}})
        return prepare_crystals(config, {}, tmp_path)

    row = {"crystal": "one", "width": 6, "number": 0, "distance": 3, "setting": "x"}
    RetrievalTable(prepare()).keep([row | {"treatment": "mask", "phase_rms_rad": 0.1}])
    assert [known["treatment"] for known in prepare("prior").known] == ["mask"]
    with pytest.raises(InputError, match=r"exists, expected a new evaluation"):
        prepare("refined prior")  # free voxels, and with them the masked one's starts, are others
