from dataclasses import replace

import numpy as np
import pytest
import scipy.fft
import scipy.ndimage
import torch

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing import torch_retrieval
from bcdi_inpaint.phasing.constraints import IntervalConstraint, PriorConstraint
from bcdi_inpaint.phasing.pynx_operators import constrain
from bcdi_inpaint.phasing.schedule import HALF_WAY, Schedule, Stage
from bcdi_inpaint.phasing.torch_retrieval import (
    amplitudes,
    cycle,
    retrieve,
    start,
)
from bcdi_inpaint.phasing.torch_state import State, to_tensor

SHAPE = (24, 20, 22)
NONE = np.zeros(SHAPE, dtype=bool)


@pytest.fixture
def particle(rng: np.random.Generator) -> np.ndarray:
    """A box with a smooth phase, centred."""
    obj = np.zeros(SHAPE, dtype=np.complex128)
    obj[8:16, 7:13, 8:14] = 1
    ramp = np.arange(24)[:, None, None]
    return 30 * obj * np.exp(0.02j * (ramp - 12) ** 2)


def intensity(obj: np.ndarray) -> np.ndarray:
    spectrum = scipy.fft.fftn(scipy.fft.ifftshift(obj), norm="ortho")
    return scipy.fft.fftshift(np.abs(spectrum) ** 2)


def state_of(obj: np.ndarray) -> State:
    shifted = torch.from_numpy(np.fft.ifftshift(obj).astype(np.complex64))
    return State(shifted, torch.ones(obj.shape, dtype=torch.bool))


def test_the_intensity_of_an_object_is_that_of_its_transform(particle: np.ndarray) -> None:
    np.testing.assert_allclose(
        state_of(particle).intensity(), intensity(particle), rtol=1e-3, atol=1e-2
    )


def test_amplitudes_are_moved_to_the_nearer_bound_and_stay_between(particle: np.ndarray) -> None:
    truth = intensity(particle)
    lower, upper = truth.copy(), truth.copy()
    lower[:8] *= 4  # above what the object has
    upper[:8] *= 9
    upper[16:] = np.inf
    lower[16:] = 0  # free
    bad = NONE.copy()
    bad[:8] = bad[16:] = True
    known = amplitudes(truth, bad, IntervalConstraint(lower, upper))
    moved = state_of(particle)
    moved.obj = known.project(moved.obj)
    found = moved.intensity()
    np.testing.assert_allclose(found[:8], 4 * truth[:8], rtol=1e-2, atol=1e-2)
    np.testing.assert_allclose(found[8:], truth[8:], rtol=1e-2, atol=1e-2)
    again = known.project(moved.obj)
    np.testing.assert_allclose(again.numpy(), moved.obj.numpy(), atol=1e-3)


def test_a_prior_draws_as_the_one_in_pynx_does(
    particle: np.ndarray, rng: np.random.Generator
) -> None:
    truth = intensity(particle)
    where = np.zeros(SHAPE, dtype=bool)
    where[4:9] = True
    sigma = rng.uniform(0.05, 0.5, SHAPE)
    prior = PriorConstraint(3 * truth, sigma)
    known = replace(amplitudes(truth, where, prior), half_way=0.2)
    moved = state_of(particle)
    moved.obj = known.project(moved.obj)
    spectrum = torch.fft.fftn(state_of(particle).obj, norm="ortho").numpy()
    constrain(spectrum, prior.on_amplitudes(where), 0.2)
    expected = np.fft.fftshift(np.abs(spectrum) ** 2)
    assert (expected[where] > 1.1 * truth[where]).mean() > 0.5
    np.testing.assert_allclose(moved.intensity(), expected, rtol=1e-2, atol=1e-2)


def test_a_prior_pulls_less_and_less(particle: np.ndarray) -> None:
    truth = intensity(particle)
    known = amplitudes(truth, NONE)
    strengths = [known.when(done).half_way for done in (0, 0.5, 1, 2)]
    first, last = HALF_WAY
    np.testing.assert_allclose(strengths, [first, (first * last) ** 0.5, last, last])


