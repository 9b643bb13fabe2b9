"""The point spread function on PyNX's CPU backend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.fft
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.constraints import AmplitudePrior
from bcdi_inpaint.phasing.pynx_projection import (
    CARRIED,
    HeldAmplitudes,
    heed_fills,
    pynx_backend,
)
from bcdi_inpaint.phasing.pynx_psf import blur, model_psf, update_psf
from bcdi_inpaint.pynx_engine import import_pynx, quiet

SIZE, SIGMA = 24, 0.6


@pytest.fixture(autouse=True)
def heeding(pynx: str) -> Iterator[None]:
    heed_fills()
    with quiet(), np.errstate(all="ignore"):
        yield


@pytest.fixture
def crystal(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An object, centre at index 0, and its intensity."""
    obj = np.zeros((SIZE,) * 3, np.complex64)
    z, y, x = np.ogrid[:6, :7, :5]
    obj[:6, :7, :5] = 20 * np.exp(1j * (0.1 * z * y + 0.05 * x**2))
    return obj, np.abs(scipy.fft.fftn(obj, norm="ortho")).astype(np.float32) ** 2


def blurred_by(intensity: np.ndarray, sigma: float = SIGMA) -> np.ndarray:
    return gaussian_filter(intensity, sigma, mode="wrap")


def made(obj: np.ndarray, counts: np.ndarray, mask: np.ndarray | None = None) -> Any:
    return import_pynx("cdi").CDI(counts.copy(), mask=mask, support=np.abs(obj) > 0, obj=obj.copy())


def with_psf(cdi: Any, sigma: float = SIGMA) -> Any:
    delta = np.zeros(cdi.iobs.shape, np.float32)
    delta[0, 0, 0] = 1
    cdi.init_psf(psf_f=scipy.fft.rfftn(blurred_by(delta, sigma)))
    return cdi


@pytest.mark.parametrize("model", ["gaussian", "lorentzian", "pseudo-voigt"])
def test_a_model_sums_to_one_and_has_its_width(model: str) -> None:
    psf = model_psf((32, 32, 32), model, 4.0, 0.3)
    assert psf.sum() == pytest.approx(1, rel=1e-5)
    assert psf[0, 0, 2] == pytest.approx(psf[0, 0, 0] / 2, rel=1e-3)


def test_amplitudes_take_the_root_of_measured_over_blurred(crystal: Any) -> None:
    obj, intensity = crystal
    counts = np.full_like(intensity, 9)
    mask = np.zeros(obj.shape, np.int8)
    mask[:, :, 3:5] = 1
    cdi = with_psf(made(obj, counts, mask))
    operators = pynx_backend()
    cdi = operators.ApplyAmplitude(scale_in=2, scale_out=0.5) * operators.FT() * cdi
    expected = np.where(mask > 0, intensity, 9 / 4 * intensity / blurred_by(intensity))
    bright = blurred_by(intensity) > 0.1  # elsewhere a convolution in float32 has its noise
    assert np.allclose(np.abs(cdi._obj[bright]) ** 2, expected[bright], rtol=1e-2)


def test_the_true_object_stays_and_is_likely(crystal: Any) -> None:
    obj, intensity = crystal
    llk = {}
    for name in ("with", "without"):
        cdi = made(obj, blurred_by(intensity))
        cdi = with_psf(cdi) if name == "with" else cdi
        cdi = import_pynx("cdi").FourierApplyAmplitude(calc_llk=True) * cdi
        llk[name] = cdi.llk_poisson
        difference = np.linalg.norm(cdi.get_obj() - obj) / np.linalg.norm(obj)
        assert (difference < 1e-3) == (name == "with")
    assert llk["with"] < 1e-3 * llk["without"]


def test_log_likelihoods_are_the_same_from_either_space(crystal: Any) -> None:
    obj, intensity = crystal
    operators = pynx_backend()
    cdi = operators.LLK() * with_psf(made(obj, intensity))
    of_object = cdi.llk_poisson
    cdi = operators.LLK() * operators.FT() * cdi
    assert cdi.llk_poisson == pytest.approx(of_object, rel=1e-3)
    assert cdi.nb_photons_calc == pytest.approx(intensity.sum(), rel=1e-4)


