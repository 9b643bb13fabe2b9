"""Scans that are judged on: patterns of a file, and measured ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from small_subjects import expectation_of

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills import (
    ScanConfig,
    as_config,
    bright_rows,
    measured_folder,
    measured_subjects,
    missing_scans,
    simulated_subjects,
)
from bcdi_inpaint.files.pattern_writing import write_patterns
from bcdi_inpaint.files.patterns import StoredPattern
from bcdi_inpaint.training.plan import read_yaml

REPOSITORY = Path(__file__).resolve().parents[3]


def test_patterns_are_read_with_their_particles(tmp_path: Path, rng: np.random.Generator) -> None:
    shape = (16, 16, 16)
    expectation = expectation_of(shape, 1000)
    stored = [
        StoredPattern(
            index=5 + i,
            expectation=expectation * np.float32(1 + i),
            counts=rng.poisson(expectation).astype(np.uint32),
            bad=rng.random(shape) < 0.1,
            parameters={},
            particle=particle,
        )
        for i, particle in enumerate((3, None))
    ]
    path = tmp_path / "p.h5"
    write_patterns(path, {"shape": shape, "seed": 1}, stored)
    first, second = simulated_subjects(path)
    assert (first.cluster, second.cluster) == ("particle 3", "pattern 6")
    assert_array_equal(first.counts, stored[0].counts)
    assert_array_equal(second.bad, stored[1].bad)
    assert_allclose(first.expectation, expectation, rtol=2e-4)
    assert [s.index for s in simulated_subjects(path, [1])] == [6]  # whatever is before it
    assert bright_rows(path, 1500) == [1]
    flat = tmp_path / "flat.h5"
    kinds = {"expectation": np.float32, "counts": np.uint32, "bad": np.bool_}
    planes = {name: np.ones((16, 16), kind) for name, kind in kinds.items()}
    write_patterns(flat, {"shape": (16, 16)}, [StoredPattern(index=0, parameters={}, **planes)])
    with pytest.raises(InputError, match="expected 3 axes"):
        next(simulated_subjects(flat))


def test_measured_scans_are_cut_and_masked(tmp_path: Path, rng: np.random.Generator) -> None:
    counts = rng.poisson(5, (6, 8, 9))
    mask, block = (rng.random(counts.shape) < 0.2 for _ in range(2))
    np.savez(tmp_path / "a.npz", counts=counts, mask=mask, block=block, other=np.arange(3))
    scans = (
        ScanConfig(name="absent", file="b.npz"),
        ScanConfig(name="a", file="a.npz", mask_key="block", frames=(1, None), columns=(2, 7)),
    )
    (subject,) = measured_subjects(scans, tmp_path)
    assert subject.group == "a"
    assert_array_equal(subject.counts, counts[1:, :, 2:7])
    assert_array_equal(subject.bad, (mask | block)[1:, :, 2:7])
    assert subject.expectation is None
    for key in ("none", "other"):
        with pytest.raises(InputError, match=f"holds no array '{key}'"):
            next(measured_subjects([ScanConfig(name="a", file="a.npz", mask_key=key)], tmp_path))
    with pytest.raises(InputError, match="leave nothing"):
        next(measured_subjects([ScanConfig(name="a", file="a.npz", rows=(5, 5))], tmp_path))


def test_measured_scans_that_are_not_there_are_said_to_be_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans = (ScanConfig(name="a", file="a.npz"), ScanConfig(name="b", file="b.npz"))
    for value in (None, ""):
        monkeypatch.delenv("BCDI_INPAINT_DATA", raising=False)
        if value is not None:
            monkeypatch.setenv("BCDI_INPAINT_DATA", value)
        folder = measured_folder()
        assert folder is None
        assert list(measured_subjects(scans, folder)) == []
        (line,) = missing_scans(scans, folder)
        assert line == "BCDI_INPAINT_DATA is not set: no measured scans (a, b left out)"
        assert missing_scans((), folder) == []
    monkeypatch.setenv("BCDI_INPAINT_DATA", str(tmp_path))
    assert measured_folder() == tmp_path
    (tmp_path / "a.npz").touch()
    assert missing_scans(scans, tmp_path) == [
        f"b was left out: its file b.npz is not in {tmp_path}, the folder of BCDI_INPAINT_DATA, "
        "expected it there: put it there, or take the scan out of measured"
    ]


def test_the_measured_scans_that_are_known(real_data: Path) -> None:
    config = as_config(read_yaml(REPOSITORY / "configs" / "evaluate.yaml"), "evaluate")
    found = {subject.group: subject for subject in measured_subjects(config.measured, real_data)}
    if set(found) != {"S1398", "ft_crop_64"}:
        pytest.skip("not all of the measured scans are here")
    bright, dim = found["ft_crop_64"], found["S1398"]
    assert bright.counts.sum(dtype=float) == pytest.approx(829e6, rel=1e-2)
    assert bright.bad.sum() == 744
    for others in ((1, 2), (0, 2), (0, 1)):  # its own gap, 254:260, is cut off
        assert not dim.bad.all(axis=others).any()
