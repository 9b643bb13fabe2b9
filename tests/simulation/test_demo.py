"""The demonstration, on a small particle: every part of it real."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bcdi_inpaint.files import read_scan
from simulation import demo


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A particle and an array small enough for a test; the cross still cuts the signal."""
    monkeypatch.setattr(demo, "SHAPE", (48, 48, 48))
    monkeypatch.setattr(demo, "ROI", (234, 234))  # the cross at rows and columns 21:27
    monkeypatch.setattr(demo, "PEAK", np.array([24.0, 31.0, 16.0]))
    monkeypatch.setattr(demo, "N_ATOMS", 1500)
    monkeypatch.setattr(demo, "PHASED", (32, 32, 32))
    monkeypatch.setattr(demo, "STARTS", 1)
    monkeypatch.setattr(demo, "PYNX_HALF", {True: 4, False: 4})


@pytest.mark.usefixtures("small", "pynx")
def test_the_demonstration_fills_and_phases_what_it_simulated(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    demo.run(tmp_path, seed=3)
    scan, filled = read_scan(tmp_path / "scan.cxi"), read_scan(tmp_path / "scan_inpainted.cxi")
    cross = np.zeros((48, 48, 48), dtype=bool)
    cross[:, 21:27] = cross[:, :, 21:27] = True
    np.testing.assert_array_equal(scan.bad_mask, cross)
    np.testing.assert_array_equal(filled.bad_mask, cross)  # bounds are for our own cycles
    np.testing.assert_array_equal(filled.counts[~cross], scan.counts[~cross])
    assert (filled.counts[cross] > 0).all()
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
        "masked",
        "filled",
        "prior",
    ):
        assert name in table
    assert (tmp_path / "demo.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("small")
def test_the_simulated_scan_has_its_peak_and_its_noise_where_they_belong() -> None:
    scan = demo.simulate(seed=3)
    assert np.unravel_index(int(scan.expectation.argmax()), scan.expectation.shape) == (24, 31, 16)
    assert scan.expectation.max() == pytest.approx(demo.FLUX)
    total = scan.expectation.sum(dtype=float)
    assert scan.counts.sum(dtype=float) == pytest.approx(total, abs=6 * np.sqrt(total))
    np.testing.assert_allclose(
        scan.expectation,
        np.abs(scan.amplitude) ** 2 * demo.FLUX / np.abs(scan.amplitude).max() ** 2,
        rtol=1e-3,
        atol=1e-2 * demo.FLUX * demo.AGREEMENT,
    )
