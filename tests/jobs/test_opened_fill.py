"""A fill that was written, as it is opened again."""

from pathlib import Path

import numpy as np

import bcdi_inpaint as bcdi
from bcdi_inpaint.jobs.opened_fill import opened_fill
from bcdi_inpaint.scan.boxes import whole


def test_every_part_has_its_own_bounds(tmp_path: Path) -> None:
    scan = bcdi.load_example()
    fill = bcdi.inpaint(scan, bcdi.find_gaps(scan), method="linear")
    bcdi.write_cxi(tmp_path / "a.cxi", scan, fill)
    opened = opened_fill(tmp_path / "a.cxi")
    n_rock, n_y, n_x = scan.shape
    boxes = [
        (slice(24, 25), slice(0, n_y), slice(0, n_x)),
        (slice(0, n_rock), slice(41, 42), slice(0, n_x)),
        (slice(0, n_rock), slice(0, n_y), slice(42, 43)),
        (slice(24, 25), slice(0, n_y), slice(42, 43)),
    ]
    everything = opened.alone(whole(scan.shape)).interval(0.95)
    for box in boxes:
        part = opened.alone(box)
        for own, all_of_it in zip(part.interval(0.95), everything, strict=True):
            assert own.shape == part.counts.shape
            np.testing.assert_array_equal(own, all_of_it[box])
            inner = (slice(0, 1), slice(0, 1), slice(0, 1))
            np.testing.assert_array_equal(part.part(inner).interval(0.95)[0].shape, (1, 1, 1))
