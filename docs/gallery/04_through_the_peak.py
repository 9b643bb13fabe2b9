"""
Through the peak
================

A gap that covers the Bragg peak itself hides most of the photons. It can be filled, and the fill
says how little it knows. Nobody should phase such a scan without a second thought.
"""

import matplotlib.pyplot as plt
import numpy as np

import bcdi_inpaint as bcdi
from bcdi_inpaint.gaps.gap import Gap
from simulation import simulate_scan

columns = Gap(axis=2, start=29, stop=35)
made = simulate_scan(
    seed=11,
    gap=columns,
    shape=(32, 64, 64),
    flux=1e6,
    strain_rad=(1, 1),
    peak_offset=0,
    peak_outside=0,
    oversampling=(4, 4),
    oversampling_spread=(0, 0, 0),
    realism={"hot_share": 0, "alien_share": 0, "saturation_share": 0},
)
fill = bcdi.inpaint(made.scan, made.gaps)
hidden = made.expectation[made.gap_mask].sum() / made.expectation.sum()
print(f"the gap hides {hidden:.0%} of all photons; the brightest voxel of the fill has")
print(f"{fill.counts[made.gap_mask].max():.2g} counts, the truth {made.expectation.max():.2g}")

# %%
# A cut along the columns, through the peak. The band is the 95 % interval of the expected counts.

frame, row, _ = np.unravel_index(made.expectation.argmax(), made.expectation.shape)
low, high = fill.interval(0.95)
x = np.arange(64)
inside = slice(columns.start, columns.stop)
fig, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
ax.fill_between(
    x[inside],
    low[frame, row, inside],
    high[frame, row, inside],
    color="#d1352b",
    alpha=0.25,
    label="95 % interval",
)
ax.plot(x, made.expectation[frame, row], "k", lw=1, label="truth")
ax.plot(x[inside], fill.counts[frame, row, inside], "o-", color="#d1352b", ms=4, label="fill")
ax.set(yscale="log", ylim=(0.3, 3e6), xlabel="detector column", ylabel="counts")
ax.legend(frameon=False)