def test_updates_find_how_coherent_the_beam_was(crystal: Any) -> None:
    _, intensity = crystal
    psf_f = scipy.fft.rfftn(model_psf(intensity.shape, "pseudo-voigt", 1.0, 0.05))
    for _ in range(200):
        psf_f = update_psf(psf_f, blurred_by(intensity), intensity)
    found = blur(intensity, psf_f)
    assert np.linalg.norm(found - blurred_by(intensity)) < 0.01 * np.linalg.norm(found)


@pytest.mark.parametrize("model", ["gaussian", "pseudo-voigt"])
def test_a_function_stays_one_however_often_it_is_updated(
    crystal: Any, rng: np.random.Generator, model: str
) -> None:
    """Rounding leaves its tails of either sign, and updates multiply what is there."""
    _, intensity = crystal
    counts = rng.poisson(intensity).astype(np.float32)
    psf_f = scipy.fft.rfftn(model_psf(intensity.shape, model, 0.5, 0.05))
    for _ in range(60):
        psf_f = update_psf(psf_f, counts, intensity[::-1])  # an object that is not the crystal
        psf = scipy.fft.irfftn(psf_f, s=intensity.shape)
        assert psf.min() > -2e-6 * psf.max()


def test_cycles_with_it_end_nearer_to_the_object(crystal: Any) -> None:
    obj, intensity = crystal
    errors = []
    for psf in (False, True):
        cdi_module = import_pynx("cdi")
        cdi = made(obj, blurred_by(intensity))
        if psf:
            cdi = cdi_module.InitPSF(model="pseudo-voigt", fwhm=1, eta=0.05) * cdi
        cdi = cdi_module.ER(update_psf=5 * psf) ** 40 * cdi
        errors.append(np.linalg.norm(cdi.get_obj() - obj) / np.linalg.norm(obj))
    assert errors[1] < 0.5 * errors[0]


def test_a_given_function_is_taken_as_it_is(crystal: Any) -> None:
    obj, intensity = crystal
    centred = np.zeros((5, 5, 5), np.float32)
    centred[2, 2, 2], centred[2, 2, 3] = 3, 1
    cdi = import_pynx("cdi").InitPSF(psf=centred) * made(obj, intensity)
    psf = scipy.fft.irfftn(cdi._psf_f, s=intensity.shape)
    assert psf.sum() == pytest.approx(1, rel=1e-5)
    assert psf.max() == pytest.approx(0.75, rel=1e-4)


def test_a_fill_is_compared_with_the_blurred_intensity(crystal: Any) -> None:
    obj, intensity = crystal
    index = np.arange(0, intensity.size, 3)
    mask = np.zeros(intensity.size, np.int8)
    mask[index] = 1
    estimate = np.log1p(blurred_by(intensity)).ravel()[index]
    cdi = with_psf(made(obj, blurred_by(intensity), mask.reshape(obj.shape)))
    prior = AmplitudePrior(index, estimate, np.zeros_like(estimate))
    setattr(cdi, CARRIED, HeldAmplitudes(prior))
    cdi = import_pynx("cdi").FourierApplyAmplitude() * cdi
    assert np.linalg.norm(cdi.get_obj() - obj) < 1e-3 * np.linalg.norm(obj)


def test_a_filter_is_refused(crystal: Any) -> None:
    obj, intensity = crystal
    cdi_module = import_pynx("cdi")
    with pytest.raises(InputError, match=r"^psf_filter is hann"):
        cdi_module.InitPSF(filter="hann") * made(obj, intensity)


def test_without_one_pynx_does_what_it_did(crystal: Any) -> None:
    obj, intensity = crystal
    projection = pynx_backend().ApplyAmplitude
    heeding = projection.op
    found = import_pynx("cdi").HIO() ** 3 * made(obj, intensity)
    try:
        projection.op = heeding.without_fill
        own = import_pynx("cdi").HIO() ** 3 * made(obj, intensity)
    finally:
        projection.op = heeding
    assert np.array_equal(found.get_obj(), own.get_obj())
