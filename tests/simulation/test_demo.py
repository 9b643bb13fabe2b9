"""The demonstration, on a small particle: every part of it real."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bcdi_inpaint.files import read_scan
from bcdi_inpaint.phasing.pynx_preset import Preset
from simulation import demo
from simulation.demo_scan import AGREEMENT, DemoSettings, simulate

SMALL = DemoSettings(
    shape=(32, 40, 40),
    roi=(600, 1008),  # the gap at columns 20:32
    peak=(16.0, 20.0, 15.0),
    n_atoms=1500,
    pynx_half=(4, 4),
    phased=(32, 32, 28),
    preset=Preset(hio=0, raar=100, er=50, runs=1),
)
"""A particle and an array small enough for a test."""


@pytest.mark.usefixtures("pynx")
def test_the_demonstration_fills_and_phases_what_it_simulated(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    demo.run(tmp_path, 3, SMALL)
    scan, filled = read_scan(tmp_path / "scan.cxi"), read_scan(tmp_path / "scan_inpainted.cxi")
    gap = np.zeros(SMALL.shape, dtype=bool)
    gap[:, :, 20:32] = True
    np.testing.assert_array_equal(scan.bad_mask, gap)
    np.testing.assert_array_equal(filled.bad_mask, gap)  # bounds are for our own cycles
    np.testing.assert_array_equal(filled.counts[~gap], scan.counts[~gap])
    assert (filled.counts[gap] > 0).all()
    said = capfd.readouterr().out
    assert "relative to the peak" in said  # PyNX was compared with the NUFFT
    assert "pynx-cdi-id01 --data" in said
    table = (tmp_path / "table.md").read_text()
    for name in (
        "linear",
        "cubic",
        "network alone",
        "ours",
        "noise ceiling",
        "gap as zero",
        "gap masked",
    ):
        assert name in table
    assert (tmp_path / "demo.png").read_bytes().startswith(b"\x89PNG")


def test_the_simulated_scan_has_its_peak_and_its_noise_where_they_belong() -> None:
    scan = simulate(3, SMALL)
    assert np.unravel_index(int(scan.expectation.argmax()), scan.expectation.shape) == (16, 20, 15)
    assert scan.expectation.max() == pytest.approx(SMALL.flux)
    total = scan.expectation.sum(dtype=float)
    assert scan.counts.sum(dtype=float) == pytest.approx(total, abs=6 * np.sqrt(total))
    np.testing.assert_allclose(
        scan.expectation,
        np.abs(scan.amplitude) ** 2 * SMALL.flux / np.abs(scan.amplitude).max() ** 2,
        rtol=1e-3,
        atol=1e-2 * SMALL.flux * AGREEMENT,
    )
