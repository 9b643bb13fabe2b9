from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.learned_fill import LEAST_GAN_STEPS
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.selftaught import adversarial
from bcdi_inpaint.selftaught.adversarial import Optimised, adversarial_fill
from bcdi_inpaint.selftaught.adversaries import GanSettings, Generator, divergence
from bcdi_inpaint.selftaught.budget import Best, Budget
from bcdi_inpaint.selftaught.framed_regions import known_patches

SMALL = GanSettings(
    seed=4, generator=(16, 8, 8), critic=(4, 8, 8), batch=4, regions=4, every=10, rate=2e-3
)
PLANE = Gap(1, 60, 63)


def images(n: int = 1) -> np.ndarray:
    """Slopes of light, (n, 40, 80) log counts: brighter to the right, 4 of 1 to 5 in the gap."""
    return np.broadcast_to(np.linspace(1, 5, 80), (n, 40, 80)).copy()


def gap() -> np.ndarray:
    unknown = np.zeros((1, 40, 80), dtype=bool)
    unknown[:, :, PLANE.start : PLANE.stop] = True
    return unknown


def filled(
    optimised: Optimised = "generator",
    steps: int = 20,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
    settings: GanSettings = SMALL,
) -> Best:
    logs = np.where(gap(), np.nan, images())
    return adversarial_fill(
        logs,
        gap(),
        gap() & False,
        [PLANE],
        np.random.default_rng(seed),
        Budget(steps, progress=progress),
        optimised=optimised,
        settings=settings,
    )


@pytest.mark.parametrize("optimised", ["generator", "seeds"])
def test_only_the_gap_is_filled_and_the_same_seed_gives_the_same(optimised: Optimised) -> None:
    first, same, other = (filled(optimised, seed=seed).log_counts for seed in (1, 1, 2))
    assert first is not None
    np.testing.assert_allclose(first[~gap()], images()[~gap()], rtol=1e-5)
    assert np.isfinite(first).all()
    assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_the_content_loss_brings_the_fill_to_its_frame() -> None:
    """With the content loss alone the generator learns the light beside the gap."""
    errors = []
    for content in (0.0, 1e4):
        settings = replace(SMALL, content=content, critic_steps=5, every=1000, rate=1e-2)
        best = filled(steps=60, settings=settings)
        assert best.log_counts is not None
        errors.append(np.abs(best.log_counts - images())[gap()].mean())
    assert errors[1] < 0.5 * errors[0]


