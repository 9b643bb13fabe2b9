"""Slabs on disk: made once, by one process, and for one plan."""

import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from small_training import PLAN

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.training import slab_store
from bcdi_inpaint.training.plan import Plan
from bcdi_inpaint.training.slab_store import stored_slabs
from bcdi_inpaint.training.slabs import Slab, draw_slab


@pytest.fixture(scope="module")
def slabs(patterns: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the slabs of `PLAN`."""
    folder = tmp_path_factory.mktemp("slabs")
    stored_slabs(patterns, PLAN, 2, 3, folder, 0, True)
    return folder


def linear(plan: Plan) -> Plan:
    """The plan with a linear first guess."""
    return plan.model_copy(update={"network": plan.network.model_copy(update={"guess": "linear"})})


def test_slabs_are_the_same_whatever_the_workers_and_made_once(
    tmp_path: Path, patterns: np.ndarray, slabs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stored_slabs(patterns, PLAN, 2, 3, tmp_path, 1, True)
    for index, slab in enumerate(made):
        rng = np.random.default_rng([3, 3, index])
        expected = draw_slab(patterns[index], PLAN.patches, rng)
        np.testing.assert_array_equal(slab.channels, expected.channels)
        np.testing.assert_array_equal(slab.truth, expected.truth)
        assert (slab.start, slab.stop) == (expected.start, expected.stop)
        name = f"{index:06d}.npy"
        assert (tmp_path / name).read_bytes() == (slabs / name).read_bytes()
    monkeypatch.setattr(slab_store, "save_slab", lambda *_: pytest.fail("made again"))
    stored_slabs(patterns, PLAN, 2, 3, tmp_path, 1, True)


def bright(n: int) -> np.ndarray:
    """A peak with fringes in the middle of a cube, (1, n, n, n) log expectations."""
    grids = np.meshgrid(*3 * [np.arange(n) - n // 2], indexing="ij")
    radius = np.sqrt(sum(grid**2 for grid in grids))
    return (9 * np.exp(-radius / n) + np.cos(radius))[None].astype(np.float16)


def test_slabs_with_another_first_guess_have_the_same_gaps_and_noise(tmp_path: Path) -> None:
    patterns = bright(40)
    kriged = stored_slabs(patterns, PLAN, 2, 3, tmp_path / "kriged", 0, True)
    others = stored_slabs(patterns, linear(PLAN), 2, 3, tmp_path / "linear", 0, True)
    for one, other in zip(kriged, others, strict=True):
        np.testing.assert_array_equal(one.truth, other.truth)
        np.testing.assert_array_equal(one.gap, other.gap)
        known = one.channels[1] == 0
        np.testing.assert_array_equal(one.channels[0][known], other.channels[0][known])
        assert one.channels[2].any()
        assert not other.channels[2].any()
        assert (one.channels[0] != other.channels[0]).any()


def test_slabs_with_another_first_guess_are_not_taken(patterns: np.ndarray, slabs: Path) -> None:
    with pytest.raises(InputError, match="guess was kriged and now is linear"):
        stored_slabs(patterns, linear(PLAN), 2, 3, slabs)


def test_folders_that_name_no_guess_hold_kriged_ones(
    tmp_path: Path, patterns: np.ndarray, slabs: Path
) -> None:
    """As those that were made before there was another."""
    older = Path(shutil.copytree(slabs, tmp_path / "older"))
    told_in = older / slab_store.MADE_FOR
    told_in.write_text(told_in.read_text().replace(', "guess": "kriged"', ""))
    assert "guess" not in told_in.read_text()
    assert len(stored_slabs(patterns, PLAN, 2, 3, older, 0, True)) == 2


def test_other_processes_wait_for_the_slabs_of_the_first(
    tmp_path: Path, slabs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slab_store, "WAIT_S", 0.01)
    found: list[list[Slab]] = []
    target = tmp_path / "slabs"
    thread = threading.Thread(
        target=lambda: found.append(stored_slabs(None, PLAN, 2, 3, target, 0, True))
    )
    thread.start()
    time.sleep(0.1)
    assert thread.is_alive()
    assert not target.exists()  # it has written nothing itself
    shutil.copytree(slabs, target)
    thread.join(timeout=20)
    assert len(found[0]) == 2


def test_of_two_that_make_slabs_the_second_finds_them_made(
    tmp_path: Path, patterns: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[Path] = []
    save = slab_store.save_slab
    monkeypatch.setattr(
        slab_store, "save_slab", lambda path, slab: (saved.append(path), save(path, slab))
    )
    threads = [
        threading.Thread(target=stored_slabs, args=(patterns, PLAN, 2, 3, tmp_path, 0, True))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(saved) == [tmp_path / "000000.npy", tmp_path / "000001.npy"]
