"""The file of patterns: what comes back, how files are joined, and what is refused."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import pattern_writing
from bcdi_inpaint.files.pattern_writing import join_patterns, write_patterns
from bcdi_inpaint.files.patterns import (
    StoredParticle,
    StoredPattern,
    n_patterns,
    read_contents,
    read_log_expectation,
    read_particle,
    read_pattern,
    recipe_sha256,
)

SHAPE = (4, 5, 6)
RECIPE = {"count": 3, "shape": list(SHAPE), "seed": 1}


def a_pattern(
    index: int, shape: tuple[int, ...] = SHAPE, continuous: bool = False
) -> StoredPattern:
    rng = np.random.default_rng(index)
    expectation = np.exp(rng.uniform(-9, 17, shape)).astype(np.float32)
    grid = {
        "particle": index % 2,
        "reflection_inv_nm": rng.normal(size=3),
        "steps_inv_nm": rng.normal(size=(3, 3)),
        "centre": rng.uniform(0, 5, 3),
    }
    return StoredPattern(
        index,
        expectation,
        rng.poisson(expectation).astype(np.uint32),
        rng.random(shape) < 0.1,
        {"flux": np.float32(3.5), "centre": np.arange(3), "name": "µ"},
        **({} if continuous else grid),
    )


def a_particle(seed: int) -> StoredParticle:
    rng = np.random.default_rng(seed)
    reference_nm = rng.normal(0, 9, (50, 3))
    return StoredParticle(
        reference_nm, reference_nm + 0.01, rng.random(50) < 0.2, 0.03, "Pt", {"shape": "cube"}
    )


def assert_same(found: StoredPattern, written: StoredPattern) -> None:
    """Equal, but for the rounding of the expectation."""
    for name in ("counts", "bad"):
        np.testing.assert_array_equal(getattr(found, name), getattr(written, name))
        assert getattr(found, name).dtype == getattr(written, name).dtype
    np.testing.assert_allclose(found.expectation, written.expectation, rtol=2.0**-13)
    assert (found.index, found.particle) == (written.index, written.particle)
    for name in ("reflection_inv_nm", "steps_inv_nm", "centre"):
        np.testing.assert_array_equal(getattr(found, name), getattr(written, name))


@contextmanager
def disk_of(n_bytes: int) -> Iterator[None]:
    """No file can be longer meanwhile: writing fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# --- what comes back ------------------------------------------------------------------------------


def test_patterns_come_back(tmp_path: Path) -> None:
    path, written = tmp_path / "p.h5", [a_pattern(4), a_pattern(7, continuous=True)]
    write_patterns(path, RECIPE, written)
    assert n_patterns(path) == 2
    for row, pattern in enumerate(written):
        found = read_pattern(path, row)
        assert_same(found, pattern)
        assert found.parameters == {"flux": 3.5, "centre": [0, 1, 2], "name": "µ"}
    assert read_pattern(path, 1).centre is None
    with pytest.raises(InputError, match="no pattern 2, expected one of 0 to 1"):
        read_pattern(path, 2)


def test_the_expectation_keeps_12_bits_of_mantissa(tmp_path: Path) -> None:
    pattern = a_pattern(0)
    write_patterns(tmp_path / "p.h5", RECIPE, [pattern])
    found = read_pattern(tmp_path / "p.h5", 0).expectation
    assert not (found.view(np.uint32) & 0x7FF).any()
    step = 2.0 ** (np.floor(np.log2(pattern.expectation.astype(float))) - 12)
    assert (np.abs(found - pattern.expectation.astype(float)) <= step / 2).all()
    up = np.array([1 + 2**-12 - 2**-23, 2 - 2**-23, 0], dtype=np.float32)
    np.testing.assert_array_equal(pattern_writing._rounded(up), [1 + 2**-12, 2, 0])


def test_log_expectation_is_that_of_all_patterns(tmp_path: Path) -> None:
    patterns = [a_pattern(index) for index in range(3)]
    write_patterns(tmp_path / "p.h5", RECIPE, patterns)
    found = read_log_expectation(tmp_path / "p.h5")
    truth = np.log1p([pattern.expectation for pattern in patterns])
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, truth, rtol=1e-3, atol=1e-7)


