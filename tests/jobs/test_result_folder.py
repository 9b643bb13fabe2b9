"""The folder that a job writes its results to."""

from pathlib import Path

import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.jobs.result_folder import check_free, made_folder, make_folder, write_text


def test_files_that_exist_are_replaced_by_force_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    check_free(folder, ["one", "two"], force=False)  # the folder need not exist
    make_folder(folder)
    write_text(folder / "two", "text")
    assert (folder / "two").read_text() == "text"
    check_free(folder, ["one"], force=False)
    check_free(folder, ["one", "two"], force=True)
    with pytest.raises(InputError, match=r"two exists, expected a new evaluation"):
        check_free(folder, ["one", "two"], force=False)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be made .* expected a folder for weights"):
        make_folder(tmp_path / "file" / "inside", "weights")


def test_a_folder_that_was_made_for_nothing_is_removed(tmp_path: Path) -> None:
    with pytest.raises(InputError), made_folder(tmp_path / "a" / "b", "the output"):
        raise InputError("no gap found")
    assert not list(tmp_path.iterdir())
    (tmp_path / "kept").touch()
    with pytest.raises(InputError), made_folder(tmp_path, "the output"):
        raise InputError("too late")
    assert (tmp_path / "kept").exists()
