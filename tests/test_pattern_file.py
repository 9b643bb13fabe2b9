import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.pattern_file import PatternFile, read_log_expectation

RECIPE: dict[str, object] = {"count": 3, "shape": [4, 5, 6], "seed": 1}


def write(path: Path, indices: range) -> np.ndarray:
    rng = np.random.default_rng(0)
    expectation = rng.uniform(0, 1e6, (3, 4, 5, 6)).astype(np.float32)
    with PatternFile.open(path, RECIPE) as file:
        for index in indices:
            file.write(index, expectation[index], {"index": index})
    return expectation


def test_patterns_come_back_to_half_precision(tmp_path: Path) -> None:
    expectation = write(tmp_path / "p.h5", range(3))
    np.testing.assert_allclose(
        read_log_expectation(tmp_path / "p.h5"), np.log1p(expectation), rtol=1e-3
    )


def test_an_interrupted_file_knows_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "p.h5"
    write(path, range(1, 2))
    with PatternFile.open(path, RECIPE) as file:
        assert file.missing == [0, 2]
    with pytest.raises(InputError, match="incomplete"):
        read_log_expectation(path)


def test_another_recipes_file_is_not_continued(tmp_path: Path) -> None:
    write(tmp_path / "p.h5", range(3))
    other = RECIPE | {"seed": 2}
    with (
        pytest.raises(InputError, match="another recipe"),
        PatternFile.open(tmp_path / "p.h5", other),
    ):
        pass


@pytest.mark.parametrize(("key", "value"), [("type", "something"), ("version", 99)])
def test_a_foreign_file_is_refused(tmp_path: Path, key: str, value: object) -> None:
    path = tmp_path / "p.h5"
    write(path, range(3))
    with h5py.File(path, "a") as file:
        file.attrs[key] = value
    with pytest.raises(InputError, match="expected 'bcdi-inpaint patterns' version 1"):
        read_log_expectation(path)


@pytest.mark.parametrize("content", [None, b"", b"no HDF5"])
def test_what_is_no_pattern_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "p.h5"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        read_log_expectation(path)


@pytest.mark.parametrize("version", ["one", None])
def test_a_version_that_is_no_number_is_refused(tmp_path: Path, version: str | None) -> None:
    path = tmp_path / "p.h5"
    with h5py.File(path, "w") as file:
        file.attrs["type"] = "bcdi-inpaint patterns"
        if version is not None:
            file.attrs["version"] = version
    with pytest.raises(InputError, match=f"version {version}, expected"):
        read_log_expectation(path)


@pytest.mark.parametrize("foreign", [False, True])
def test_somebody_elses_file_is_not_written_into(tmp_path: Path, foreign: bool) -> None:
    path = tmp_path / "scan.cxi"
    if foreign:
        with h5py.File(path, "w") as file:
            file["entry_1/data"] = np.arange(5)
    else:
        path.write_bytes(b"no HDF5")
    before = path.read_bytes()
    with pytest.raises(InputError, match="expected"), PatternFile.open(path, RECIPE):
        pass
    assert path.read_bytes() == before


def test_what_was_drawn_is_kept_beside_the_pattern(tmp_path: Path) -> None:
    write(tmp_path / "p.h5", range(3))
    with h5py.File(tmp_path / "p.h5") as file:
        assert json.loads(file["parameters"][2]) == {"index": 2}


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="cannot be written"),
        PatternFile.open(tmp_path / "absent" / "p.h5", RECIPE),
    ):
        pass