def test_a_prior_leads_to_what_the_rest_leaves_open(
    particle: np.ndarray, rng: np.random.Generator
) -> None:
    """Too many lines are hidden: an estimate that is off by a quarter is better than none."""
    truth = intensity(particle)
    where = np.zeros(SHAPE, dtype=bool)
    where[:, :, 8:18] = True
    support = scipy.ndimage.binary_dilation(np.abs(particle) > 0)
    sigma = np.full(SHAPE, 0.25)
    prior = PriorConstraint(truth * rng.lognormal(0, 0.25, SHAPE), sigma)
    errors = []
    for known in (None, prior):
        own, schedule = np.random.default_rng(1), Schedule(hio=0, raar=100, er=50)
        state = retrieve(truth, where, own, support=support, schedule=schedule, constraint=known)
        found = np.log1p(state.intensity()[where]) - np.log1p(truth[where])
        errors.append(np.abs(found).mean())
    assert errors[1] < 0.3 * errors[0]
    assert errors[1] < 0.2  # and better than the estimate itself, which is off by 0.2 in the mean


def test_the_truth_is_a_fixed_point_of_every_algorithm(particle: np.ndarray) -> None:
    known = amplitudes(intensity(particle), NONE)
    for algorithm in ("RAAR", "ER"):
        state = state_of(particle)
        state.support = torch.from_numpy(np.fft.ifftshift(np.abs(particle) > 0))
        cycle(state, known, algorithm, 5)
        np.testing.assert_allclose(
            (state.obj * state.support).numpy(), np.fft.ifftshift(particle), atol=0.05
        )


def test_what_was_hidden_is_computed_from_the_rest(
    particle: np.ndarray, rng: np.random.Generator
) -> None:
    """Three lines are hidden, and come out of the size of the object alone."""
    truth = intensity(particle)
    bad = NONE.copy()
    bad[:, :, 14:17] = True
    support = scipy.ndimage.binary_dilation(np.abs(particle) > 0)
    schedule = Schedule(hio=0, raar=150, er=100)
    state = retrieve(truth, bad, rng, support=support, schedule=schedule)
    found = state.intensity()[:, :, 14:17]
    expected = truth[:, :, 14:17]
    assert np.corrcoef(np.log1p(found.ravel()), np.log1p(expected.ravel()))[0, 1] > 0.98


def test_the_first_support_holds_the_object_and_carries_its_photons(
    particle: np.ndarray, rng: np.random.Generator
) -> None:
    truth = intensity(particle)
    state = start(truth, rng)
    inside = np.fft.fftshift(state.support.numpy())
    assert inside[np.abs(particle) > 0].all()
    assert not inside.all()
    assert float((state.obj.abs() ** 2).sum()) == pytest.approx(truth.sum(), rel=1e-3)


