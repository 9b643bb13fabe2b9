"""Crops: what of an array is read."""

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.scan.crop import Crop, parse_crop


@pytest.mark.parametrize(
    ("text", "crop"),
    [
        ("1:3,2:5", Crop(rows=(1, 3), columns=(2, 5))),
        (":,2:", Crop(columns=(2, None))),
        ("1:2, 0:3, :4", Crop((1, 2), (0, 3), (0, 4))),
    ],
)
def test_a_text_is_read_and_cuts_what_it_says(text: str, crop: Crop) -> None:
    assert parse_crop(text) == crop
    assert parse_crop(str(crop)) == crop
    array = np.arange(60).reshape(3, 4, 5)
    ranges = (crop.frames, crop.rows, crop.columns)
    expected = array[tuple(slice(a, b) for a, b in ranges)]
    np.testing.assert_array_equal(array[crop.slices(array.shape)], expected)
    assert crop.corner_yx == (crop.rows[0], crop.columns[0])


@pytest.mark.parametrize("text", ["1:2", "1:2,3", "a:b,c:d", "1:2,3:4,5:6,7:8", "-1:2,0:1"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected y0:y1,x0:x1"):
        parse_crop(text)


@pytest.mark.parametrize("text", ["0:5,0:5", "2:2,0:5", "3:1,0:1", "0:1,5:6"])
def test_what_lies_outside_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"roi has (rows|cols)"):
        parse_crop(text).slices((3, 4, 5))
