import numpy as np
import pytest
from numpy.testing import assert_array_equal

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.selftaught.budget import Best, Budget
from bcdi_inpaint.selftaught.deep_image_prior import DipSettings, deep_image_prior

SMALL = DipSettings(channels=(8, 8), inputs=4, every=5)


def waves(n_dim: int) -> np.ndarray:
    """Fringes of 8 voxels, log counts."""
    grids = np.meshgrid(*[np.arange(20)] * n_dim, indexing="ij")
    return 4 + 2 * np.cos(2 * np.pi * (grids[0] + grids[1]) / 8)


def gap(n_dim: int) -> np.ndarray:
    found = np.zeros((20,) * n_dim, dtype=bool)
    found[:, 9:12] = True
    return found


def filled(n_dim: int = 2, steps: int = 60, seed: int = 0, **options: object) -> Best:
    unknown, held_out = gap(n_dim), np.roll(gap(n_dim), 6, axis=1)
    settings = DipSettings(**{"channels": (8, 8), "inputs": 4, "every": 5} | options)  # type: ignore[arg-type]
    rng = np.random.default_rng(seed)
    truth = np.where(unknown, np.nan, waves(n_dim))
    return deep_image_prior(truth, unknown, held_out, rng, Budget(steps), settings=settings)


def test_it_fills_fringes_better_than_their_mean() -> None:
    best = filled(steps=120)
    assert best.log_counts is not None
    error = (best.log_counts - waves(2))[gap(2)]
    assert np.sqrt((error**2).mean()) < 0.8 * waves(2)[gap(2)].std()


def test_three_dimensions_take_the_same_path() -> None:
    best = filled(3, steps=2)
    assert best.log_counts is not None
    assert best.log_counts.shape == (20, 20, 20)
    assert np.isfinite(best.log_counts).all()


def test_nothing_is_seen_of_the_gap_nor_learned_from_what_is_held_out() -> None:
    """What is held out chooses the step, and here there is only one to choose."""
    unknown, held_out = gap(2), np.roll(gap(2), 6, axis=1)
    found = []
    for other in (0.0, 5.0):
        logs = waves(2)
        logs[unknown] = np.nan if other else 7
        logs[held_out] += other / 100
        rng = np.random.default_rng(0)
        best = deep_image_prior(logs, unknown, held_out, rng, Budget(1), settings=SMALL)
        found.append(best.log_counts)
    assert_array_equal(found[0], found[1])


def test_the_same_seed_gives_the_same_and_another_does_not() -> None:
    first, same, other = (filled(steps=5, seed=seed).log_counts for seed in (1, 1, 2))
    assert_array_equal(first, same)
    assert first is not None
    assert not np.array_equal(first, other)


def test_noise_on_the_weights_is_added_where_asked_for() -> None:
    plain, noisy = (filled(steps=5, weight_noise=w).log_counts for w in (0.0, 0.02))
    assert plain is not None
    assert not np.array_equal(plain, noisy)


def test_ctrl_c_gives_the_best_so_far() -> None:
    def interrupt(done: int, _total: int) -> None:
        if done == 7:
            raise KeyboardInterrupt

    nothing = np.zeros((20, 20), dtype=bool)
    budget = Budget(1000, progress=interrupt)
    rng = np.random.default_rng(0)
    best = deep_image_prior(waves(2), gap(2), nothing, rng, budget, settings=SMALL)
    assert best.interrupted
    assert best.steps == 7
    assert best.log_counts is not None
    assert np.isfinite(best.log_counts).all()


@pytest.mark.parametrize(("off", "taken"), [(0.01, True), (50.0, False)])
def test_what_it_began_at_stays_where_no_step_is_better(off: float, taken: bool) -> None:
    unknown, held_out = gap(2), np.roll(gap(2), 6, axis=1)
    begun = waves(2) + off
    for hidden in (held_out, held_out & False):
        rng = np.random.default_rng(0)
        best = deep_image_prior(
            waves(2), unknown, hidden, rng, Budget(6), begun=begun, settings=SMALL
        )
        is_begun = taken and bool(hidden.any())  # with nothing hidden it cannot be judged
        assert (best.best_step == 0) == is_begun
        assert np.array_equal(best.log_counts, begun) == is_begun  # type: ignore[arg-type]
        assert best.steps == 6


def test_nothing_known_is_refused() -> None:
    with pytest.raises(InputError, match="no voxel is known"):
        deep_image_prior(
            waves(2),
            np.ones((20, 20), dtype=bool),
            np.zeros((20, 20), dtype=bool),
            np.random.default_rng(0),
            Budget(1),
        )
