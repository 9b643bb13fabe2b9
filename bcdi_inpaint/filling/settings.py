"""The numbers that filling a scan depends on, and where each is from."""

from __future__ import annotations

from dataclasses import dataclass

from bcdi_inpaint.errors import InputError


@dataclass(frozen=True)
class FillingSettings:
    """How patches are laid over the gaps of a scan.

    Raises InputError for a stride that leaves holes between patches.

    Attributes
    ----------
    patch : side of a patch in voxels: what the released weights were trained with
        (`training.plan.PatchConfig`).
    stride : voxels between patches along a gap. From `python -m benchmarks.stride`: 4 to 24 fill
        alike, in Pearson to 1e-4, 32 begins to lose.
    batch : patches that go through the network at once. Chosen for memory; no committed command.
    widest : voxels of the widest gap that is filled from both sides: the widest between modules of
        the detectors, and the widest that the released weights were trained with.
    one_sided : voxels to which the rim of a wider gap is filled, from its own side alone. Chosen on
        training patterns; no committed command.
    across : voxels beside a lit patch, across its gap, that its first guess is made from. Kriging
        measures the correlation on 48 lines on each side (`KrigingSettings.slab`), of which a patch
        of 32 holds some itself.
    along : the same along the gap, where the patches beside it are lit too, or nothing is.
    centre_window : voxels on each side of the brightest part of the scan in which the peak's centre
        is looked for: the search goes 12 from the peak's voxel and compares 48 on each side. Where
        a wide gap begins near the peak, as many beyond its far rim; see `LightMap.around_peak`.
    calibrate : whether the scan calibrates its intervals itself; see `own_calibration`.
    """

    patch: int = 32
    stride: int = 24
    batch: int = 16
    widest: int = 42
    one_sided: int = 4
    across: int = 40
    along: int = 16
    centre_window: int = 72
    calibrate: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.stride <= self.patch:
            raise InputError(
                f"stride is {self.stride}, expected 1 to {self.patch}, so that patches leave no "
                "hole"
            )
