import numpy as np

from bcdi_inpaint.studies.config import LatentConfig
from bcdi_inpaint.studies.latent import as_seen, latent_places, neighbour_overlap

CONFIG = LatentConfig(patterns=24, neighbours=5, size=16, dimension=4, steps=40)


def test_alike_images_are_neighbours_in_the_latent_space() -> None:
    """Two families of images: the nearest of each are of its own family."""
    rng = np.random.default_rng(0)
    families = np.zeros((24, 16, 16), np.float32)
    families[:12, :8] = 0.8
    families[12:, :, :8] = 0.8
    images = families + 0.02 * rng.random(families.shape).astype(np.float32)
    places = latent_places(images, CONFIG, seed=1)
    assert places.shape == (24, 4)
    own = np.repeat([0.0, 9.0], 12)[:, None] + 0.1 * rng.random((24, 1))
    assert neighbour_overlap(places, own, 11) == 1.0
    np.testing.assert_array_equal(places, latent_places(images, CONFIG, seed=1))


def test_neighbours_without_anything_in_common_are_what_chance_gives() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 300, 5)).astype(np.float32)
    assert abs(neighbour_overlap(one, other, 60) - 60 / 299) < 0.02


def test_an_image_is_seen_binned_in_parts_of_its_brightest() -> None:
    counts = np.full((32, 48), np.e - 1)
    counts[0, 0] = np.nan
    seen = as_seen(counts, 16)
    assert seen.shape == (16, 16)
    assert seen.max() == 1
    assert seen[0, 0] < 1
