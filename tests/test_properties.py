"""What holds of every fill, whatever the shape, the number type and where the gaps are."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_network import tiny_network

from bcdi_inpaint.classical.interpolation import linear
from bcdi_inpaint.classical.kriging import krige
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import read_scan, write_scan
from bcdi_inpaint.filling.fillable import fillable_part
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import find_planes, gap_mask, merge_gaps
from bcdi_inpaint.jobs.predict import predict
from bcdi_inpaint.jobs.request import Request
from bcdi_inpaint.network.weights import Model, save_weights

Shape = tuple[int, int, int]
TYPES = ("u1", "u2", "i4", "f4", "f8", ">u2")

few = settings(deadline=None, derandomize=True, max_examples=4, database=None)
some = settings(few, max_examples=12)
with_fixtures = settings(
    few, max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def model() -> Model:
    """An untrained network: what holds does not come from its weights."""
    torch.manual_seed(0)
    network = tiny_network()
    return Model(network.eval(), "tiny", "0" * 64)


@st.composite
def layouts(draw: st.DrawFn, most: int = 2) -> tuple[Shape, tuple[Gap, ...]]:
    """A shape, and one gap or more away from its edges; several may touch or cross."""
    shape = tuple(draw(st.integers(14, 28)) for _ in range(3))
    gaps = []
    for _ in range(draw(st.integers(1, most))):
        axis, width = draw(st.integers(0, 2)), draw(st.integers(1, 6))
        start = draw(st.integers(3, shape[axis] - width - 3))
        gaps.append(Gap(axis, start, start + width))
    return shape, tuple(gaps)  # type: ignore[return-value]


def peak(shape: Shape, seed: int, dtype: str = "i4") -> np.ndarray:
    """Poisson counts (*shape) of a fringed peak, at most about 150."""
    z, y, x = np.meshgrid(*[np.arange(n) - n / 2.2 for n in shape], indexing="ij")
    fall = 70 / (1 + 0.01 * (z**2 + 1.3 * y**2 + 0.8 * x**2))
    expected = fall * (1.05 + np.cos(0.7 * z + 0.9 * y - 0.8 * x))
    return np.minimum(np.random.default_rng(seed).poisson(expected), 200).astype(dtype)


def kriged(counts: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """The log counts of kriging, of the gaps that a mask shows."""
    return krige(np.log1p(counts.astype(np.float32)), gap, find_planes(gap)).log_counts


# --- fills ----------------------------------------------------------------------------------------


@given(layouts(), st.sampled_from(TYPES), st.integers(0, 99))
@few
def test_outside_the_gap_is_the_measurement_and_inside_is_light(
    model: Model, layout: tuple[Shape, tuple[Gap, ...]], dtype: str, seed: int
) -> None:
    shape, gaps = layout
    gap, counts = gap_mask(gaps, shape), peak(shape, seed, dtype)
    before = counts.copy()
    fill = inpaint(counts, gap, model, "cpu")
    assert counts.tobytes() == before.tobytes()
    measured = counts.astype(np.float32)
    assert fill.counts[~gap].tobytes() == measured[~gap].tobytes()
    assert np.isfinite(fill.counts).all()
    assert (fill.counts[gap] > 0).all()
    np.testing.assert_array_equal(fill.filled, gap)
    assert (fill.sigma[gap] > 0).all()
    assert not fill.sigma[~gap].any()


@given(layouts(), st.integers(0, 99), st.sampled_from([0, 1, 7]))
@few
def test_what_the_gap_holds_is_not_looked_at_so_twice_is_once(
    model: Model, layout: tuple[Shape, tuple[Gap, ...]], seed: int, held: int
) -> None:
    shape, gaps = layout
    gap = gap_mask(gaps, shape)
    once = inpaint(peak(shape, seed), gap, model, "cpu").counts
    assert inpaint(once, gap, model, "cpu").counts.tobytes() == once.tobytes()
    other = np.where(gap, held, peak(shape, seed))
    assert inpaint(other, gap, model, "cpu").counts.tobytes() == once.tobytes()


@given(layouts(), st.integers(0, 99), st.lists(st.integers(0, 2), min_size=1, unique=True))
@some
def test_flipping_commutes_with_classical_fills(
    layout: tuple[Shape, tuple[Gap, ...]], seed: int, axes: list[int]
) -> None:
    shape, gaps = layout
    gap, counts = gap_mask(gaps, shape), peak(shape, seed)
    turned = np.flip(counts, axes).copy(), np.flip(gap, axes).copy()
    np.testing.assert_allclose(linear(*turned), np.flip(linear(counts, gap), axes), rtol=1e-4)
    if len(merge_gaps(gaps)) == 1:  # planes are kriged one after the other
        right = np.flip(kriged(counts, gap), axes)
        np.testing.assert_allclose(kriged(*turned), right, atol=2e-3)


@given(layouts(most=1), st.integers(0, 99), st.sampled_from(list(permutations(range(3)))))
@some
def test_turning_the_axes_commutes_with_classical_fills(
    layout: tuple[Shape, tuple[Gap, ...]], seed: int, order: tuple[int, ...]
) -> None:
    shape, gaps = layout
    gap, counts = gap_mask(gaps, shape), peak(shape, seed)
    turned = (np.ascontiguousarray(a.transpose(order)) for a in (counts, gap))
    counts_turned, gap_turned = turned
    right = linear(counts, gap).transpose(order)
    np.testing.assert_allclose(linear(counts_turned, gap_turned), right, rtol=1e-4)
    right = kriged(counts, gap).transpose(order)
    np.testing.assert_allclose(kriged(counts_turned, gap_turned), right, atol=2e-3)


# --- geometry -------------------------------------------------------------------------------------


@given(layouts(most=3))
@some
def test_a_mask_and_its_planes_are_one(layout: tuple[Shape, tuple[Gap, ...]]) -> None:
    shape, gaps = layout
    mask = gap_mask(gaps, shape)
    np.testing.assert_array_equal(gap_mask(find_planes(mask), shape), mask)
    np.testing.assert_array_equal(gap_mask(merge_gaps(gaps), shape), mask)
    assert merge_gaps(find_planes(mask)) == merge_gaps(gaps)


@given(layouts(most=3), st.integers(0, 99), st.lists(st.integers(0, 2), unique=True))
@some
def test_what_can_be_filled_turns_with_the_array(
    layout: tuple[Shape, tuple[Gap, ...]], seed: int, axes: list[int]
) -> None:
    shape, gaps = layout
    gap = gap_mask(gaps, shape)
    bad = np.random.default_rng(seed).random(shape) < 0.02
    plain = fillable_part(gap, bad).fillable
    np.testing.assert_array_equal(
        fillable_part(np.flip(gap, axes).copy(), np.flip(bad, axes).copy()).fillable,
        np.flip(plain, axes),
    )
    order = np.roll(range(3), seed)
    turned = (np.ascontiguousarray(mask.transpose(order)) for mask in (gap, bad))
    np.testing.assert_array_equal(fillable_part(*turned).fillable, plain.transpose(order))


# --- files ----------------------------------------------------------------------------------------


@given(shape=st.tuples(*[st.integers(4, 20)] * 3), seed=st.integers(0, 99))
@with_fixtures
def test_a_scan_without_gaps_is_refused_and_nothing_written(
    tmp_path_factory: pytest.TempPathFactory, shape: Shape, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("whole")
    counts = peak(shape, seed) + 1
    write_scan(folder / "whole.cxi", counts, None)
    before = (folder / "whole.cxi").read_bytes()
    with pytest.raises(InputError, match="no gap"):
        predict(Request(str(folder / "whole.cxi"), device="cpu"))
    assert list(folder.iterdir()) == [folder / "whole.cxi"]
    assert (folder / "whole.cxi").read_bytes() == before
    with pytest.raises(InputError, match="nothing to do"):
        inpaint(counts, np.zeros(shape, dtype=bool))


@given(seed=st.integers(0, 99), handover=st.sampled_from(["hard", "staged", "prior", "mask"]))
@with_fixtures
def test_an_output_filled_again_is_refused_or_stays_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, model: Model, seed: int, handover: str
) -> None:
    folder, shape = tmp_path_factory.mktemp("again"), (8, 30, 24)
    gap = gap_mask((Gap(1, 12, 16),), shape)
    save_weights(folder / "tiny.safetensors", model.network, {})
    write_scan(folder / "s.cxi", np.where(gap, 0, peak(shape, seed)), gap)
    asked = {"model": str(folder / "tiny.safetensors"), "device": "cpu", "handover": handover}
    once = predict(Request(str(folder / "s.cxi"), **asked)).output  # type: ignore[arg-type]
    again = Request(str(once), **asked)  # type: ignore[arg-type]
    if handover == "hard":  # nothing is masked any more
        with pytest.raises(InputError, match="no gap"):
            predict(again)
        return
    np.testing.assert_array_equal(read_scan(predict(again).output).counts, read_scan(once).counts)