def test_the_same_seed_gives_the_same_object(particle: np.ndarray) -> None:
    truth = intensity(particle)
    schedule = Schedule(hio=0, raar=20, er=5)
    runs = [
        retrieve(truth, NONE, np.random.default_rng(seed), schedule=schedule).intensity()
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


@pytest.mark.parametrize("schedule", [Schedule(hio=0), Schedule(hio=1, hio_box=16)])
def test_it_begins_at_an_object_that_is_given(
    particle: np.ndarray, rng: np.random.Generator, schedule: Schedule
) -> None:
    """HIO in a smaller box has its middle."""
    truth, schedule = intensity(particle), replace(schedule, raar=1, er=1)
    cpu, own = torch.device("cpu"), particle.astype(np.complex64)
    there = State(to_tensor(own, cpu), to_tensor(own != 0, cpu))
    before = rng.bit_generator.state
    found = retrieve(truth, NONE, rng, schedule=schedule, begin=there)
    assert rng.bit_generator.state == before
    random = retrieve(truth, NONE, rng, schedule=schedule)
    overlaps = [abs(np.vdot(own, one.centred()[0])) for one in (found, random)]
    assert overlaps[0] > 0.9 * np.linalg.norm(own) ** 2 > 1.2 * overlaps[1]
    np.testing.assert_array_equal(there.obj, to_tensor(own, cpu))


def test_what_is_not_finite_is_told_in_one_line(
    particle: np.ndarray, rng: np.random.Generator
) -> None:
    truth = intensity(particle)
    truth[0, 0, 0] = np.nan
    support = np.abs(particle) > 0
    with pytest.raises(InputError, match="not finite"):
        retrieve(truth, NONE, rng, support=support, schedule=Schedule(hio=0, raar=2, er=1))


def test_a_background_is_taken_off_amplitudes_and_is_in_what_would_be_measured(
    particle: np.ndarray,
) -> None:
    truth, level = intensity(particle), 2.0
    where = np.zeros(SHAPE, dtype=bool)
    where[4:9] = True
    prior = PriorConstraint(truth + level, np.zeros(SHAPE))
    known = amplitudes(truth + level, where, prior, background=level)
    scaled = state_of(1.2 * particle)
    scaled.obj, scaled.background = known.project(scaled.obj), level
    np.testing.assert_allclose(scaled.intensity(), truth + level, rtol=1e-2, atol=1e-2)


def test_a_background_that_is_known_is_no_part_of_the_object(
    particle: np.ndarray, rng: np.random.Generator
) -> None:
    """Nothing is measured but the object and 30 counts a voxel, which no small object has."""
    truth = intensity(particle)
    support = np.abs(particle) > 0
    schedule = Schedule(hio=0, raar=40, er=10)
    errors = []
    for level in (0.0, 30.0):
        own = np.random.default_rng(1)
        state = retrieve(
            truth + 30, NONE, own, support=support, schedule=schedule, background=level
        )
        errors.append(np.abs(np.log1p(state.intensity()) - np.log1p(truth + 30)).mean())
    assert errors[1] < 0.1 * errors[0]


def test_hio_sees_the_middle_alone_and_what_follows_the_whole(
    particle: np.ndarray, rng: np.random.Generator
) -> None:
    """Far out nothing is as it was measured, so no start that saw it would fit the middle."""
    truth = intensity(particle)
    middle = (slice(4, 20), slice(2, 18), slice(3, 19))
    broken = np.full(SHAPE, 1e4)
    broken[middle] = truth[middle]
    schedule = Schedule(hio=60, raar=0, er=0, update_every=20, hio_box=16)
    seen = []

    def look(state: State, stage: Stage) -> None:
        seen.append((stage.algorithm, tuple(state.obj.shape)))

    retrieve(truth, NONE, rng, schedule=replace(schedule, raar=4, er=2), settle=look)
    assert seen == [("RAAR", SHAPE), ("ER", SHAPE)]
    found = retrieve(broken, NONE, np.random.default_rng(3), schedule=schedule).intensity()
    assert np.corrcoef(np.log1p(found[middle]).ravel(), np.log1p(truth[middle]).ravel())[0, 1] > 0.9


def test_supports_are_tight_in_hio_and_looser_after_it(
    particle: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = []

    def shrink(obj: torch.Tensor, support: torch.Tensor, width: float, threshold: float) -> object:
        used.append(threshold)
        return support

    monkeypatch.setattr(torch_retrieval, "shrink_support", shrink)
    counts = intensity(particle)
    schedule = Schedule(hio=4, raar=4, er=2, update_every=2, hio_threshold=0.6)
    retrieve(counts, np.zeros_like(particle, bool), np.random.default_rng(0), schedule=schedule)
    assert used == [0.6, 0.6, 0.25, 0.25]


def test_a_threshold_of_hio_that_leaves_no_support_is_let_go(particle: np.ndarray) -> None:
    schedule = Schedule(hio=6, raar=4, er=2, update_every=2)
    far = replace(schedule, hio_threshold=50.0)  # nothing is as large
    nowhere = np.zeros_like(particle, bool)
    known, found = (
        retrieve(intensity(particle), nowhere, np.random.default_rng(0), schedule=one).obj
        for one in (schedule, far)
    )
    assert torch.equal(known, found)
    with pytest.raises(InputError, match="the support has 0 voxels"):
        retrieve(
            intensity(particle),
            nowhere,
            np.random.default_rng(0),
            schedule=replace(far, support_threshold=50.0),
        )


def test_a_small_array_is_its_own_middle(particle: np.ndarray) -> None:
    truth = intensity(particle)
    whole, middle = (
        retrieve(
            truth,
            NONE,
            np.random.default_rng(1),
            schedule=Schedule(hio=9, raar=6, er=2, hio_box=side),
        )
        for side in (0, 24)
    )
    assert torch.equal(whole.obj, middle.obj)


@pytest.mark.parametrize(("least", "side"), [(48, 48), (8, 30), (80, 60)])
def test_the_middle_is_half_of_an_array_or_what_is_asked_for(least: int, side: int) -> None:
    shape = (60, 24, 60)
    given = np.zeros(shape)
    given[30, 12, 30] = given[31, 12, 29] = 1e4
    sizes = []

    def measure(obj: torch.Tensor, *_: object) -> torch.Tensor:
        sizes.append(tuple(obj.shape))
        return torch.ones(obj.shape, dtype=torch.bool)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch_retrieval, "shrink_support", measure)
        schedule = Schedule(hio=1, raar=1, er=0, update_every=1, hio_box=least)
        retrieve(given, np.zeros(shape, bool), np.random.default_rng(0), schedule=schedule)
    assert sizes == [(side, min(24, max(least, 12)), side), shape]
