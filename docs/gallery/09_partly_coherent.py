"""
A partly coherent beam
======================

A beam that is partly coherent blurs the pattern: fringes lose their contrast. ``refine`` estimates
how far, from the counts alone, and the file keeps the widths for PyNX.
"""

import matplotlib.pyplot as plt
import numpy as np

from simulation import simulate_scan

common = {
    "seed": 6,
    "gap": None,
    "shape": (32, 64, 64),
    "flux": 1e6,
    "strain_rad": (1, 1),
    "peak_offset": 0,
    "peak_outside": 0,
    "oversampling": (4, 4),
    "oversampling_spread": (0, 0, 0),
}
plain = {"hot_share": 0, "alien_share": 0, "saturation_share": 0, "smooth_share": 0}
coherent = simulate_scan(**common, realism=plain | {"blur_voxel": (0.0, 0.0)})
partly = simulate_scan(**common, realism=plain | {"blur_voxel": (0.9, 0.9)})

# %%
# The same crystal in both beams. The dark fringes are where the difference is.

frame = 16
fig, axes = plt.subplots(1, 3, figsize=(10, 3.6), width_ratios=(1, 1, 1.5), layout="constrained")
beams = {"coherent": coherent, "partly coherent": partly}
for ax, (name, made) in zip(axes, beams.items(), strict=False):
    ax.imshow(np.log10(0.5 + made.counts[frame]), cmap="turbo", vmin=-0.3, vmax=5.5)
    ax.set_title(name)
    ax.set_axis_off()
    axes[2].semilogy(made.expectation[frame, 32], label=name)
axes[2].set(xlabel="detector column", ylabel="expected counts", ylim=(0.3, None))
axes[2].legend(frameon=False)
