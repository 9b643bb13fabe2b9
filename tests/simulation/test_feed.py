"""The direct feed: the same windows whatever the timing, and nothing left behind."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from simulation import feed
from simulation.feed import Feed
from simulation.recipe import Recipe, make_particle_of, make_pattern, particle_number

RECIPE = Recipe(
    count=1,
    seed=5,
    shape=(16, 20, 24),
    atomistic_share=0.5,
    particles=2,
    particle={"n_atoms": (300, 400)},
)


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    """(10, *shape) the recipe's first patterns, made here."""
    particles = {number: make_particle_of(RECIPE, number) for number in range(2)}
    patterns = []
    for index in range(10):
        number = particle_number(RECIPE, index)
        particle = None if number is None else particles[number]
        patterns.append(np.log1p(make_pattern(RECIPE, index, particle).expectation))
    assert {particle_number(RECIPE, index) for index in range(10)} == {None, 0, 1}
    return np.stack(patterns).astype(np.float16)


def test_windows_slide_over_the_recipes_patterns(truth: np.ndarray) -> None:
    with Feed(RECIPE, window=3, step=2, workers=2) as patterns:
        windows = [patterns.window(k) for k in range(4)]
    for k, window in enumerate(windows):  # compared at the end: later ones have not changed them
        assert window.dtype == np.float16
        np.testing.assert_array_equal(window, truth[2 * k : 2 * k + 3])


def test_windows_may_be_asked_for_in_any_order(truth: np.ndarray) -> None:
    with Feed(RECIPE, window=2, first=3) as patterns:
        for k in (3, 0, 0, 4, 1):
            np.testing.assert_array_equal(patterns.window(k), truth[2 * k : 2 * k + 2])


def test_leaving_ends_the_processes_and_frees_the_memory() -> None:
    before = set(multiprocessing.active_children())
    with Feed(RECIPE, window=50, workers=2) as patterns:  # left in the middle of the work
        name = patterns._memory.name
        assert len(set(multiprocessing.active_children()) - before) == 2
    assert set(multiprocessing.active_children()) == before
    with pytest.raises(FileNotFoundError):
        SharedMemory(name)
    patterns.close()  # once more does nothing


def test_what_fails_is_raised_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the making of a particle, which patterns wait for, and in that of a pattern."""
    with monkeypatch.context() as patched:
        patched.setattr(feed, "make_particle_of", os._exit)  # its argument is no exit code
        with Feed(RECIPE, window=2) as patterns, pytest.raises(TypeError):
            patterns.window(0)
    monkeypatch.setattr(feed, "_fill", os._exit)
    with Feed(RECIPE, window=2) as patterns, pytest.raises(TypeError):
        patterns.window(0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"window": 2, "step": 3}, "step is 3, expected 1 to the window of 2"),
        ({"window": 2, "step": 0}, "step is 0"),
        ({"window": 2, "device": "tpu"}, "device is 'tpu', expected one of cpu, auto"),
        ({"window": 10**12}, "GB of shared memory are wanted"),
    ],
)
@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="shared memory lies elsewhere")
def test_what_cannot_be_is_refused(options: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Feed(RECIPE, **options)


def test_a_window_before_the_first_is_refused() -> None:
    with (
        Feed(RECIPE, window=1) as patterns,
        pytest.raises(InputError, match="window is -1, expected 0 or more"),
    ):
        patterns.window(-1)


def test_the_devices_differ_by_what_the_processes_see() -> None:
    assert feed.DEVICES == {"cpu": {"CUDA_VISIBLE_DEVICES": ""}, "auto": {}}
