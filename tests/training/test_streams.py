"""Random streams: their numbers decide what a plan trains on, so they never change."""

import numpy as np
import pytest

from bcdi_inpaint.training.streams import FinetuneStream, Stream


def test_the_numbers_are_those_of_all_trainings_before() -> None:
    assert {each.name: each.value for each in Stream} == {
        "PATCHES": 1,
        "VALIDATION_PATCHES": 2,
        "SLABS": 3,
        "VALIDATION_SLABS": 4,
        "CALIBRATION": 5,
        "LAST_STEP": 6,
        "LAST_STEP_VALIDATION": 7,
    }
    assert {each.name: each.value for each in FinetuneStream} == {
        "PARTS": 0,
        "SLABS": 1,
        "HELD_OUT_SLABS": 2,
        "HELD_OUT_PATCHES": 3,
    }


@pytest.mark.parametrize("stream", [*Stream, *FinetuneStream])
def test_a_generator_is_of_seed_stream_and_numbers_alone(stream: Stream | FinetuneStream) -> None:
    found = stream.generator(7, 2, 5)
    expected = np.random.default_rng([7, stream.value, 2, 5])
    np.testing.assert_array_equal(found.random(4), expected.random(4))
    assert stream.generator(7, 2, 6).random() != stream.generator(7, 2, 5).random()
