"""The last step: untrained it changes nothing, and it says nothing wild of what it has not seen."""

import torch

from bcdi_inpaint.network.symmetry_step import (
    CHUNK,
    FARTHEST,
    INPUTS,
    LARGEST,
    StepConfig,
    SymmetryStep,
)

LOGS, CORRECTION, MATE, SCALE = (
    INPUTS.index(name) for name in ("log_counts", "correction", "mate_less_fill", "log_scale")
)


def drawn(n: int = 50) -> torch.Tensor:
    return torch.randn(n, len(INPUTS), generator=torch.Generator().manual_seed(1))


def wild() -> SymmetryStep:
    """A step with large random weights."""
    torch.manual_seed(0)
    step = SymmetryStep()
    for parameter in step.parameters():
        torch.nn.init.normal_(parameter, std=3.0)
    return step


def test_untrained_it_changes_nothing() -> None:
    logs, scales = SymmetryStep()(drawn())
    assert torch.equal(logs, drawn()[:, LOGS])
    assert torch.equal(scales, drawn()[:, SCALE])


def test_it_reweighs_the_correction_and_the_mate() -> None:
    step = SymmetryStep()
    step.layers[-1].bias.data = torch.tensor([-1.0, 0.5, 0.0, 0.25])
    inputs = drawn()
    logs, scales = step(inputs)
    without = inputs[:, LOGS] - inputs[:, CORRECTION]
    torch.testing.assert_close(logs, without + 0.5 * inputs[:, MATE])
    torch.testing.assert_close(scales, inputs[:, SCALE] + 0.25)


def test_what_it_has_not_seen_is_taken_as_the_farthest_that_it_has() -> None:
    step, inputs = wild(), drawn()
    inputs[:, 6:] = FARTHEST + 1
    beyond = inputs.clone()
    beyond[:, 6:] = 1e30
    for one, other in zip(step(inputs), step(beyond), strict=True):
        assert torch.equal(one, other)


def test_its_weights_are_bounded() -> None:
    inputs = drawn()
    logs, scales = wild()(inputs)
    most = LARGEST * (inputs[:, CORRECTION].abs() + inputs[:, MATE].abs() + 0.1) + 1e-5
    assert ((logs - inputs[:, LOGS]).abs() <= most).all()
    assert ((scales - inputs[:, SCALE]).abs() <= LARGEST + 1e-5).all()
    assert (logs != inputs[:, LOGS]).any()


def test_many_voxels_are_as_few_are() -> None:
    step, inputs = wild(), drawn(CHUNK + 7)
    for whole, part in zip(step.apply_to(inputs), step.apply_to(inputs[-9:]), strict=True):
        torch.testing.assert_close(whole[-9:], part)
    assert step.apply_to(inputs[:0])[0].shape == (0,)


def test_its_size_is_its_configurations() -> None:
    assert SymmetryStep(StepConfig(hidden=5)).layers[0].out_features == 5
