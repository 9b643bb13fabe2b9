"""Results have their names when they are complete: of CXI, of npz, and of several entries."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.jobs.whole_results import (
    UNFINISHED,
    WritesWhole,
    hidden_folder,
    remove_unfinished,
    whole_cxi,
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Pynx:
    """What PyNX's scan does when it saves: a CXI by its `CDI`, an npz by numpy."""

    def __init__(self, output_format: str, write: Callable[[str], None], save: str = "final"):
        self.params = {"output_format": output_format, "save": save}
        self.saved_results: list[dict[str, Any]] = []
        self.write = write
        self.cdi = self

    def save_obj_cxi(self, filename: str, *, append: bool = False) -> None:
        self.write(filename)

    def save_result(self, file_name: str | None = None, verbose: bool = True) -> None:
        name = f"a.{self.params['output_format']}"
        if name.endswith("npz"):
            self.write(name)
        else:
            self.cdi.save_obj_cxi(name, append=self.params["save"] == "all")
        self.saved_results.append({"file_name": name})


class Scan(WritesWhole, Pynx):  # type: ignore[misc]
    command = "0123456789abcdef"


def half(filename: str) -> None:
    Path(filename).write_bytes(b"half")
    raise OSError(28, "No space left on device")


def whole(filename: str) -> None:
    with Path(filename).open("ab") as file:
        file.write(b"entry")


@pytest.mark.parametrize("form", ["cxi", "npz"])
def test_a_result_that_cannot_be_written_leaves_nothing(tmp_path: Path, form: str) -> None:
    with pytest.raises(InputError, match=r"cannot be written in .* \(No space left on device"):
        Scan(form, half).save_result()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", ["cxi", "npz"])
def test_a_kill_leaves_no_half_result_and_the_next_command_nothing(
    tmp_path: Path, form: str
) -> None:
    """What lies there while a result is written, and after a kill then."""
    seen: list[list[Path]] = []

    def look(filename: str) -> None:
        Path(filename).write_bytes(b"half")
        seen.append([path for path in tmp_path.rglob("*") if path.is_file()])

    Scan(form, look).save_result()
    ((unfinished,),) = seen
    assert unfinished.parent.name.startswith(f"{UNFINISHED}0123456789ab-")
    gone, alive = (Path(f"{UNFINISHED}0123456789ab-{n}") for n in (2**30, os.getpid()))
    other = Path(f"{UNFINISHED}ba9876543210-{2**30}")
    for folder in (gone, alive, other):
        folder.mkdir()
        (folder / "a.cxi").write_bytes(b"half")
    remove_unfinished(Scan.command)
    assert sorted(path.name for path in tmp_path.glob(".*")) == sorted([alive.name, other.name])


def test_an_npz_replaces_nothing() -> None:
    scan = Scan("npz", whole)
    Path("a.npz").write_bytes(b"mine")
    scan.save_result()
    assert Path("a.npz").read_bytes() == b"mine"
    assert Path("a_01.npz").read_bytes() == b"entry"
    assert scan.saved_results[-1]["file_name"] == "a_01.npz"


def test_several_entries_are_added_to_a_copy() -> None:
    scan = Scan("cxi", whole, save="all")
    scan.save_result()
    scan.save_result()
    assert Path("a.cxi").read_bytes() == b"entryentry"
    scan.write = half
    with pytest.raises(InputError):
        scan.save_result()
    assert Path("a.cxi").read_bytes() == b"entryentry"


def test_the_cdi_is_as_before() -> None:
    scan = Scan("cxi", whole)
    with hidden_folder("x") as folder, whole_cxi(scan, folder):
        assert "save_obj_cxi" in vars(scan)
    assert "save_obj_cxi" not in vars(scan)


@pytest.mark.usefixtures("pynx")
def test_pynx_writes_npz_so(counts: np.ndarray, tmp_path: Path) -> None:
    from bcdi_inpaint.files import write_scan
    from bcdi_inpaint.jobs.pynx_runner import run_pynx

    middle = counts[12:36, 12:36, 12:36].astype(np.float32)
    write_scan(tmp_path / "scan.cxi", middle, np.zeros(middle.shape, bool))
    short = ["--nb_run", "2", "--nb_run_keep", "1", "--nb_raar", "4", "--nb_er", "2"]
    run_pynx("pynx-cdi-id01", ["--data", "scan.cxi", "--output_format", "npz", *short])
    (kept,) = tmp_path.glob("*_LLKf*")
    with np.load(kept) as stored:
        assert np.isfinite(stored["obj"]).all()
    assert not list(tmp_path.glob(".*"))
