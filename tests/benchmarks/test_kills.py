"""A small share of benchmarks/kills.py: what a killed process leaves, and the run after it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scan_files import filled_arrays
from small_network import tiny_network

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import companion, output, read_scan, write_filled_npz
from bcdi_inpaint.network.weights import save_weights
from bcdi_inpaint.safe_files import part_name, replace_file
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.training import processes, trainer
from benchmarks import kills


def test_a_killed_predict_leaves_nothing_half_done(tmp_path: Path) -> None:
    """Killed before the output is renamed, when it is there under a passing name only."""
    job = kills.JOBS["predict"]
    right = kills.undisturbed(job, tmp_path / "undisturbed")
    assert right.operations >= 3
    assert {name for name in right.names if not name.startswith(".")} == {"filled.cxi"}
    folder = tmp_path / "killed"
    before = kills.inputs(kills.fresh(job, folder))
    with kills.started(job, folder, aim=3) as process:
        assert process.wait() == -9
    left = kills.names(folder)
    assert [name for name in left if name.startswith(".bcdi-inpaint-")] == list(left) != []
    assert kills.after_kill(job, folder, right, before) == []


def test_a_fault_would_be_found(tmp_path: Path) -> None:
    job = kills.JOBS["predict"]
    kills.fresh(job, tmp_path / "a")
    right = kills.Undisturbed({"x": np.zeros(3)}, {"filled.cxi"}, 1.0, 3, 100)
    (tmp_path / "a" / "out" / "filled.cxi").write_bytes(b"half")
    faults = kills.after_kill(job, tmp_path / "a", right, {"scan.cxi": "another hash"})
    assert len(faults) == 2
    assert faults[0] == "an input has changed"
    assert faults[1].startswith("not whole, left by the killed process")
    assert kills.differing({"x": np.ones(3), "y": np.ones(1)}, right.arrays) == ["y", "x"]


def test_a_mask_without_its_output_is_in_nobodys_way(tmp_path: Path) -> None:
    """A kill between the two renames of a pair leaves it; the same run again goes on."""
    counts = np.full((4, 6, 5), 7, dtype=np.float32)
    filled = np.zeros(counts.shape, dtype=bool)
    filled[:, 2] = True
    scan, path = Scan(counts, filled), tmp_path / "s_inpainted_pynx_input_data.npz"

    def write() -> None:
        write_filled_npz(path, scan, filled_arrays(scan, filled, counts), {})

    write()
    mask = companion(path)
    assert mask is not None
    path.unlink()
    write()
    np.testing.assert_array_equal(read_scan(path).counts, counts)
    path.unlink()
    mask.write_bytes(b"another's")
    with pytest.raises(InputError, match=r"mask\.npz exists"):
        write()
    assert mask.read_bytes() == b"another's"
    assert not path.exists()


def test_what_a_killed_process_left_goes_with_the_next_writing(tmp_path: Path) -> None:
    mine, other = tmp_path / part_name(), tmp_path / part_name().replace(".part", "x.part")
    dead = (
        tmp_path / f".bcdi-inpaint-{__import__('socket').gethostname()}-999999999-{'0' * 32}.part"
    )
    for path in (mine, other, dead):
        path.touch()
    replace_file(tmp_path / "a.csv", b"1")
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", mine.name, other.name}


def test_two_trainings_in_one_folder_are_one_too_many(tmp_path: Path) -> None:
    with (
        processes.exclusive_folder(tmp_path),
        pytest.raises(InputError, match="another process is training in"),
        processes.exclusive_folder(tmp_path),
    ):
        pass
    with processes.exclusive_folder(tmp_path):  # what is left of the lock is in nobody's way
        pass


def test_a_checkpoint_and_weights_that_cannot_be_written_leave_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a full disk: one line for the user, and what was there stays."""
    checkpoint, weights = tmp_path / "last.ckpt", tmp_path / "w.safetensors"
    network = tiny_network()
    keep = trainer.WholeCheckpoints()

    def write() -> None:
        for path in (checkpoint, weights):
            path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    write()
    monkeypatch.setattr(output.os, "replace", full)
    for attempt in (
        lambda: keep.save_checkpoint({"a": torch.zeros(3)}, checkpoint),
        lambda: save_weights(weights, network, {}),
    ):
        with pytest.raises(InputError, match="No space left") as error:
            attempt()
        assert "\n" not in str(error.value)
    assert checkpoint.read_bytes() == weights.read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {checkpoint.name, weights.name}
    monkeypatch.undo()
    keep.save_checkpoint({"a": torch.ones(3)}, checkpoint)
    assert torch.load(checkpoint, weights_only=True)["a"].sum() == 3
