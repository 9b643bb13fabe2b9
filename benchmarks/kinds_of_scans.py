"""Scans by the kind of their crystal, even and easy ones beside those that networks are weak on.

None of the seeds here is one that a network was trained, validated or calibrated on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bcdi_inpaint.evaluation.fills.subjects import Subject
from benchmarks.other_crystals import draw_other
from simulation.crystals import Crystal, CrystalConfig, draw_crystals
from simulation.real_objects import find_objects

FIRST_SEED = 4100
"""Of the crystals, and `OTHER_SEED` of those of another simulator."""
OTHER_SEED = 4200
EVEN_RAD, STRONG_RAD = (0.0, 3.0), (5.0, 8.0)
FLUX = (1e5, 1e8)
OBJECT = "S11_object.npz"
DRAWN = {
    "coherent, even": ({"coherent, even": 1.0}, EVEN_RAD),
    "partly coherent, even": ({"partly coherent, even": 1.0}, EVEN_RAD),
    "density varies": ({"coherent, varying": 1.0, "partly coherent, varying": 1.0}, EVEN_RAD),
    "strongly strained": (
        {"coherent, even": 1.0, "partly coherent, even": 1.0, "partly coherent, varying": 1.0},
        STRONG_RAD,
    ),
}
"""By name: the kinds of `simulation.crystal_kinds` with their shares, and the phase's range."""
OTHER = "another simulator"


def draw_kinds(count: int, size: int) -> Iterator[Subject]:
    """As many crystals of every kind, then as many of another simulator.

    Parameters
    ----------
    count : of each kind.
    size : voxels a side.
    """
    for number, (name, (kinds, strain_rad)) in enumerate(DRAWN.items()):
        config = CrystalConfig(
            count=count, atomistic=0, size=size, kinds=kinds, strain_rad=strain_rad, flux=FLUX
        )
        for index, crystal in enumerate(draw_crystals(config, FIRST_SEED + number)):
            yield _subject(name, index, crystal.name, crystal)
    for index in range(count):
        drawn = draw_other(OTHER_SEED + index, size, is_coherent=index % 2 == 0)
        yield Subject(OTHER, index, drawn.cluster, drawn.counts, drawn.bad, drawn.expectation)


def draw_real(count: int, size: int, folder: Path | None) -> Iterator[Subject]:
    """Measurements of a real crystal's object, if its file is in the folder: counts drawn anew.

    Every one has a flux, a blur and gaps of its own; all are of one crystal, so that a spread over
    them is one over gaps and noise.

    Parameters
    ----------
    count : of measurements, coherent and partly coherent by turns.
    size : voxels a side, about the peak.
    folder : of measured data.
    """
    paths, _ = find_objects([OBJECT], folder)
    config = CrystalConfig(count=0, size=size, flux=FLUX)
    for index in range(count if paths else 0):
        crystals = list(draw_crystals(config, FIRST_SEED + index, paths))
        yield _subject(paths[0].stem.split("_")[0], index, f"scan {index}", crystals[index % 2])


def _subject(group: str, index: int, cluster: str, crystal: Crystal) -> Subject:
    bad = np.zeros(crystal.counts.shape, dtype=bool)
    return Subject(group, index, cluster, crystal.counts, bad, crystal.expectation)
