"""Fine-tuning reads a scan as `predict` does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.testing import assert_array_equal

from bcdi_inpaint.files import write_scan
from bcdi_inpaint.jobs.read_lesson import read_lesson
from bcdi_inpaint.jobs.request import Request


def test_masks_may_say_what_is_good_and_wide_pixels_are_no_truth(tmp_path: Path) -> None:
    z, y, x = np.indices((24, 40, 40)) - np.array([12, 20, 20]).reshape(3, 1, 1, 1)
    mean = 3e4 * (1.2 + np.cos(0.9 * (z + y))) / (1 + 0.02 * (z**2 + y**2 + x**2)) ** 1.5
    counts = np.random.default_rng(2).poisson(mean).astype(np.uint32)
    counts[:, [27, 32]] *= 3
    bad = np.zeros((40, 40), bool)
    bad[28:32] = bad[3, 4] = True
    counts[:, bad] = 0
    write_scan(tmp_path / "s.cxi", counts, None)
    np.save(tmp_path / "good.npy", ~bad)
    np.save(tmp_path / "bad.npy", bad)
    scan = str(tmp_path / "s.cxi")
    good = read_lesson(Request(scan, mask_good=(str(tmp_path / "good.npy"),)))
    same = read_lesson(Request(scan, masks=(str(tmp_path / "bad.npy"),)))
    assert_array_equal(good.scan.bad_mask[0], bad)
    assert_array_equal(good.scan.bad_mask, same.scan.bad_mask)
    assert (good.name, good.gaps, good.kinds) == (same.name, same.gaps, same.kinds)
    assert [(gap.start, gap.stop) for gap in good.gaps] == [(27, 33)]
    assert read_lesson(Request(scan), widths=(5,)).kinds == ((1, 5),)
