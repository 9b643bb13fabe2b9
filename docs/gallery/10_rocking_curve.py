"""
Simulate a rocking curve
========================

``simulate_scan`` draws a crystal from a seed and measures its Bragg peak with a detector that has
a gap. The truth comes with it.
"""

import matplotlib.pyplot as plt
import numpy as np

from simulation import simulate_scan

made = simulate_scan(seed=5, shape=(48, 64, 64), flux=1e6, peak_offset=0, peak_outside=0)
print(made)

# %%
# The rocking curve, and some of its frames. White is masked: the gap, and pixels that count by
# themselves.

curve = np.where(made.scan.bad_mask, 0, made.scan.counts).sum(axis=(1, 2))
frames = np.linspace(16, 32, 5).astype(int)
fig = plt.figure(figsize=(10, 4.8), layout="constrained")
above, below = fig.subfigures(2, 1)
ax = above.subplots()
ax.semilogy(curve, ".-", color="0.3")
ax.semilogy(frames, curve[frames], "o", color="#d1352b")
ax.set(xlabel="frame", ylabel="counts")
for ax, frame in zip(below.subplots(1, 5), frames, strict=True):
    counts = np.where(made.scan.bad_mask[frame], np.nan, made.scan.counts[frame])
    ax.imshow(np.log10(0.5 + counts), cmap="turbo", vmin=-0.3, vmax=5.5)
    ax.set_title(f"frame {frame}", fontsize=10)
    ax.set_axis_off()

# %%
# The same seed gives the same scan. On the command line it is
# ``bcdi-inpaint simulate --single -o scan.cxi``.
