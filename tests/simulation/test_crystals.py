from pathlib import Path

import numpy as np
import pytest
import scipy.fft
from pydantic import ValidationError
from scipy.ndimage import gaussian_filter

from simulation.crystals import CrystalConfig, draw_crystals

SMALL = CrystalConfig(count=2, atomistic=1, size=32, flux=(1e5, 1e6), oversampling=(2.5, 3.0))


@pytest.fixture(scope="module")
def made() -> list:
    config = SMALL.model_copy(
        update={"particle": SMALL.particle.model_copy(update={"n_atoms": (2000, 2500)})}
    )
    return list(draw_crystals(config, 4))


def test_the_expectation_is_the_truths_transform(made: list) -> None:
    for crystal in made:
        amplitude = scipy.fft.fftn(scipy.fft.ifftshift(crystal.truth), norm="ortho")
        found = scipy.fft.fftshift(np.abs(amplitude) ** 2)
        np.testing.assert_allclose(found, crystal.expectation, rtol=1e-2, atol=1e-2)


def test_the_flux_is_that_of_the_brightest_voxel(made: list) -> None:
    for crystal in made:
        assert crystal.expectation.max() == pytest.approx(crystal.parameters["flux"], rel=1e-3)
        assert crystal.counts.sum() == pytest.approx(crystal.expectation.sum(), rel=0.02)


def test_the_object_is_compact_and_in_the_middle(made: list) -> None:
    for crystal in made:
        weight = np.abs(crystal.truth) ** 2
        middle = weight[6:26, 6:26, 6:26].sum() / weight.sum()
        assert middle > 0.9


@pytest.mark.parametrize("size", [32, 64])
def test_the_oversampling_that_is_told_is_the_crystals_own(size: int) -> None:
    config = CrystalConfig(count=2, atomistic=0, size=size, oversampling=(3, 4), strain_rad=(0, 0))
    for crystal in draw_crystals(config, 1):
        inside = np.abs(crystal.truth) > 0.5 * np.abs(crystal.truth).max()
        told = np.array(crystal.parameters["oversampling"])
        for axis, ratio in enumerate(told):
            others = tuple(other for other in range(3) if other != axis)
            extent = int(np.count_nonzero(inside.any(axis=others)))
            assert abs(size / ratio - extent) <= 2


def test_no_other_peak_of_a_particle_is_in_view() -> None:
    """The next one would be in it at the corners of so large an array."""
    particle = {"n_atoms": (2000, 2100)}
    config = CrystalConfig(
        count=1, atomistic=1, size=96, oversampling=(2.5, 2.5), particle=particle
    )
    (crystal,) = draw_crystals(config, 1)
    assert min(crystal.parameters["oversampling"]) > 2.6
    away = np.stack(np.indices(crystal.counts.shape)) - 48
    outside = np.linalg.norm(away, axis=0) > 40
    assert crystal.expectation[outside].max() < 0.02 * crystal.expectation.max()


