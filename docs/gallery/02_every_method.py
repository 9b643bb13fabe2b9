"""
One gap by every method
=======================

The same gap, filled by each classical method and by the network. Only here the truth is known: the
example keeps the counts that its gap hides.
"""

import matplotlib.pyplot as plt
import numpy as np

import bcdi_inpaint as bcdi
from bcdi_inpaint.files.example import load_example_truth

scan = bcdi.load_example()
gaps = bcdi.find_gaps(scan)
truth = load_example_truth()

methods = ["linear", "cubic", "biharmonic", "total_variation", "friedel", "kriging", "network"]
fills = {name: bcdi.inpaint(scan, gaps, method=name, calibrate=False) for name in methods}

# %%
# Each picture is the frame of the Bragg peak. The number is the Pearson correlation of
# log(1 + counts) in the whole gap with the hidden counts. One is not to be had, because counts are
# noisy.

frame = scan.shape[0] // 2
gap = fills["network"].filled


def pearson(counts):
    return np.corrcoef(np.log1p(counts[gap]), np.log1p(truth[gap]))[0, 1]


pictures = {"measured": np.where(gap, np.nan, scan.counts), "truth": truth.astype(float)}
pictures |= {name: fill.counts for name, fill in fills.items()}
fig, axes = plt.subplots(3, 3, figsize=(8, 8.6), layout="constrained")
for ax, (name, counts) in zip(axes.flat, pictures.items(), strict=True):
    ax.imshow(np.log10(0.5 + counts[frame]), cmap="turbo", vmin=-0.3, vmax=6)
    score = f" {pearson(counts):.3f}" if name in fills else ""
    ax.set_title(name.replace("_", " ") + score)
    ax.set_axis_off()

# %%
# Interpolations smear the fringes or break them off. Kriging knows their period and direction from
# the scan itself; the network begins with kriging's guess.
