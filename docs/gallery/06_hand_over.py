"""
The ways to hand a fill over
============================

A fill is an estimate. How phase retrieval takes it decides whether the crystal comes out better or
worse than with the gap masked. Here is one crystal, each way. Its gap is nearly three fringes
wide. Needs PyNX.
"""

import matplotlib.pyplot as plt
import numpy as np

import bcdi_inpaint as bcdi
from bcdi_inpaint.evaluation.crystals.object_error import compare
from bcdi_inpaint.gaps.gap import Gap
from simulation import simulate_scan

# %%
# A small strained crystal, with a gap of 8 columns beside its peak.

columns = Gap(axis=2, start=29, stop=37)
made = simulate_scan(
    seed=3,
    gap=columns,
    shape=(40, 48, 48),
    flux=1e7,
    strain_rad=(1, 1),
    peak_offset=0,
    peak_outside=0,
    oversampling=(2.5, 2.5),
    oversampling_spread=(0, 0, 0),
    realism={
        "hot_share": 0,
        "alien_share": 0,
        "saturation_share": 0,
        "smooth_share": 0,
        "blur_voxel": (0, 0),
        "flat": (1e-3, 1e-3),
    },
)
fill = bcdi.inpaint(made.scan, made.gaps)
print(bcdi.expected_benefit(made.scan, made.gaps))

# %%
# Two short starts each; the best is taken. The title has the error of the phase inside the
# crystal. What the colours show is the difference to the true phase.

truth = made.object
inside = np.abs(truth) > 0.5 * np.abs(truth).max()
found = {}
for way in ("mask", "hard", "soft", "prior"):
    crystal = bcdi.phase(
        made.scan, fill, handover=way, runs=2, cycles=(0, 250, 50), crop=truth.shape
    )
    found[way] = compare(crystal.obj, truth, inside)
    print(f"{way}: phase error {found[way].phase_rms_rad:.3f} rad")

middle = truth.shape[0] // 2
rows, columns = (slice(i.min() - 2, i.max() + 3) for i in np.nonzero(inside[middle]))
fig, axes = plt.subplots(2, 5, figsize=(10.5, 4.4), layout="constrained")
shown = inside[middle, rows, columns]
true_phase = np.where(shown, np.angle(truth[middle, rows, columns]), np.nan)
axes[0, 0].imshow(true_phase - np.nanmean(true_phase), cmap="RdBu_r", vmin=-0.5, vmax=0.5)
axes[0, 0].set_title("true phase")
for (above, below), (way, result) in zip(axes.T[1:], found.items(), strict=True):
    obj = result.aligned[middle, rows, columns]
    off = np.angle(obj * np.exp(-1j * np.nan_to_num(true_phase)))
    above.imshow(np.abs(obj), cmap="gray")
    above.set_title(f"{way}: {result.phase_rms_rad:.3f} rad")
    image = below.imshow(np.where(shown, off, np.nan), cmap="RdBu_r", vmin=-0.5, vmax=0.5)
fig.colorbar(image, ax=axes[1, :], label="phase error (rad)", shrink=0.9)
for ax in axes.flat:
    ax.set_axis_off()

# %%
# "hard" takes the fill as counted, "soft" holds the calculated intensity in the fill's interval,
# "prior" draws it towards the fill, the more the surer the fill is.
#
# This is one crystal with two short starts: with 150 cycles of RAAR in place of 250 the order is
# another. The pages of results have many crystals.
