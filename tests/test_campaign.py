from pathlib import Path

import numpy as np
import pytest

from bcdi_inpaint.pattern_file import PatternFile, read_log_expectation
from simulation import campaign
from simulation.recipe import Recipe, make_pattern

RECIPE = Recipe(
    count=4, seed=2, shape=(24, 24, 24), n_atoms=(300, 400), atomistic_share=0.5, particles=1
)


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    for workers in (1, 2):
        campaign.run(RECIPE, tmp_path / f"{workers}.h5", workers, quiet=True)
    one, two = (read_log_expectation(tmp_path / f"{n}.h5") for n in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_an_interrupted_campaign_goes_on_and_makes_only_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, recipe = tmp_path / "p.h5", RECIPE.model_copy(update={"atomistic_share": 0.0})
    mark = np.full(recipe.shape, 7.0, dtype=np.float32)
    with PatternFile.open(path, recipe.model_dump(mode="json")) as file:
        file.write(2, mark, {})
    campaign.run(recipe, path, 1, quiet=True)
    found = read_log_expectation(path)
    np.testing.assert_array_equal(found[2], np.log1p(mark).astype(np.float16))
    expected = np.log1p(make_pattern(recipe, 3, None).expectation).astype(np.float16)
    np.testing.assert_array_equal(found[3], expected)


def test_particles_are_shared_out_evenly() -> None:
    recipe = RECIPE.model_copy(update={"count": 40, "particles": 5})
    tasks = list(campaign._tasks(recipe, list(range(40))))
    of_particles = {number: indices for _, number, indices in tasks if number is not None}
    assert sorted(of_particles) == [0, 1, 2, 3, 4]
    assert {len(indices) for indices in of_particles.values()} == {4}
    assert sorted(i for _, _, indices in tasks for i in indices) == list(range(40))
