"""Make the example scan that ships with the package, from a seed.

`make_example.py` writes ``bcdi_inpaint/examples/example.cxi``; `make_example.py PATH` another file.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from bcdi_inpaint.files import write_scan
from bcdi_inpaint.files.example import EXAMPLE, TRUTH
from bcdi_inpaint.scan.scan import Metadata
from simulation import SimulatedScan, simulate_scan

SEED = 17
RECIPE: dict[str, Any] = {
    "shape": (48, 64, 64),
    "flux": 1e6,
    "strain_rad": (2.0, 2.0),
    "peak_offset": 0.0,
    "peak_outside": 0.0,
    "oversampling": (3.5, 3.5),
    "oversampling_spread": (0.0, 0.0, 0.0),
    "realism": {
        "flat": (1e-3, 1e-3),
        "smooth_share": 0.0,
        "saturation_share": 0.0,
        "hot_share": 0.0,
        "alien_share": 0.0,
    },
}
"""A partly strained particle, its cross of 6 rows and columns beside the peak."""


def write_example(path: Path) -> SimulatedScan:
    """Simulate the scan and write it, compressed; an existing file is replaced."""
    made = simulate_scan(SEED, **RECIPE)
    write_scan(
        path,
        made.scan.counts,
        made.gap_mask.astype(np.int8),
        Metadata(
            energy_ev=9000.0,
            distance_m=0.85,
            x_pixel_size_m=55e-6,
            y_pixel_size_m=55e-6,
            instrument="simulation",
            sample="strained particle",
        ),
        {TRUTH: made.counts},
        {"simulation_seed": SEED},
        force=True,
    )
    return made


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLE
    target.parent.mkdir(exist_ok=True)
    print(write_example(target))
    print(f"{target}: {target.stat().st_size / 1e3:.0f} kB")