def test_particles_come_back_exactly(tmp_path: Path) -> None:
    path, written = tmp_path / "p.h5", a_particle(3)
    write_patterns(path, RECIPE, (), {12: written})
    found = read_particle(path, 12)
    for name in ("reference_nm", "positions_nm", "tied"):
        np.testing.assert_array_equal(getattr(found, name), getattr(written, name))
    assert (found.element, found.max_force_ev_per_nm) == ("Pt", 0.03)
    assert found.parameters == {"shape": "cube"}
    assert read_contents(path).particles == {12}
    with pytest.raises(InputError, match="no particle 3"):
        read_particle(path, 3)


def test_the_hash_is_of_all_but_the_count() -> None:
    assert recipe_sha256(RECIPE) == recipe_sha256(RECIPE | {"count": 99})
    assert recipe_sha256(RECIPE) != recipe_sha256(RECIPE | {"seed": 2})


# --- joining --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [SHAPE, (7, 9)])
@pytest.mark.parametrize("chunk_voxels", [2**21, 63])
def test_joined_files_hold_the_same_bytes_in_order(
    tmp_path: Path, shape: tuple[int, ...], chunk_voxels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pattern_writing, "_CHUNK_VOXELS", chunk_voxels)
    recipe = RECIPE | {"shape": list(shape)}
    patterns = {index: a_pattern(index, shape, continuous=index == 2) for index in (5, 2, 9)}
    paths = {index: tmp_path / f"{index}.h5" for index in patterns}
    for index, pattern in patterns.items():
        write_patterns(paths[index], recipe, [pattern])
    write_patterns(tmp_path / "atoms.h5", recipe, (), {1: a_particle(1)})
    path = tmp_path / "all.h5"
    join_patterns(path, recipe, paths, {1: tmp_path / "atoms.h5"})
    assert read_contents(path).row_of == {2: 0, 5: 1, 9: 2}
    for row, index in enumerate(sorted(patterns)):
        assert_same(read_pattern(path, row), patterns[index])
        with h5py.File(path) as file, h5py.File(paths[index]) as part:
            n_chunks = part["counts"].id.get_num_chunks()
            for n in range(n_chunks):
                corner = part["counts"].id.get_chunk_info(n).chunk_offset
                chunk = file["counts"].id.read_direct_chunk((row, *corner[1:]))
                assert chunk == part["counts"].id.read_direct_chunk(corner)
    np.testing.assert_array_equal(
        read_particle(path, 1).positions_nm, read_particle(tmp_path / "atoms.h5", 1).positions_nm
    )
    assert [p.name for p in tmp_path.glob(".*")] == []


def test_a_file_is_extended_in_place(tmp_path: Path) -> None:
    path, part = tmp_path / "all.h5", tmp_path / "part.h5"
    old = [a_pattern(0), a_pattern(1)]
    write_patterns(path, RECIPE, old, {0: a_particle(0)})
    write_patterns(part, RECIPE, [a_pattern(2)])
    join_patterns(path, RECIPE, {0: path, 1: path, 2: part}, {0: path})
    for row in range(3):
        assert_same(read_pattern(path, row), a_pattern(row))
    assert read_contents(path).particles == {0}


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"), [("type", "something"), ("version", 1), ("version", "two")]
)
def test_a_foreign_file_is_refused(tmp_path: Path, key: str, value: object) -> None:
    path = tmp_path / "p.h5"
    write_patterns(path, RECIPE, [a_pattern(0)])
    with h5py.File(path, "a") as file:
        file.attrs[key] = value
    for read in (read_log_expectation, n_patterns, read_contents):
        with pytest.raises(InputError, match="expected 'bcdi-inpaint patterns' version 2") as told:
            read(path)
        assert "\n" not in str(told.value)


@pytest.mark.parametrize("content", [None, b"", b"no HDF5"])
def test_what_is_no_pattern_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "p.h5"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        read_log_expectation(path)


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.h5"
    write_patterns(path, RECIPE, [a_pattern(0)])
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match="cannot be read"):
        read_contents(path)


@pytest.mark.parametrize("room", [0, 100, 3000, 9000])
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, room: int) -> None:
    path = tmp_path / "p.h5"
    write_patterns(path, RECIPE, [a_pattern(0)])
    before = path.read_bytes()
    assert len(before) > 9000
    with pytest.raises(InputError, match="make room") as told, disk_of(room):
        write_patterns(path, RECIPE, [a_pattern(0)])
    assert "\n" not in str(told.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_patterns(tmp_path / "absent" / "p.h5", RECIPE, [a_pattern(0)])
