"""Where voxels of a rocking scan lie, against Bragg's law."""

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from simulation.q_grid import farthest_inv_nm, rocking_directions, rocking_steps

A_NM = 0.408


def test_on_every_axis_the_particle_spans_one_over_the_ratio_of_a_period(
    rng: np.random.Generator,
) -> None:
    positions_nm, ratio = rng.uniform(-1, 1, (400, 3)) * [3, 2, 1], np.array([3.0, 5.0, 7.0])
    reflection = np.array([2.0, 0.0, 0.0]) / A_NM
    steps = rocking_steps(positions_nm, reflection, ratio, 0.1, rng)
    turns = positions_nm @ steps  # (n_atoms, 3) phase in turns per voxel
    np.testing.assert_allclose(np.ptp(turns, axis=0), 1 / ratio)


@pytest.mark.parametrize("wavelength_nm", [0.06, 0.1, 0.15])
def test_a_rocking_scans_frames_are_sheared_by_the_bragg_angle(
    wavelength_nm: float, rng: np.random.Generator
) -> None:
    reflection = np.array([1.0, 1.0, 1.0]) / A_NM
    sine = wavelength_nm * np.sqrt(3) / A_NM / 2
    for _ in range(5):
        rocking, rows, columns = rocking_directions(reflection, wavelength_nm, rng).T
        for step in (rocking, rows, columns):
            assert np.linalg.norm(step) == pytest.approx(1)
        assert rows @ columns == pytest.approx(0, abs=1e-12)
        # Turning the crystal keeps the length of G.
        assert rocking @ reflection == pytest.approx(0, abs=1e-12)
        beam = np.cross(rows, columns)  # along the diffracted beam, to either side
        assert abs(beam @ reflection) / np.linalg.norm(reflection) == pytest.approx(sine)
        # Out of the detector's plane it goes by cos(theta), less for a tilted rocking axis.
        assert np.cos(np.radians(30)) < abs(beam @ rocking) / np.sqrt(1 - sine**2) <= 1.0001


def test_a_wavelength_that_cannot_reach_the_reflection_is_refused(
    rng: np.random.Generator,
) -> None:
    with pytest.raises(InputError, match=r"wavelength is 0\.5 nm, expected less than 0\.471 nm"):
        rocking_directions(np.array([1.0, 1.0, 1.0]) / A_NM, 0.5, rng)


def test_the_farthest_corner_is_as_far_as_its_diagonal() -> None:
    found = farthest_inv_nm(0.5 * np.eye(3), (3, 3, 3), np.zeros(3))
    assert found == pytest.approx(0.5 * 2 * np.sqrt(3) / 0.85)
