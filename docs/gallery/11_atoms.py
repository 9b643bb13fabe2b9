"""
From shape to atoms to Bragg peak
=================================

A gold particle takes its shape by Wulff's construction, LAMMPS relaxes its atoms, and a
non-uniform Fourier transform sums their Bragg peak. Needs LAMMPS, wulffpack and finufft.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.spatial.transform import Rotation

from simulation.diffraction import bragg_amplitude
from simulation.q_grid import QGrid, oversampled_steps
from simulation.relaxation import element, relax
from simulation.shapes import fcc_atoms, wulff

rng = np.random.default_rng(1)
gold = element("Au")
lattice_nm = fcc_atoms(wulff(rng), gold.lattice_constant_nm, 4000, rng)
relaxed = relax(lattice_nm, gold)
moved_pm = 1000 * np.linalg.norm(relaxed.displacement_nm, axis=1)
print(f"{len(lattice_nm)} atoms; the surface moves them by {moved_pm.mean():.0f} pm on average")

# %%
# The 111 peak, on a grid that is turned at random.

positions_nm = relaxed.positions_nm - relaxed.positions_nm.mean(axis=0)
turn = Rotation.random(rng=rng).as_matrix()
steps = oversampled_steps(positions_nm, turn, np.full(3, 4.0))
grid = QGrid((48, 64, 64), np.ones(3) / gold.lattice_constant_nm, steps, np.array([24, 32, 32]))
intensity = np.abs(bragg_amplitude(positions_nm, grid)) ** 2
counts = rng.poisson(1e6 * intensity / intensity.max())

fig = plt.figure(figsize=(10, 4.6), layout="constrained")
ax = fig.add_subplot(1, 2, 1, projection="3d")
shown = ax.scatter(*positions_nm.T, c=moved_pm, s=9, cmap="viridis", alpha=0.9, linewidths=0)
fig.colorbar(shown, ax=ax, label="displacement (pm)", shrink=0.6, pad=0.1)
ax.set(xlabel="x (nm)", ylabel="y (nm)", zlabel="z (nm)", aspect="equal")
ax = fig.add_subplot(1, 2, 2)
ax.imshow(np.log10(0.5 + counts[24]), cmap="turbo", vmin=-0.3, vmax=5.5)
ax.set_title("counts in the frame of the peak")
ax.set_axis_off()
