import numpy as np
import scipy.fft
import torch

from bcdi_inpaint.phasing.coherence import Coherence
from bcdi_inpaint.phasing.torch_state import State, to_tensor

SMALL, LARGE = (12, 10, 16), (24, 15, 16)
"""The second axis is of odd length in the larger one, the third the same in both."""
MIDDLE = (slice(6, 18), slice(2, 12), slice(0, 16))


def made_state(rng: np.random.Generator) -> State:
    obj = np.zeros(SMALL, np.complex64)
    obj[4:8, 3:7, 6:11] = rng.normal(2, 0.3, (4, 4, 5)) + 1j * rng.normal(size=(4, 4, 5))
    cpu = torch.device("cpu")
    return State(to_tensor(obj, cpu), to_tensor(obj != 0, cpu), Coherence((0.5, 0.5, 0.5)))


def test_on_a_larger_grid_the_middle_diffracts_as_before_and_the_rest_nothing(
    rng: np.random.Generator,
) -> None:
    state = made_state(rng)
    state.support[:] = True  # else its coarse edge cuts what rings
    larger = state.on_grid(LARGE)
    spectrum = scipy.fft.fftshift(scipy.fft.fftn(larger.obj.numpy(), norm="ortho"))
    own = scipy.fft.fftshift(scipy.fft.fftn(state.obj.numpy(), norm="ortho"))
    np.testing.assert_allclose(spectrum[MIDDLE], own, rtol=1e-3, atol=1e-3)
    beyond = np.ones(LARGE, bool)
    beyond[MIDDLE] = False
    assert np.abs(spectrum[beyond]).max() < 1e-3
    assert larger.coherence == state.coherence


def test_its_support_covers_the_same_part_of_a_larger_grid(rng: np.random.Generator) -> None:
    state = made_state(rng)
    obj, support = state.on_grid(LARGE).centred()
    assert support.mean() == np.float64(support.sum() / support.size)
    assert 0.7 < support.mean() / state.support.numpy().mean() < 1.4
    assert not obj[~support].any()
    middles = [np.mean(np.nonzero(mask), axis=1) for mask in (state.centred()[1], support)]
    parts = [(m - np.floor_divide(s, 2)) / s for m, s in zip(middles, (SMALL, LARGE), strict=True)]
    np.testing.assert_allclose(parts[0], parts[1], atol=0.05)


def test_on_its_own_grid_it_is_itself(rng: np.random.Generator) -> None:
    state = made_state(rng)
    assert state.on_grid(SMALL) is state


def test_centred_is_the_object_inside_its_support(rng: np.random.Generator) -> None:
    state = made_state(rng)
    state.obj = state.obj + 1
    obj, support = state.centred()
    assert support[4:8, 3:7, 6:11].all()
    assert support.sum() == 80
    assert not obj[~support].any()
    assert obj[support].all()
