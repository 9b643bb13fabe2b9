import numpy as np

from bcdi_inpaint.evaluation.fills import Record
from bcdi_inpaint.filling.images import fill_image, see_image
from bcdi_inpaint.network.units import from_network
from bcdi_inpaint.studies.first_guess import FIRST_GUESS, first_guess_model, table_of_earnings


def test_the_first_guess_is_what_networks_see_in_the_gap(rng: np.random.Generator) -> None:
    counts = rng.poisson(200, (32, 40)).astype(np.float32)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, 18:22] = True
    filled = fill_image(counts, gap, first_guess_model(2), device="cpu")
    guess = from_network(see_image(counts, gap).guess)
    np.testing.assert_array_equal(filled[gap], guess[gap])


def table(scan: str, patterns: int) -> str:
    """What three networks earned in a gap of each pattern."""
    scores = {FIRST_GUESS: 0.9, "better": 0.92, "worse": 0.89, "alike": 0.9}
    records: list[Record] = [
        {
            "scan": scan,
            "width": 6,
            "method": name,
            "cluster": str(index),
            "pearson_log": score + (0.01 * (-1) ** index if name == "alike" else 0),
        }
        for index in range(patterns)
        for name, score in scores.items()
    ]
    return table_of_earnings(records, ["better", "worse", "alike"], 200, 1)


def cells(text: str) -> list[str]:
    """The numbers of the table."""
    return [line.split("|")[2].strip() for line in text.splitlines()[-3:]]


def test_what_training_earned_and_cost_is_bold_where_it_is_no_chance() -> None:
    better, worse, alike = cells(table("simulated", 8))
    assert better.startswith("**0.02 [")
    assert worse.startswith("**-0.01 [")
    assert not alike.startswith("**")
    assert table_of_earnings([], [], 200, 1) == ""


def test_nothing_is_bold_where_nothing_can_be_tested_or_networks_are_many() -> None:
    assert cells(table("simulated", 4))[:2] == ["0.02 in all 4 patterns", "-0.01 in all 4 patterns"]
    assert cells(table("S1398", 8))[:2] == ["0.02 in all 8 gaps", "-0.01 in all 8 gaps"]
    six = cells(table("simulated", 6))  # a chance of 2 / 64, thrice
    assert six[0].startswith("0.02 [")
