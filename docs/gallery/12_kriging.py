"""
Kriging in one figure
=====================

Fringes repeat. How the counts of two voxels go together depends mostly on how they lie to each
other. Kriging measures that on the scan itself, and predicts each voxel of the gap from those
beside it with the weights that make the expected error least. It needs no training.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter

import bcdi_inpaint as bcdi

scan = bcdi.load_example()
gaps = bcdi.find_gaps(scan)
fill = bcdi.inpaint(scan, gaps, method="kriging", calibrate=False)

# %%
# In the middle: how the logarithms of known counts over their trend go together, at each distance.
# The ripples are the scan's own fringes. Kriging knows from them what lies across a gap.

known = ~fill.filled & (scan.counts > 0)
logs = np.where(known, np.log1p(scan.counts), 0)
trend = gaussian_filter(logs, (0, 3, 3)) / np.maximum(gaussian_filter(known * 1.0, (0, 3, 3)), 1e-3)
detail = np.fft.fftn(np.where(known, logs - trend, 0)[20:28], (16, 128, 128))
pairs = np.fft.fftn(known[20:28].astype(float), (16, 128, 128))
together = np.fft.ifftn(abs(detail) ** 2).real / np.maximum(np.fft.ifftn(abs(pairs) ** 2).real, 50)
correlation = np.fft.fftshift(together[0] / together[0, 0, 0])[48:81, 48:81]

frame = 24
gap = fill.filled[frame]
fig, axes = plt.subplots(1, 3, figsize=(10.5, 3.6), layout="constrained")
measured = np.where(gap, np.nan, scan.counts[frame])
for ax, name, counts in ((axes[0], "measured", measured), (axes[2], "kriged", fill.counts[frame])):
    ax.imshow(np.log10(0.5 + counts), cmap="turbo", vmin=-0.3, vmax=6)
    ax.set_title(name)
    ax.set_axis_off()
shown = axes[1].imshow(correlation, cmap="RdBu_r", vmin=-0.6, vmax=0.6, extent=(-16, 16, 16, -16))
axes[1].set_title("how voxels go together")
axes[1].set(xlabel="columns apart", ylabel="rows apart")
fig.colorbar(shown, ax=axes[1], label="correlation", shrink=0.8)
