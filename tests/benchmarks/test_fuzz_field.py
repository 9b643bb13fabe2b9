"""A small share of benchmarks/fuzz_field.py, and that it sees what it looks for."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmarks import fuzz, fuzz_field
from benchmarks.field_files import WAYS
from benchmarks.field_scans import KINDS, SHAPE, make_odd


def test_scans_as_people_bring_them_are_refused_or_filled(tmp_path: Path) -> None:
    (tmp_path / "field").mkdir()
    model = fuzz.tiny_model(tmp_path)
    found = fuzz_field.fuzz_field(range(3), 5, tmp_path / "field", model)
    assert [f"{each.trial}: {each.what}" for each in found if each.is_fault] == []
    assert {each.what for each in found} <= {"filled", "refused"}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_knows_what_it_emptied(kind: str) -> None:
    scan = make_odd(np.random.default_rng(1), kind)
    assert scan.truth.shape == scan.emptied.shape
    assert sorted(scan.stored.shape) == sorted(SHAPE)
    assert scan.never_zero.any()


@pytest.mark.parametrize("way", sorted(WAYS))
def test_every_way_leaves_a_file(tmp_path: Path, way: str) -> None:
    rng = np.random.default_rng(2)
    name = WAYS[way](make_odd(rng, "uncovered-arm"), tmp_path, rng)
    assert (tmp_path / name.partition(":")[0].replace("%04d", "0000")).exists()


def test_a_measured_zero_amid_light_is_a_fault(tmp_path: Path) -> None:
    trial = fuzz_field.set_up(0, 3, tmp_path, "lost-frames")
    trial_counts = np.where(trial.scan.emptied, 0, trial.scan.truth).astype(np.float32)
    masked = trial.scan.emptied.copy()
    for mask, said in ((masked, "filled"), (masked & False, "measured zeros")):
        with h5py.File(trial.folder / fuzz_field.OUTPUT, "w") as file:
            file[f"{fuzz_field.DETECTOR}/data"] = trial_counts
            file[f"{fuzz_field.DETECTOR}/filled"] = masked & False
            file[f"{fuzz_field.DETECTOR}/mask"] = mask
        assert said in fuzz_field._left_as_zero(trial)
