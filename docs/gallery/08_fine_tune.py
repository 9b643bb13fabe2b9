"""
Fine-tune the network
=====================

``finetune`` adapts the network to a scan. Artificial gaps are put where counts are known, and a
part of the signal is held out. Where the held-out part is not filled better, the weights stay as
they were: the network knew such scans already. Needs Lightning.
"""

import matplotlib.pyplot as plt
import numpy as np

import bcdi_inpaint as bcdi
from simulation import simulate_scan

made = simulate_scan(seed=2, gap="columns", shape=(16, 48, 48), flux=1e6, peak_offset=0)
tuned = bcdi.finetune(made.scan, steps=5, say=print)

# %%
# Five steps are far fewer than the 300 of the command, which take minutes. ``tuned.model`` is ready
# for ``inpaint``. Below are both fills of the scan's own gap, and how they differ.

fills = [bcdi.inpaint(made.scan, made.gaps, model) for model in ("default", tuned.model)]
frame = made.counts.shape[0] // 2
fig, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
for ax, name, fill in zip(axes, ("default", "fine-tuned"), fills, strict=False):
    ax.imshow(np.log10(0.5 + fill.counts[frame]), cmap="turbo", vmin=-0.3, vmax=6)
    ax.set_title(name)
change = np.log1p(fills[1].counts[frame]) - np.log1p(fills[0].counts[frame])
shown = axes[2].imshow(change, cmap="RdBu_r", vmin=-0.2, vmax=0.2)
axes[2].set_title("difference")
fig.colorbar(shown, ax=axes[2], label="log counts")
for ax in axes:
    ax.set_axis_off()
