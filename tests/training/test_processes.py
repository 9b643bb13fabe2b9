"""Several processes that train together: what each of them takes."""

from pathlib import Path

import numpy as np
import pytest
from small_training import PLAN, run

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.training import engine
from bcdi_inpaint.training.processes import is_first_process, share


@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_processes_share_each_batch_and_nothing_is_seen_twice(world_size: int) -> None:
    """Together they see, step after step, what one process alone would."""
    order, batch_size = [*range(16, 40), *range(16)], 8  # as of a resumed epoch
    shares = [share(order, rank, world_size) for rank in range(world_size)]
    part = batch_size // world_size
    for step in range(len(order) // batch_size):
        alone = order[step * batch_size : (step + 1) * batch_size]
        together = [index for each in shares for index in each[step * part : (step + 1) * part]]
        assert sorted(together) == sorted(alone)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"devices": 0}, "devices is 0, expected at least 1"),
        ({"nodes": -1}, "nodes is -1, expected at least 1"),
        ({"devices": 3}, "batch_size is 2 .*at least the 3 devices"),
        ({"devices": 2, "nodes": 2}, "the 4 devices"),
    ],
)
def test_impossible_numbers_of_devices_are_refused(
    tmp_path: Path, patterns: np.ndarray, options: dict[str, int], said: str
) -> None:
    with pytest.raises(InputError, match=said) as error:
        run(PLAN, patterns, tmp_path, **options)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_the_first_process_is_the_one_of_rank_0(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_first_process()
    monkeypatch.setenv("NODE_RANK", "1")
    assert not is_first_process()
    monkeypatch.delenv("NODE_RANK")
    monkeypatch.setattr(engine.rank_zero_only, "rank", 3)
    assert not is_first_process()
