"""
How sure is it?
===============

Every filled voxel has an uncertainty: ``sigma``, the standard deviation of log(1 + expected
counts), and an interval. Here they are held against the truth.
"""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

import bcdi_inpaint as bcdi
from bcdi_inpaint.files.example import load_example_truth

scan = bcdi.load_example()
fill = bcdi.inpaint(scan, bcdi.find_gaps(scan))
truth = load_example_truth()
low, high = fill.interval(0.95)

# %%
# A cut across the gap, in the row of the Bragg peak. Dots are the hidden counts, with their own
# noise, which the band does not include.

frame, row = 24, 32
x = np.arange(64)
gap = fill.filled[frame, row]
fig, ax = plt.subplots(figsize=(8, 3.8), layout="constrained")
ax.plot(x[~gap], scan.counts[frame, row][~gap], ".", color="0.6", label="measured")
ax.fill_between(
    x,
    low[frame, row],
    high[frame, row],
    where=gap,
    color="#d1352b",
    alpha=0.25,
    lw=0,
    label="95 % interval",
)
ax.plot(x[gap], fill.counts[frame, row][gap], "-", color="#d1352b", label="fill")
ax.plot(x[gap], truth[frame, row][gap], "k.", label="hidden")
ax.set(yscale="log", ylim=(0.4, 2e6), xlabel="detector column", ylabel="counts")
ax.legend(frameon=False, fontsize=9)

# %%
# Of all filled voxels with about the same sigma, how far off they are. On the line
# the promise is kept; below it, the fill was better than it promised. Counts below ten scatter
# more, because of their own noise, and are left out.

bright = fill.filled & (truth > 10)
sigma = fill.sigma[bright]
error = np.abs(np.log1p(fill.counts[bright]) - np.log1p(truth[bright]))
edges = np.quantile(sigma, np.linspace(0, 1, 9))
middle, spread = [], []
for a, b in pairwise(edges):
    own = (sigma >= a) & (sigma <= b)
    middle.append(np.median(sigma[own]))
    spread.append(np.quantile(error[own], 0.68))
fig, ax_sure = plt.subplots(figsize=(4.4, 3.8), layout="constrained")
ax_sure.plot([0, 1.2], [0, 1.2], color="0.7")
ax_sure.plot(middle, spread, "o", color="#d1352b")
ax_sure.set(xlabel="sigma", ylabel="error of 68 % of the voxels", xlim=(0, None), ylim=(0, None))
