"""
Refine a fill
=============

``refine`` lets a short phase retrieval around the peak, with the fill as its prior, compute the
gap's intensity. It mixes that into the fill as far as it predicts measured counts better, in a
pseudo-gap; else the fill stays as it is.
"""

import matplotlib.pyplot as plt
import numpy as np

import bcdi_inpaint as bcdi
from bcdi_inpaint.files.example import load_example_truth

part = slice(8, 40), slice(8, 56), slice(12, 60)  # of the example, which takes less time
scan = bcdi.load_example().part(part)
gaps = bcdi.find_gaps(scan)
fill = bcdi.inpaint(scan, gaps, calibrate=False)
refined = bcdi.refine(scan, gaps, fill, starts=1)
print(refined.report.remark)

# %%
# Only here the truth is known: below is how far off each is, in log(1 + counts). Red is too bright.

truth = np.log1p(load_example_truth()[part].astype(float))
frame, rows, columns = 16, slice(4, 44), slice(8, 48)
fig, axes = plt.subplots(2, 3, figsize=(9, 6), layout="constrained")
pictures = {"hidden": truth, "fill": np.log1p(fill.counts), "refined": np.log1p(refined.counts)}
for (above, below), (name, logs) in zip(axes.T, pictures.items(), strict=True):
    above.imshow(logs[frame, rows, columns], cmap="turbo", vmin=0, vmax=12)
    above.set_title(name)
    off = (logs - truth)[frame, rows, columns]
    shown = below.imshow(off, cmap="RdBu_r", vmin=-1.5, vmax=1.5)
    error = np.abs(logs - truth)[fill.filled].mean()
    below.set_title(f"mean error {error:.3f}")
    below.set_visible(name != "hidden")
for ax in axes.flat:
    ax.set_axis_off()
fig.colorbar(shown, ax=axes[1, :], label="too dark      too bright", shrink=0.8)
