"""Learning the last step: it believes mates where scans are symmetric, and only there."""

import numpy as np
import torch
from small_network import tiny_network
from small_training import peak

from bcdi_inpaint.network.symmetry_step import INPUTS
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.training.last_step import Case, hide, learn, look_at, rms_errors
from bcdi_inpaint.training.plan import LastStepConfig

MODEL = Model(tiny_network(), "tiny", "0" * 64)


def drawn(symmetry: float, rng: np.random.Generator) -> Case:
    """Voxels whose mate is the truth where the scan is symmetric, and noise where it is not."""
    inputs = rng.normal(size=(2000, len(INPUTS))).astype(np.float32)
    inputs[:, INPUTS.index("symmetry")] = symmetry
    right = symmetry > 0.5
    truth = 3 + inputs[:, INPUTS.index("mate_less_fill")] * right
    inputs[:, 0] = 3
    return Case(inputs, truth.astype(np.float32))


def test_it_learns_from_the_symmetry_what_a_mate_is_worth() -> None:
    rng = np.random.default_rng(0)
    those = [drawn(symmetry, rng) for symmetry in (0.0, 0.1, 0.8, 0.9)]
    step = learn(those, LastStepConfig(steps=150, batch_size=1024), seed=9100)
    for symmetry in (0.05, 0.85):
        assert rms_errors(drawn(symmetry, rng), step)[1] < 0.3
    assert rms_errors(drawn(0.85, rng), step)[0] > 0.9  # so far off are the mates before


def test_it_is_the_same_for_the_same_seed_and_draws_from_nothing_else() -> None:
    case, few = drawn(0.5, np.random.default_rng(0)), LastStepConfig(steps=2, batch_size=64)
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    first = learn([case], few, seed=3)
    assert torch.equal(torch.rand(1), expected)
    again, other = (learn([case], few, seed=seed) for seed in (3, 4))
    assert torch.equal(first.layers[0].weight, again.layers[0].weight)
    assert not torch.equal(first.layers[0].weight, other.layers[0].weight)


def test_what_is_seen_of_a_gap_is_its_fill_beside_its_truth() -> None:
    expectation = np.expm1(peak((32, 32, 32)).astype(np.float32))
    rng = np.random.default_rng(5)
    hidden = hide(expectation.copy(), expectation, "row", 3, rng)
    assert hidden is not None
    assert hidden.mask.sum() == 3 * 32 * 32
    case = look_at(hidden, MODEL, rng, 500, "cpu")
    assert case is not None
    assert case.inputs.shape == (500, len(INPUTS))
    np.testing.assert_allclose(case.inputs[:, INPUTS.index("log_width")], np.log(3), rtol=1e-6)
    # A kriged guess in a narrow gap is near the truth: the two are of the same voxels.
    assert np.corrcoef(case.inputs[:, 0], case.truth)[0, 1] > 0.9
    # What is hidden plays no role.
    hidden.counts[hidden.mask] = 7
    again = look_at(hidden, MODEL, np.random.default_rng(6), 10**6, "cpu")
    assert again is not None
    assert {*again.truth.tolist()} >= {*case.truth.tolist()}
    assert {*again.inputs[:, 0].tolist()} >= {*case.inputs[:, 0].tolist()}


def test_a_gap_without_a_place_or_a_pattern_without_a_peak_is_none() -> None:
    rng = np.random.default_rng(0)
    bright = np.expm1(peak((32, 32, 32)).astype(np.float32))
    assert hide(bright, bright, "row", 24, rng) is None
    dark = np.zeros((32, 32, 32), np.float32)
    assert hide(dark, dark, "row", 3, rng) is None
