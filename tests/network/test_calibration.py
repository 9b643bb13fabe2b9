import math

import numpy as np
import pytest
from pydantic import ValidationError

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.network.calibration import CENTRES, EDGES, ONE_SIGMA, Calibration, calibrate


def test_uncalibrated_it_is_the_laplace_distribution() -> None:
    """Whose interval of probability p reaches -ln(1 - p) scales to each side."""
    plain, one = Calibration(), np.ones(1)
    one_scale = plain.sigma(one, one, one)[0]
    for level in (0.3, 0.68, 0.95, 0.999):
        half_width = plain.half_width(level, one)[0]
        assert half_width * one_scale == pytest.approx(-math.log(1 - level), rel=1e-5)
    assert plain.half_width(ONE_SIGMA, one)[0] == pytest.approx(1)


@pytest.mark.parametrize("kind", ["laplace", "normal", "student"])
def test_calibrated_intervals_hold_what_they_say(kind: str, rng: np.random.Generator) -> None:
    """Whatever the errors' distribution, for every width and brightness, also between levels."""
    draw = {
        "laplace": lambda n: rng.laplace(size=n),
        "normal": lambda n: rng.normal(size=n),
        "student": lambda n: rng.standard_t(3, size=n),
    }[kind]
    wrong = {3: 0.4, 12: 1.0, 38: 2.3}  # how far off the network's scales are
    dark_wrong = 0.2
    n = 100_000
    widths = np.repeat(list(wrong), n)
    scales = rng.uniform(0.1, 2.0, len(widths))
    counts = rng.choice([0.01, 1.0, 10.0], len(widths))
    off = np.repeat(list(wrong.values()), n) * np.where(counts < 0.1, dark_wrong, 1)

    def errors() -> np.ndarray:
        return draw(len(widths)) * scales * off

    found = calibrate(errors(), scales, widths, counts)
    unseen = np.abs(errors()) / found.sigma(scales, widths, counts)
    for level in (0.5, 0.6, 0.68, 0.75, 0.9, 0.95, 0.99):
        inside = unseen <= found.half_width(level, counts)
        for width in wrong:
            for own in (0.01, 1.0, 10.0):
                covered = inside[(widths == width) & (counts == own)].mean()
                assert covered == pytest.approx(level, abs=0.02)


def test_intervals_hold_where_the_factor_changes_with_the_counts(rng: np.random.Generator) -> None:
    """It is interpolated between decades, in each of which the intervals hold all the same."""
    counts = np.exp(rng.uniform(np.log(0.003), np.log(3e4), 200_000))
    widths = rng.choice([3, 38], counts.size)
    wrong = 0.3 + 3 * np.exp(-2 * np.log10(counts) ** 2)  # too small scales at about one count

    def errors() -> np.ndarray:
        return rng.laplace(size=counts.size) * wrong

    ones = np.ones(counts.size)
    found = calibrate(errors(), ones, widths, counts)
    assert found.counts == CENTRES
    unseen = np.abs(errors()) / found.sigma(ones, widths, counts)
    for level in (0.68, 0.95):
        inside = unseen <= found.half_width(level, counts)
        for decade in range(len(CENTRES)):
            own = np.digitize(counts, EDGES) == decade
            assert inside[own].mean() == pytest.approx(level, abs=0.015)


def test_too_few_voxels_are_calibrated_together(rng: np.random.Generator) -> None:
    errors = rng.laplace(size=150)
    found = calibrate(errors, np.ones(150), np.full(150, 6), rng.uniform(0, 50, 150))
    assert len(found.counts) == 1
    covered = np.abs(errors) <= found.sigma(np.ones(1), np.full(1, 6), np.ones(1))
    assert covered.mean() == pytest.approx(ONE_SIGMA, abs=0.01)


def test_between_two_widths_and_counts_the_factor_lies_between() -> None:
    found = Calibration(
        widths=(3.0, 12.0),
        counts=(1.0, 7.0),  # log(1 + counts) of one and three times log 2
        sigma_per_scale=((1.0, 3.0), (2.0, 4.0)),
        half_widths=(Calibration().half_widths[0],) * 2,
    )
    widths, counts = np.array([1, 6, 12, 40, 3, 3]), np.array([1.0, 1, 1, 1, 3, 100])
    sigma = found.sigma(np.full(6, 0.5), widths, counts)
    np.testing.assert_allclose(sigma, [0.5, 0.75, 1.0, 1.0, 1.0, 1.5])


@pytest.mark.parametrize("level", [0, 1, -0.5, 68])
def test_a_level_that_is_no_probability_is_refused(level: float) -> None:
    with pytest.raises(InputError, match=f"level is {level}, expected a probability"):
        Calibration().half_width(level, np.ones(1))


@pytest.mark.parametrize(
    "values",
    [
        {"half_widths": ((1.0, 2.0),)},
        {"half_widths": ((3.0, 2.0, 1.0, 0.5, 0.2, 0.1),)},
        {"levels": (0.5, 0.9), "half_widths": ((0.0, 1.0),)},
        {"levels": (0.5, 1.0), "half_widths": ((0.5, 1.0),)},
        {"sigma_per_scale": ((0.0,),)},
        {"sigma_per_scale": ((1.0, 1.0),)},
        {"sigma_per_scale": ()},
        {"widths": (3.0, 6.0)},
        {"widths": (6.0, 3.0), "sigma_per_scale": ((1.0,), (1.0,))},
        {"widths": (), "sigma_per_scale": ()},
        {"counts": (1.0, 2.0)},
        {"colour": 1},
    ],
)
def test_an_impossible_calibration_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Calibration.model_validate(values)
