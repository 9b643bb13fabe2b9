"""Phase retrieval of a known object, and the comparison with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.fft
from scipy.ndimage import binary_dilation, fourier_shift, gaussian_filter

from bcdi_inpaint import engines, phasing
from bcdi_inpaint.errors import InputError, MissingEngineError
from bcdi_inpaint.phasing import Chain, Reconstruction, compare, crop_around_peak

N = 48
SHORT = Chain(hio=50, raar=250, er=100)


def strained_particle() -> tuple[np.ndarray, np.ndarray]:
    """A faceted particle without inversion symmetry: (object, where it is), each (N, N, N)."""
    z, y, x = np.ogrid[-N // 2 : N // 2, -N // 2 : N // 2, -N // 2 : N // 2]
    r = 0.16 * N
    box = (np.abs(z) <= r) & (np.abs(y) <= 0.8 * r) & (np.abs(x) <= 0.9 * r)
    inside = box & (z + y + x < 0.8 * r) & (z - y + 0.3 * x < r)
    phase_rad = 0.6 * np.sin(np.pi * z / (1.3 * r)) * np.cos(np.pi * y / (2 * r))
    phase_rad = phase_rad + 0.5 * (x / r) ** 2 - 0.5 * z * y / r**2
    return gaussian_filter(inside.astype(float), 0.7) * np.exp(1j * phase_rad), inside


@pytest.fixture(scope="module")
def particle() -> tuple[np.ndarray, np.ndarray]:
    return strained_particle()


@pytest.fixture(scope="module")
def counts(particle: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """(N, N, N) Poisson counts, 1e6 in the brightest voxel, the peak at the centre."""
    amplitude = scipy.fft.fftshift(scipy.fft.fftn(scipy.fft.ifftshift(particle[0])))
    intensity = np.abs(amplitude) ** 2
    return np.random.default_rng(1).poisson(intensity * 1e6 / intensity.max())


@pytest.fixture
def nothing_bad() -> np.ndarray:
    return np.zeros((N, N, N), dtype=bool)


# --- comparison -----------------------------------------------------------------------------------


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize(
    ("shift", "periods"),
    [((0, 0, 0), (0, 0, 0)), ((3, -5, 2), (2, -1, 4)), ((0.4, -1.3, 2.7), (0.3, -1.6, 2.2))],
)
def test_what_the_intensity_leaves_open_does_not_count(
    particle: tuple[np.ndarray, np.ndarray],
    inverted: bool,
    shift: tuple[float, ...],
    periods: tuple[float, ...],
) -> None:
    truth, inside = particle
    copy = np.conj(np.flip(truth)) if inverted else truth
    copy = scipy.fft.ifftn(fourier_shift(scipy.fft.fftn(copy), shift))
    turns = sum(p * a / N for p, a in zip(periods, np.ogrid[:N, :N, :N], strict=True))
    copy = 7.0 * copy * np.exp(2j * np.pi * turns + 1.1j)
    result = compare(copy, truth, inside)
    assert result.inverted == inverted
    assert result.phase_rms_rad < 3e-3
    assert result.modulus_rms < 1e-2


def test_a_known_phase_error_is_measured(particle: tuple[np.ndarray, np.ndarray]) -> None:
    truth, inside = particle
    signs = np.random.default_rng(3).choice([-1.0, 1.0], truth.shape)  # no ramp, no mean
    result = compare(truth * np.exp(0.3j * signs), truth, inside)
    assert not result.inverted
    assert result.phase_rms_rad == pytest.approx(0.3, rel=0.02)
    assert result.modulus_rms == pytest.approx(0, abs=1e-2)


def test_a_known_modulus_error_is_measured(particle: tuple[np.ndarray, np.ndarray]) -> None:
    truth, _ = particle
    core = np.abs(truth) > 0.99
    signs = np.random.default_rng(3).choice([-1.0, 1.0], truth.shape)
    result = compare(truth * (1 + 0.1 * signs), truth, core)
    assert result.modulus_rms == pytest.approx(0.1, rel=0.05)


def test_the_particle_is_found_where_it_is_not_given(
    particle: tuple[np.ndarray, np.ndarray],
) -> None:
    truth, _ = particle
    noisy = truth * np.exp(0.2j * np.random.default_rng(3).standard_normal(truth.shape))
    half = compare(noisy, truth, np.abs(truth) > 0.5 * np.abs(truth).max())
    assert compare(noisy, truth).phase_rms_rad == half.phase_rms_rad


def test_shapes_must_match(particle: tuple[np.ndarray, np.ndarray]) -> None:
    truth, _ = particle
    with pytest.raises(InputError, match=r"\(47, 48, 48\), expected the truth's \(48, 48, 48\)"):
        compare(truth[1:], truth)
    with pytest.raises(InputError, match="zero everywhere"):
        compare(np.zeros_like(truth), truth)


# --- cropping -------------------------------------------------------------------------------------


def test_the_crop_is_centred_on_the_peak() -> None:
    counts = np.zeros((20, 30, 40))
    counts[9, 12, 25] = 100
    counts[2, 28, 3] = 1e6  # a hot pixel
    bad = counts == 1e6
    box = crop_around_peak(counts, bad, (8, 10, 12))
    assert box == (slice(5, 13), slice(7, 17), slice(19, 31))
    assert counts[box][4, 5, 6] == 100


def test_the_crop_stays_inside() -> None:
    counts = np.zeros((20, 30, 40))
    counts[1, 29, 20] = 100
    box = crop_around_peak(counts, np.zeros(counts.shape, bool), (8, 10, 40))
    assert box == (slice(0, 8), slice(20, 30), slice(0, 40))


def test_impossible_crops_are_refused() -> None:
    counts = np.ones((20, 30, 40))
    nothing = np.zeros(counts.shape, bool)
    with pytest.raises(InputError, match=r"\(8, 31, 8\) is larger than the counts"):
        crop_around_peak(counts, nothing, (8, 31, 8))
    with pytest.raises(InputError, match="no valid voxel has counts"):
        crop_around_peak(counts, ~nothing, (8, 8, 8))


# --- retrieval ------------------------------------------------------------------------------------


@pytest.mark.parametrize("support_is_known", [True, False])
def test_complete_data_give_the_particle_back(
    pynx: str,
    particle: tuple[np.ndarray, np.ndarray],
    counts: np.ndarray,
    nothing_bad: np.ndarray,
    support_is_known: bool,
) -> None:
    truth, inside = particle
    support = binary_dilation(inside, iterations=2) if support_is_known else None
    found = phasing.retrieve(
        counts, nothing_bad, np.random.default_rng(0), support=support, chain=SHORT
    )
    assert compare(found.obj, truth, inside).phase_rms_rad < 0.03
    assert np.all(found.obj[~found.support] == 0)
    if support_is_known:
        np.testing.assert_array_equal(found.support, support)
    else:
        assert 0.8 < found.support.sum() / inside.sum() < 1.6
    # As many photons in the object as in the measurement: PyNX's transform keeps the norm.
    assert np.sum(np.abs(found.obj) ** 2) == pytest.approx(counts.sum(), rel=0.01)
    assert 0 < found.llk_free < 20
    assert found.log[-1].startswith("ER**100: support")


def test_masked_voxels_are_free(
    pynx: str, particle: tuple[np.ndarray, np.ndarray], counts: np.ndarray
) -> None:
    truth, inside = particle
    support = binary_dilation(inside, iterations=2)
    bad = np.zeros(counts.shape, bool)
    bad[:, :, 27:30] = True
    absurd = np.where(bad, -1e9, counts.astype(float))
    absurd[:, :, 28] = np.nan
    kept = absurd.copy()

    def phase(values: np.ndarray, mask: np.ndarray) -> Reconstruction:
        rng = np.random.default_rng(0)
        return phasing.retrieve(values, mask, rng, support=support, chain=SHORT)

    masked = phase(absurd, bad)
    # What stands in a masked voxel does not matter, and the input stays as it was.
    np.testing.assert_array_equal(masked.obj, phase(counts, bad).obj)
    np.testing.assert_array_equal(absurd, kept)
    # Zeros taken for measured do harm that the mask avoids.
    as_zeros = phase(np.where(bad, 0, counts), np.zeros_like(bad))
    error = compare(masked.obj, truth, inside).phase_rms_rad
    assert error < 0.1
    assert compare(as_zeros.obj, truth, inside).phase_rms_rad > 3 * error


def test_without_free_voxels_there_is_no_free_likelihood(
    pynx: str, counts: np.ndarray, nothing_bad: np.ndarray
) -> None:
    chain = Chain(hio=0, raar=5, er=0, free_fraction=0)
    found = phasing.retrieve(counts, nothing_bad, np.random.default_rng(0), chain=chain)
    assert np.isnan(found.llk_free)
    assert found.llk > 0
    assert [line.split(":")[0] for line in found.log] == ["SupportUpdate*RAAR**5"]


def test_a_lost_support_is_one_line(pynx: str, counts: np.ndarray, nothing_bad: np.ndarray) -> None:
    chain = Chain(hio=0, raar=10, er=0, support_threshold=100.0)
    with pytest.raises(InputError, match=r"support was lost .*support_threshold") as caught:
        phasing.retrieve(counts, nothing_bad, np.random.default_rng(0), chain=chain)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"bad_mask": np.zeros((4, 4, 4), bool)}, r"mask has shape \(4, 4, 4\)"),
        ({"support": np.ones((4, 4, 4), bool)}, r"support has shape \(4, 4, 4\)"),
        ({"support": np.zeros((8, 8, 8), bool)}, "support is empty"),
        ({"bad_mask": np.ones((8, 8, 8), bool)}, "no signal outside the mask"),
        ({"counts": np.full((8, 8, 8), np.inf)}, "not all finite"),
    ],
)
def test_bad_input_is_one_line(fault: dict[str, np.ndarray], message: str) -> None:
    arrays: dict[str, np.ndarray] = {
        "counts": np.ones((8, 8, 8)),
        "bad_mask": np.zeros((8, 8, 8), bool),
        **fault,
    }
    counts, bad_mask = arrays.pop("counts"), arrays.pop("bad_mask")
    with pytest.raises(InputError, match=message):
        phasing.retrieve(counts, bad_mask, np.random.default_rng(0), support=arrays.get("support"))


def test_without_pynx_it_says_how_to_get_it(
    counts: np.ndarray, nothing_bad: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_pynx_folder", lambda: None)
    with pytest.raises(MissingEngineError, match="make setup"):
        phasing.retrieve(counts, nothing_bad, np.random.default_rng(0))


# --- several starts -------------------------------------------------------------------------------


def test_the_best_start_by_free_likelihood_is_kept(
    monkeypatch: pytest.MonkeyPatch, counts: np.ndarray, nothing_bad: np.ndarray
) -> None:
    blank = Reconstruction(np.zeros(1), np.zeros(1, bool), llk=1.0, llk_free=0.0, log=())
    answers = iter([3.0, None, 2.0, 5.0])

    def one_start(*args: object, **kwargs: object) -> Reconstruction:
        llk_free = next(answers)
        if llk_free is None:
            raise InputError("the support was lost")
        return replace(blank, llk_free=llk_free)

    monkeypatch.setattr(phasing, "retrieve", one_start)
    rng = np.random.default_rng(0)
    assert phasing.retrieve_best(counts, nothing_bad, rng, starts=4).llk_free == 2.0


def test_if_every_start_fails_the_reason_is_given(
    monkeypatch: pytest.MonkeyPatch, counts: np.ndarray, nothing_bad: np.ndarray
) -> None:
    def one_start(*args: object, **kwargs: object) -> Reconstruction:
        raise InputError("the support was lost")

    monkeypatch.setattr(phasing, "retrieve", one_start)
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="support was lost"):
        phasing.retrieve_best(counts, nothing_bad, rng, starts=2)
    with pytest.raises(InputError, match="starts is 0, expected at least 1"):
        phasing.retrieve_best(counts, nothing_bad, rng, starts=0)
