"""How good a reconstruction is, whose object is known."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_erosion

from bcdi_inpaint.arrays import BoolArray, ComplexArray, Float32Array
from bcdi_inpaint.evaluation.crystals.known_crystal import KnownCrystal
from bcdi_inpaint.evaluation.crystals.object_error import compare, shell_correlation
from bcdi_inpaint.evaluation.crystals.records import Record
from bcdi_inpaint.evaluation.scores import pearson_log
from bcdi_inpaint.phasing.reconstruction import Reconstruction


def score_reconstruction(
    found: Reconstruction, crystal: KnownCrystal, gap: BoolArray
) -> tuple[Record, Float32Array, ComplexArray]:
    """Score one reconstruction.

    Parameters
    ----------
    found : what phase retrieval found.
    crystal : the truth.
    gap : (n_rock, n_y, n_x) bool.

    Returns
    -------
    (record, intensity, aligned object): phase, modulus and gradient errors inside the particle,
    correlation of the calculated intensity in the gap; that intensity; the object aligned with the
    truth.
    """
    inside = crystal.inside(0.5)
    compared = compare(found.obj, crystal.truth, inside)
    calculated = found.intensity().astype(np.float32)
    scores: Record = {
        "phase_rms_rad": compared.phase_rms_rad,
        "modulus_rms": compared.modulus_rms,
        "gradient_rms": gradient_rms(compared.aligned, crystal.truth, inside),
        "resolution": shell_correlation(compared.aligned, crystal.truth),
        "llk_free": found.llk_free,
        "pearson_gap": pearson_log(crystal.expectation, calculated, gap),
        "failed": "",
    }
    return scores, calculated, compared.aligned


def gradient_rms(aligned: ComplexArray, truth: ComplexArray, inside: BoolArray) -> float:
    """RMS of the phase difference's gradient along y: strain, but for constants.

    The strain along a reflection is the gradient of the phase along it over the length of its
    vector; y is the axis nearest to it on a vertical diffractometer.

    Parameters
    ----------
    aligned : (n_rock, n_y, n_x) complex, the reconstruction in the truth's place and phase.
    truth : (n_rock, n_y, n_x) complex.
    inside : (n_rock, n_y, n_x) bool, the particle.

    Returns
    -------
    In rad per voxel; nan where the particle has no inner voxel.
    """
    both = inside[:, 1:] & inside[:, :-1] & binary_erosion(inside)[:, 1:]
    if not both.any():
        return float("nan")
    product = aligned * np.conj(truth)
    turned = np.angle(product[:, 1:] * np.conj(product[:, :-1]))
    return float(np.sqrt(np.mean(turned[both] ** 2)))
