"""
The gap of an EIGER
===================

Between two modules of an EIGER2 38 rows are missing. The scan is simulated, so that the truth is
known.
"""

import matplotlib.pyplot as plt
import numpy as np

import bcdi_inpaint as bcdi
from bcdi_inpaint.gaps.gap import Gap
from simulation import simulate_scan

# %%
# Rows 72 to 109 are hidden. The Bragg peak is in row 64.

rows = Gap(axis=1, start=72, stop=110)
clean = {"hot_share": 0, "alien_share": 0, "saturation_share": 0}
made = simulate_scan(
    seed=4,
    gap=rows,
    shape=(24, 128, 96),
    flux=1e7,
    strain_rad=(1, 1),
    peak_offset=0,
    peak_outside=0,
    oversampling=(5, 5),
    oversampling_spread=(0, 0, 0),
    realism=clean,
)
fill = bcdi.inpaint(made.scan, made.gaps)
print(fill)

# %%
# The middle of so wide a gap is far from everything that was measured, and the fill says so:
# ``sigma`` is small at the rims and large inside.

frame = int(np.argmax(made.counts.sum(axis=(1, 2))))
hidden = made.gap_mask[frame]
pictures = {
    "measured": np.where(hidden, np.nan, made.scan.counts[frame]),
    "filled": fill.counts[frame],
    "truth": made.expectation[frame],
}
fig, axes = plt.subplots(1, 4, figsize=(11, 4), layout="constrained")
for ax, (name, counts) in zip(axes, pictures.items(), strict=False):
    ax.imshow(np.log10(0.5 + counts), cmap="turbo", vmin=-0.3, vmax=5.5)
    ax.set_title(name)
shown = axes[3].imshow(np.where(hidden, fill.sigma[frame], np.nan), cmap="magma", vmin=0)
axes[3].set_title("sigma")
fig.colorbar(shown, ax=axes[3], label="of log(1 + counts)")
for ax in axes:
    ax.set(xticks=[], yticks=[])