def test_every_tenth_step_is_the_generators_with_its_frames_as_in_the_paper(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Table 1 of Squires et al., where the content loss has the weight 1."""
    taken: list[str] = []
    step, content = adversarial._step, adversarial._Regions.content

    def counted(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        taken.append("step")
        step(optimizer, loss)

    def looked(regions: adversarial._Regions, generator: Generator) -> torch.Tensor:
        taken.append("content")
        return content(regions, generator)

    monkeypatch.setattr(adversarial, "_step", counted)
    monkeypatch.setattr(adversarial._Regions, "content", looked)
    filled(steps=20)
    tenth = [*["step"] * 10, "content", "step"]  # ten of the critic, then the generator's
    assert taken == tenth * 2
    assert GanSettings().content == 1


@pytest.mark.parametrize(("optimised", "fewest"), [("generator", 10), ("seeds", 17)])
def test_too_few_steps_for_one_of_the_generator_are_refused(
    optimised: Optimised, fewest: int
) -> None:
    """They would leave it as it was made, and its noise would be the fill."""
    assert fewest <= LEAST_GAN_STEPS
    assert filled(optimised, steps=fewest).steps == fewest
    with pytest.raises(InputError, match="networks learn are 9, expected at least 10"):
        filled(optimised, steps=9 if optimised == "generator" else 15)


def test_seeds_learn_the_frame_while_the_generator_stays() -> None:
    fixed = replace(SMALL, every=1000, training_share=0.5, rate=1e-2)
    before, after = (
        filled("seeds", 80, settings=replace(fixed, seed_rate=rate, divergence=0.0))
        for rate in (0.0, 0.5)
    )
    errors = [np.abs(b.log_counts - images())[gap()].mean() for b in (before, after)]  # type: ignore[operator]
    assert errors[1] < 0.97 * errors[0]


def test_ctrl_c_gives_the_best_so_far() -> None:
    def interrupt(done: int, _total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    best = filled(steps=1000, progress=interrupt)
    assert best.interrupted
    assert best.log_counts is not None
    assert np.isfinite(best.log_counts).all()


@pytest.mark.parametrize(("off", "taken"), [(0.01, True), (50.0, False)])
def test_what_it_began_at_stays_where_no_step_is_better(off: float, taken: bool) -> None:
    held_out = np.roll(gap(), -20, axis=2)
    for hidden, planes in ((held_out, [PLANE, Gap(1, 40, 43)]), (gap() & False, [PLANE])):
        unknown = gap()
        unknown[0, 0, 0] = True  # in no plane: it is not filled
        logs = np.where(unknown, np.nan, images())
        best = adversarial_fill(
            logs,
            unknown,
            hidden,
            planes,
            np.random.default_rng(0),
            Budget(10),
            begun=images() + off,
            settings=SMALL,
        )
        assert best.log_counts is not None
        is_begun = taken and bool(hidden.any())
        assert (best.best_step == 0) == is_begun
        assert np.allclose(best.log_counts[gap()], images()[gap()] + off, atol=1e-4) == is_begun
        np.testing.assert_allclose(best.log_counts[~(unknown | hidden)][:9], images()[0, 0, 1:10])
        assert np.isnan(best.log_counts[0, 0, 0])


def test_seeds_without_time_lose_no_generator_that_has_learned() -> None:
    """Six steps of the generator in six seconds; the first of the seeds takes a minute."""
    ticks = iter([*range(7), 10, 70])
    logs = np.where(gap(), np.nan, images())
    best = adversarial_fill(
        logs,
        gap(),
        gap() & False,
        [PLANE],
        np.random.default_rng(0),
        Budget(10, 1.0, clock=lambda: next(ticks)),
        optimised="seeds",
        settings=replace(SMALL, critic_steps=1),
    )
    assert best.cut_short
    assert best.steps == 7
    assert best.log_counts is not None
    assert np.isfinite(best.log_counts).all()


def test_a_seed_of_two_values_is_not_normal_though_its_mean_and_variance_are() -> None:
    torch.manual_seed(0)
    normal = torch.randn(1, 4000)
    two = torch.sign(normal)
    assert float(two.var()) == pytest.approx(1, abs=0.01)
    assert float(divergence(two)) > 20 * float(divergence(normal))


def test_patches_are_smaller_where_none_so_large_is_known() -> None:
    unknown = np.zeros((1, 40, 50), dtype=bool)
    unknown[:, :, 22:26] = True
    side, corners = known_patches(unknown, 32, 8)
    assert side == 24
    assert (corners[:, 2] == 26).all()
    with pytest.raises(
        InputError,
        match=r"no known patch of 16 voxels a side in the box .* \(1 x 15 x 50 voxels\), expected",
    ):
        known_patches(np.roll(unknown, 3, 2)[:, :15], 32, 8)


@pytest.mark.parametrize(
    ("shape", "plane", "said"),
    [
        (
            (2, 40, 30),
            Gap(1, 14, 17),
            "30 voxels across a gap of 3 in the box around .*, expected at least 40",
        ),
        ((2, 24, 80), PLANE, "24 voxels along a gap in .*, expected at least 32 for a frame of 16"),
        ((2, 40, 40), Gap(1, 12, 28), "40 voxels across a gap of 16 in .*, expected at least 48"),
    ],
)
def test_too_small_a_scan_is_refused(shape: tuple[int, ...], plane: Gap, said: str) -> None:
    unknown = np.zeros(shape, dtype=bool)
    unknown[:, :, plane.start : plane.stop] = True
    with pytest.raises(InputError, match=said):
        adversarial_fill(
            np.ones(shape), unknown, unknown & False, [plane], np.random.default_rng(0), Budget(1)
        )
