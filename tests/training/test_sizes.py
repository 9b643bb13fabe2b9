"""Whether patterns are large enough for a plan, before there are any."""

import pytest
from small_training import changed, flat

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.training.plan import LastStepConfig
from bcdi_inpaint.training.sizes import check_size, check_sizes

CUBES = (2, 32, 32, 32)


@pytest.mark.parametrize(
    ("shape", "fits"),
    [
        ((2, 16, 16, 16), True),
        ((2, 16, 15, 16), False),
        ((0, 16, 16, 16), False),
        ((2, 16, 16), False),
    ],
)
def test_a_patch_has_to_fit_into_patterns_of_its_dimensions(
    shape: tuple[int, ...], fits: bool
) -> None:
    plan = changed()
    if fits:
        check_sizes(plan, shape, CUBES)
        check_sizes(plan, CUBES, shape)
        return
    with pytest.raises(InputError, match=r"^patterns have .* 3 sides of at least 16"):
        check_sizes(plan, shape, CUBES)
    with pytest.raises(InputError, match=r"^held-out patterns have .* 3 sides of at least 16"):
        check_sizes(plan, CUBES, shape)


def test_a_network_of_planes_takes_no_volumes() -> None:
    check_size(flat(changed()), (2, 32, 32))
    with pytest.raises(InputError, match="with 2 sides"):
        check_size(flat(changed()), CUBES)


@pytest.mark.parametrize(("widths", "fits"), [((3, 28), True), ((27,), True), ((28, 40), False)])
def test_a_gap_of_the_last_step_has_to_fit_beside_a_peak(
    widths: tuple[int, ...], fits: bool
) -> None:
    """Four known lines beside it, and the peak's own, in 32."""
    plan = changed(last_step=LastStepConfig(widths=widths))
    if fits:
        check_sizes(plan, CUBES, CUBES)
        return
    with pytest.raises(InputError, match=r"last_step.widths is \(28, 40\).*of \(32, 32, 32\) have"):
        check_sizes(plan, CUBES, CUBES)
