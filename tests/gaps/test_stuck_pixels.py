"""Single pixels that measure nothing are told from the dark voxels of fringes."""

from __future__ import annotations

import numpy as np
import pytest

from bcdi_inpaint.gaps.stuck_pixels import dead_pixels, stuck_pixels

SIDE = 48


def bragg_peak(rng: np.random.Generator, strain: float, is_prism: bool) -> np.ndarray:
    """Intensities of a crystal, 1 in the brightest voxel; a prism's zeros reach through all frames.

    The amplitude of a triangular prism has zeros that are points in each frame.
    """
    place = np.stack(np.meshgrid(*[np.arange(SIDE) - SIDE / 2] * 3, indexing="ij"), -1)
    radius = SIDE / rng.uniform(2.2, 6) / 2
    if is_prism:
        angle = rng.uniform(0, 2 * np.pi) + np.arange(3) * 2 * np.pi / 3
        faces = np.stack([0 * angle, np.cos(angle), np.sin(angle)], -1)
        inside = (place @ faces.T <= 0.6 * radius).all(-1) & (abs(place[..., 0]) < radius / 2)
    else:
        faces = rng.normal(size=(12, 3))
        faces /= np.linalg.norm(faces, axis=1)[:, None]
        inside = (place @ faces.T <= radius * rng.uniform(0.5, 1, 12)).all(-1)
    bent = strain * np.sin(place @ rng.normal(size=3) / radius * 2)
    shift = place @ rng.uniform(-0.5, 0.5, 3) * 2 * np.pi / SIDE
    intensity = abs(np.fft.fftshift(np.fft.fftn(inside * np.exp(1j * (bent + shift))))) ** 2
    return np.asarray(intensity / intensity.max())


@pytest.mark.parametrize("is_prism", [False, True])
def test_no_dark_voxel_of_a_fringe_is_dead_and_dead_pixels_are(is_prism: bool) -> None:
    rng = np.random.default_rng(7)
    n_missed = n_dead = 0
    for strain in (0.0, 0.0, 1.0, 3.0):
        intensity = bragg_peak(rng, strain, is_prism)
        for flux in (10, 1e2, 1e3, 1e4, 1e6, 1e8):
            n_rock = int(rng.integers(3, SIDE))
            first = (SIDE - n_rock) // 2
            counts = rng.poisson(flux * intensity[first : first + n_rock])
            light, known = counts.sum(axis=0, dtype=float), np.full((SIDE, SIDE), n_rock)
            assert not dead_pixels(light, known).any()
            found = stuck_pixels(counts.min(axis=0), counts.max(axis=0), n_rock)
            assert not (found.marks | found.others).any()
            bright = np.argwhere(light > 500)
            for y, x in bright[rng.permutation(len(bright))[:4]]:
                n_dead += 1
                n_missed += not dead_pixels(np.where(light == light[y, x], 0, light), known)[y, x]
    assert n_dead > 40
    assert n_missed <= 0.25 * n_dead  # those beside a zero, and where fringes are fine


def test_a_dead_pixel_beside_a_gap_has_three_sides() -> None:
    light, known = np.full((12, 12), 300.0), np.full((12, 12), 8)
    light[6:9] = known[6:9] = 0
    light[5, 4] = 0
    assert np.argwhere(dead_pixels(light, known)).tolist() == [[5, 4]]
    light[5, 5] = known[5, 5] = 0  # two sides say too little
    assert not dead_pixels(light, known).any()


def test_by_chance_empty_pixels_of_a_faint_scan_are_measured() -> None:
    light = np.random.default_rng(0).poisson(4.0, (200, 200)).astype(float)
    assert (light == 0).sum() > 300
    assert not dead_pixels(light, np.full(light.shape, 20)).any()


def test_a_value_that_repeats_itself_in_all_frames_stands_out() -> None:
    counts = np.random.default_rng(1).poisson(900.0, (6, 9, 9)).astype(float)
    counts[:, 3, 4] = 2**16 - 1
    counts[:, 6, 6] = 500_000
    counts[:5, 7, 2] = 2**20 - 1  # not in every frame
    found = stuck_pixels(counts.min(axis=0), counts.max(axis=0), 6)
    assert np.argwhere(found.marks).tolist() == [[3, 4]]
    assert np.argwhere(found.others).tolist() == [[6, 6]]
    short = stuck_pixels(counts[:3].min(axis=0), counts[:3].max(axis=0), 3)
    assert not (short.marks | short.others).any()
    flat = np.full((9, 9), 65535.0)
    alike = stuck_pixels(flat, flat, 6)
    assert not (alike.marks | alike.others).any()


def test_whole_numbers_below_zero_in_all_frames_are_marks_and_logarithms_of_zero_are_not() -> None:
    counts = np.random.default_rng(1).poisson(9.0, (6, 9, 9)).astype(float)
    counts[:, 3, 4], counts[:, 3, 6], counts[:, 5, 5] = -2, -np.inf, -0.3
    found = stuck_pixels(counts.min(axis=0), counts.max(axis=0), 6)
    assert np.argwhere(found.marks).tolist() == [[3, 4]]
