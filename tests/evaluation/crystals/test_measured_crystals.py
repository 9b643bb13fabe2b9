"""Measured scans whose reference is the reconstruction of their complete counts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals import measured_crystals
from bcdi_inpaint.evaluation.crystals.config import CrystalScoresConfig, MeasuredConfig
from bcdi_inpaint.evaluation.crystals.measured_crystals import find_scans, measured_crystal

SCAN = MeasuredConfig(name="mine", file="mine.npz", mask_key="mask", size=32)
SHORT = CrystalScoresConfig(starts=1, hio=0, raar=15, er=5)


def _write(folder: Path, counts: np.ndarray) -> Path:
    mask = np.zeros(counts.shape, dtype=np.int8)
    mask[3, 4, 5] = 1
    np.savez(folder / "mine.npz", counts=counts, mask=mask)
    return folder / "mine.npz"


def test_scans_are_found_by_their_path_or_folder_and_others_left_out(tmp_path: Path) -> None:
    path = _write(tmp_path, np.ones((8, 8, 8), dtype=int))
    direct = SCAN.model_copy(update={"file": str(path)})
    absent = SCAN.model_copy(update={"name": "other", "file": "other.npz"})
    found, lines = find_scans([SCAN, direct, absent], tmp_path)
    assert [place for _, place in found] == [path, path]
    assert len(lines) == 1
    assert "other left out" in lines[0]


@pytest.mark.usefixtures("pynx")
def test_the_reference_is_made_once_and_kept(
    tmp_path: Path, counts: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path, counts.astype(np.int64))
    size = min(counts.shape)
    scan = SCAN.model_copy(update={"size": size})
    crystal = measured_crystal(scan, path, SHORT, tmp_path)
    assert crystal.counts.shape == crystal.truth.shape == (size,) * 3
    assert crystal.kind == "measured"
    assert crystal.bad is not None
    assert np.abs(crystal.truth).max() > 0
    kept = tmp_path / "reference_mine.npz"
    before = kept.read_bytes()
    again = measured_crystal(scan, path, SHORT, tmp_path)
    assert kept.read_bytes() == before
    np.testing.assert_array_equal(again.truth, crystal.truth)


def test_a_reference_that_was_made_of_something_else_is_not_taken(
    tmp_path: Path, counts: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, made = _write(tmp_path, counts.astype(np.int64)), list[str]()

    def make(counts: np.ndarray, *_: Any) -> np.ndarray:
        made.append("made")
        return np.full(counts.shape, len(made), np.complex64)

    monkeypatch.setattr(measured_crystals, "_reference", make)
    measured_crystal(SCAN, path, SHORT, tmp_path)
    longer = SHORT.model_copy(update={"raar": 30})
    larger = SCAN.model_copy(update={"size": 40})
    for scan, config in ((SCAN, longer), (larger, SHORT)):
        with pytest.raises(InputError, match="was made of other counts, or with other settings"):
            measured_crystal(scan, path, config, tmp_path)
    forced = measured_crystal(larger, path, SHORT, tmp_path, force=True)
    assert forced.truth.shape == forced.counts.shape == (40, 40, 40)
    again = measured_crystal(larger, path, SHORT, tmp_path, force=True)
    assert again.truth[0, 0, 0] == len(made) == 2


def test_a_reference_of_before_is_taken_and_told(
    tmp_path: Path, counts: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, lines = _write(tmp_path, counts.astype(np.int64)), list[str]()
    monkeypatch.setattr(
        measured_crystals, "_reference", lambda counts, *_: np.ones(counts.shape, np.complex64)
    )
    np.savez(tmp_path / "reference_mine.npz", obj=np.zeros((32, 32, 32), np.complex64))
    before = measured_crystal(SCAN, path, SHORT, tmp_path, tell=lines.append)
    assert not before.truth.any()
    assert lines == ["reference_mine.npz does not say what it was made of: --force makes it anew"]
    assert measured_crystal(SCAN, path, SHORT, tmp_path, force=True).truth.all()


def test_a_box_that_does_not_fit_is_one_line(tmp_path: Path) -> None:
    path = _write(tmp_path, np.ones((8, 8, 8), dtype=int))
    with pytest.raises(InputError, match="crop"):
        measured_crystal(SCAN, path, SHORT, tmp_path)
