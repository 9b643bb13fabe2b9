"""How a model is adapted to measured scans: numbers, and where they are from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OwnGapSettings:
    """What of a scan is learned from and judged on.

    All were chosen on measured and simulated scans by no committed command, where nothing else is
    said.

    Attributes
    ----------
    window : longest side in voxels of the part of a scan that is learned from; as long as the
        simulated patterns of `configs/release.yaml` are.
    held_out_share : share of the log counts in the part that is held out, 0 to 1.
    fewest_lines : lines of the held-out part, and of the rest.
    fewest_lit : voxels with counts in the held-out part, and in the rest.
    crossing_share : how often a gap is crossed by another, 0 to 1, where the scan has gaps across
        more than one axis.
    """

    window: int = 128
    held_out_share: float = 0.2
    fewest_lines: int = 6
    fewest_lit: int = 1000
    crossing_share: float = 0.5


@dataclass(frozen=True)
class FinetuneSettings:
    """How long, how fast, and on how much a model is adapted to scans.

    All were chosen on measured scans by no committed command.

    Attributes
    ----------
    steps : of the optimiser.
    learning_rate : of AdamW, after a warm-up.
    batch_size : patches of a step.
    warmup_steps : steps in which the rate rises; at most a tenth of all.
    average_decay : of the exponential moving average of the weights, which is what is kept.
    short_average_decay : the same for fewer than `short` steps, of which the other would hold the
        weights back.
    short : steps.
    slabs : artificial gaps to learn from, of all scans together.
    held_out_slabs : artificial gaps to judge in, of all scans together.
    held_out_patches : patches of them, on which a score is the mean.
    own_gaps : what of a scan is learned from and judged on.

    Examples
    --------
    >>> FinetuneSettings(steps=50).slabs
    12
    """

    steps: int = 300
    learning_rate: float = 2e-4
    batch_size: int = 4
    warmup_steps: int = 20
    average_decay: float = 0.98
    short_average_decay: float = 0.9
    short: int = 100
    slabs: int = 12
    held_out_slabs: int = 6
    held_out_patches: int = 48
    own_gaps: OwnGapSettings = OwnGapSettings()


SETTINGS = FinetuneSettings()
