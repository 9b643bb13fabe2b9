"""
The Friedel mate in one figure
==============================

Without strain, the pattern is the same at q and at -q from the Bragg peak. So the voxel opposite a
gap is a measurement of what the gap hides. Strain breaks this.
"""

import matplotlib.pyplot as plt
import numpy as np

from simulation import simulate_scan

common = {
    "seed": 8,
    "gap": "columns",
    "shape": (32, 64, 64),
    "flux": 1e6,
    "peak_offset": 0,
    "peak_outside": 0,
    "oversampling": (4, 4),
    "oversampling_spread": (0, 0, 0),
    "realism": {"hot_share": 0, "alien_share": 0, "saturation_share": 0, "smooth_share": 0},
}
crystals = {strain: simulate_scan(strain_rad=(strain, strain), **common) for strain in (0.0, 4.0)}

# %%
# Left to right: the pattern with a gap, its inversion about the peak, and the two held against each
# other, voxel by voxel, where both are known.

fig, axes = plt.subplots(2, 3, figsize=(8.6, 6), layout="constrained")
for line, (strain, made) in zip(axes, crystals.items(), strict=True):
    frame, *_ = np.unravel_index(made.expectation.argmax(), made.scan.shape)
    logs = np.log10(0.5 + made.counts[frame])
    shown = np.where(made.gap_mask[frame], np.nan, logs)
    row, column = np.unravel_index(made.expectation[frame].argmax(), logs.shape)
    mate = np.roll(shown[::-1, ::-1], (2 * row + 1, 2 * column + 1), axis=(0, 1))
    for ax, image in zip(line, (shown, mate), strict=False):
        ax.imshow(image, cmap="turbo", vmin=-0.3, vmax=6)
        ax.set_axis_off()
    both = np.isfinite(shown) & np.isfinite(mate) & (shown > 0.5)
    line[2].plot(shown[both], mate[both], ".", ms=2, color="0.3")
    line[2].plot([0, 6], [0, 6], color="#d1352b", lw=1)
    line[2].set(xlabel="log10 counts", ylabel="log10 counts of the mate", aspect="equal")
    line[0].set_title("no strain" if strain == 0 else f"strain of {strain:.0f} rad")
    line[1].set_title("inverted")
