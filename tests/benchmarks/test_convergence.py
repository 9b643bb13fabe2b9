"""Chains of cycles are read, and their crystals counted."""

import math

import pytest

from benchmarks.convergence import Chain, medians


def row(chain: Chain, taken: float, converged: float) -> dict[str, object]:
    return {
        "gap": "complete",
        **chain.head,
        "by free LLK (rad)": taken,
        "as phase takes (rad)": taken,
        "best (rad)": taken,
        "median (rad)": 2 * taken,
        "converged": converged,
        "lost": 1,
    }


def test_a_chain_has_cycles_and_thresholds() -> None:
    preset = Chain.read("400,600,200,0.15,0.25").preset(3)
    assert (preset.hio, preset.raar, preset.er, preset.runs) == (400, 600, 200, 3)
    assert preset.support_threshold == (0.15, 0.25)
    with pytest.raises(ValueError, match="not enough values"):
        Chain.read("400,600,200")


def test_crystals_are_counted_chain_by_chain() -> None:
    one, other = Chain.read("0,600,200,0.2,0.4"), Chain.read("0,600,200,0.1,0.2")
    rows = [row(one, 0.1, 1.0), row(one, 0.5, 0.5), row(other, 0.6, 0.0), row(one, 0.2, 0.0)]
    first, second = medians(rows)
    assert (first["thresholds"], second["thresholds"]) == ("0.2-0.4", "0.1-0.2")
    assert (first["crystals"], first["crystals converged"], first["lost"]) == (3, 2, 3)
    assert first["by free LLK (rad)"] == 0.2
    assert first["median (rad)"] == 0.4
    assert first["starts converged"] == 0.5
    assert second["crystals converged"] == 0


def test_a_crystal_of_which_every_start_was_lost_has_not_converged() -> None:
    chain = Chain.read("0,600,200,0.2,0.4")
    (found,) = medians([row(chain, math.nan, 0.0), row(chain, 0.1, 1.0)])
    assert (found["crystals"], found["crystals converged"]) == (2, 1)
    assert found["by free LLK (rad)"] == 0.1