def test_the_same_seed_makes_the_same_crystals() -> None:
    config = CrystalConfig(count=2, atomistic=0, size=32)
    first, again, other = (list(draw_crystals(config, seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[1].counts, again[1].counts)
    assert not np.array_equal(first[1].counts, other[1].counts)
    assert not np.array_equal(first[0].counts, first[1].counts)


MIXED = CrystalConfig(
    count=4,
    atomistic=0,
    size=(32, 40),
    flux=(1e6, 1e6),
    strain_rad=(8, 8),
    kinds={"coherent, varying": 1, "partly coherent, even": 1},
    background_share=1,
    background=(0.5, 0.5),
    centre_peak=True,
)


def test_kinds_are_dealt_by_their_shares_and_drawn_from_the_seed() -> None:
    crystals, again = list(draw_crystals(MIXED, 2)), list(draw_crystals(MIXED, 2))
    assert sorted(one.kind for one in crystals) == sorted([*MIXED.kinds] * 2)
    assert {len(one.counts) for one in crystals} == {32, 40}
    for one, other in zip(crystals, again, strict=True):
        np.testing.assert_array_equal(one.counts, other.counts)
        assert one.parameters == other.parameters


def test_a_partly_coherent_beam_blurs_and_a_background_is_added() -> None:
    for crystal in draw_crystals(MIXED, 2):
        amplitude = scipy.fft.fftn(scipy.fft.ifftshift(crystal.truth), norm="ortho")
        photons = scipy.fft.fftshift(np.abs(amplitude) ** 2)
        blur = crystal.parameters.get("blur_voxel", [0.0, 0.0, 0.0])
        assert crystal.kind.startswith("partly") == ("blur_voxel" in crystal.parameters)
        expected = gaussian_filter(photons, blur, mode="wrap") + 0.5
        np.testing.assert_allclose(expected, crystal.expectation, rtol=1e-2, atol=1e-2)
        assert crystal.expectation.max() == pytest.approx(1e6 + 0.5, rel=1e-3)


def test_a_beam_may_have_tails_and_without_them_nothing_else_is_drawn() -> None:
    tailed = MIXED.model_copy(update={"tail_share": (0.2, 0.4)})
    for plain, other in zip(draw_crystals(MIXED, 2), draw_crystals(tailed, 2), strict=True):
        assert other.parameters.get("blur_voxel") == plain.parameters.get("blur_voxel")
        if "blur_voxel" not in other.parameters:
            np.testing.assert_array_equal(other.counts, plain.counts)
            continue
        assert "tail_share" not in plain.parameters
        assert 0.2 <= other.parameters["tail_share"] <= 0.4
        assert other.expectation.max() == pytest.approx(1e6 + 0.5, rel=1e-3)
        assert np.median(other.expectation) > np.median(plain.expectation)


def test_a_varying_modulus_varies_as_much_as_it_says() -> None:
    even = MIXED.model_copy(update={"kinds": {"coherent, even": 1.0}})
    for one, other in zip(draw_crystals(MIXED, 2), draw_crystals(even, 2), strict=True):
        if one.kind != "coherent, varying":
            continue
        first, second = np.abs(one.truth), np.abs(other.truth)
        inside = second > 0.5 * second.max()
        factor = first[inside] / second[inside]
        spread = one.parameters["modulus_spread"]
        assert factor.std() / factor.mean() == pytest.approx(spread, rel=0.1)


def test_the_peak_is_brought_to_the_middle() -> None:
    for crystal in draw_crystals(MIXED, 2):
        brightest = np.unravel_index(np.argmax(crystal.expectation), crystal.expectation.shape)
        assert max(abs(np.subtract(brightest, len(crystal.counts) // 2))) <= 1


def test_a_real_object_is_measured_with_both_beams(tmp_path: Path) -> None:
    path = tmp_path / "body.npz"
    body = np.zeros((9, 10, 11))
    body[2:7, 3:8, 2:9] = 100
    body[2, 3, 2:5] = 0
    np.savez(path, real=body, imag=body, grid=np.array([40, 36, 44]), step=0.01)
    coherent, partly = list(draw_crystals(MIXED, 2, [path]))[-2:]
    assert (coherent.name, partly.name) == ("body coherent", "body partly coherent")
    whole = np.zeros((40, 36, 44), dtype=complex)
    whole[16:25, 13:23, 17:28] = (1 + 1j) * body
    intensity = np.abs(scipy.fft.fftshift(scipy.fft.fftn(scipy.fft.ifftshift(whole)))) ** 2
    middle = intensity[4:36, 2:34, 6:38]
    expected = middle * (1e6 / middle.max()) + 0.5
    np.testing.assert_allclose(coherent.expectation, expected, rtol=1e-4)
    assert "blur_voxel" in partly.parameters


@pytest.mark.parametrize(
    "wrong",
    [
        {"kinds": {"odd": 1}},
        {"kinds": {}},
        {"size": 16},
        {"blur_voxel": (0.8, 0.3)},
        {"tail_share": (0.5, 1.5)},
        {"background": (0, 1)},
        {"colour": "red"},
    ],
)
def test_a_wrong_configuration_is_refused(wrong: dict) -> None:
    with pytest.raises(ValidationError):
        CrystalConfig.model_validate(wrong)
