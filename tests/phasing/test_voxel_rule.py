"""What a voxel's share of the computed intensity is made of, where each part is known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bcdi_inpaint.phasing.evidence import Evidence
from bcdi_inpaint.phasing.voxel_rule import VoxelSettings, fit_weights, regressors

SETTINGS = VoxelSettings(knots=(0.0, 1.0), coarse=(1.5,), beside=(1.0,))
GAP = np.s_[:, :, 10:14]
COLUMNS = ("faint", "bright", "spread", "misfit", "apart", "coarse", "beside")


@pytest.fixture
def columns() -> dict[str, np.ndarray]:
    """Of a gap where the computed intensity is 2 above the fill; it misses 0.3 of all measured."""
    shape = (24, 24, 24)
    seen = np.ones(shape, dtype=bool)
    seen[GAP] = False
    found = np.where(seen, 5.0, 2.25).astype(np.float32)
    filled, spread = (np.full(shape, value, np.float32) for value in (0.25, 0.9))
    evidence = Evidence(found + np.float32(0.3), seen, filled, found, spread)
    values = regressors(evidence, ~seen, SETTINGS)
    assert values.shape == (np.count_nonzero(~seen), len(COLUMNS))
    return dict(zip(COLUMNS, values.T, strict=True))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("faint", 2 * 0.75),
        ("bright", 2 * 0.25),
        ("spread", 2 * 0.9 / (0.9 + 0.3)),
        ("misfit", 2 * 0.3 / (0.3 + 0.3)),
        ("apart", 2 * 2 / (2 + 0.5)),
        ("coarse", 2.0),  # of the gap alone: beside it the two are 4.75 apart
    ],
)
def test_a_part_is_what_it_is_by_hand(
    columns: dict[str, np.ndarray], name: str, expected: float
) -> None:
    np.testing.assert_allclose(columns[name], expected, rtol=1e-4)


def test_what_is_missed_beside_the_gap_reaches_a_little_way_into_it(
    columns: dict[str, np.ndarray],
) -> None:
    lines = columns["beside"].reshape(24, 24, 4)
    assert np.all(lines[..., [0, 3]] > 0.08)
    assert np.all(lines[..., [1, 2]] < 0.5 * lines[..., [0, 3]])
    assert np.all(lines > 0)


def test_the_weights_of_a_known_sum_are_found() -> None:
    rng = np.random.default_rng(0)
    parts, weights = rng.normal(size=(500, 3)), np.array([0.7, -0.2, 0.1])
    found = fit_weights(parts, parts @ weights, ridge=1e-9)
    np.testing.assert_allclose(found, weights, atol=1e-6)
    held = fit_weights(parts, parts @ weights, ridge=1.0)
    assert np.linalg.norm(held) < 0.8 * np.linalg.norm(found)
