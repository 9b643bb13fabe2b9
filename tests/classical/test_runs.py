"""Runs of unknown voxels: their lengths along each axis."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_array_equal

from bcdi_inpaint.classical.runs import run_lengths, shortest_runs


def test_run_lengths_of_a_picture() -> None:
    picture = [
        ".##.#",
        "##..#",
        ".#..#",
    ]
    unknown = np.array([[[mark == "#" for mark in line] for line in picture]])
    along_y = [[0, 3, 1, 0, 3], [1, 3, 0, 0, 3], [0, 3, 0, 0, 3]]
    along_x = [[0, 2, 2, 0, 1], [2, 2, 0, 0, 1], [0, 1, 0, 0, 1]]
    assert_array_equal(run_lengths(unknown), [[unknown[0]], [along_y], [along_x]])
    assert_array_equal(run_lengths(np.zeros((2, 3, 4), dtype=bool)), 0)


def test_the_shortest_runs_are_those_of_some_axis() -> None:
    rng = np.random.default_rng(5)
    unknown = rng.random((7, 9, 11)) < 0.4
    where = unknown & (rng.random(unknown.shape) < 0.5)
    assert_array_equal(shortest_runs(unknown, where), run_lengths(unknown)[:, where].min(axis=0))
