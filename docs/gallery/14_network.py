"""
The network in one figure
=========================

The network sees kriging's guess, the Friedel mate, both their masks, and how unsure kriging is. It
corrects the guess and says how far off it expects to be.
"""

import matplotlib.pyplot as plt
import numpy as np

import bcdi_inpaint as bcdi
from bcdi_inpaint.files.example import load_example_truth

scan = bcdi.load_example()
gaps = bcdi.find_gaps(scan)
guess = bcdi.inpaint(scan, gaps, method="kriging", calibrate=False)
fill = bcdi.inpaint(scan, gaps, calibrate=False)
truth = load_example_truth()

# %%
# The part around the gap, in the frame of the peak.

frame, part = 24, (24, slice(26, 58), slice(28, 60))
gap = fill.filled[part]
correction = np.where(gap, np.log1p(fill.counts[part]) - np.log1p(guess.counts[part]), np.nan)
sigma = np.where(gap, fill.sigma[part], np.nan)
fig, axes = plt.subplots(1, 4, figsize=(11, 3.2), layout="constrained")
counts = {"kriging's guess": guess.counts, "the network's fill": fill.counts}
for ax, (name, filled) in zip(axes[::3], counts.items(), strict=True):
    ax.imshow(np.log10(0.5 + filled[part]), cmap="turbo", vmin=-0.3, vmax=6)
    ax.set_title(name)
shown = axes[1].imshow(correction, cmap="RdBu_r", vmin=-1, vmax=1)
axes[1].set_title("its correction")
fig.colorbar(shown, ax=axes[1], label="log counts", shrink=0.7)
shown = axes[2].imshow(sigma, cmap="magma", vmin=0)
axes[2].set_title("its sigma")
fig.colorbar(shown, ax=axes[2], label="log counts", shrink=0.7)
for ax in axes:
    ax.set_axis_off()
