"""Crystals as continuous media: a smooth-edged body with a phase, and its Bragg peak by FFT.

Atoms repeat their Bragg peaks too soon for a fringe-rich pattern of a large crystal; a continuous
crystal has as many fringes as the array has room for, at the cost of an idealised strain. The same
code makes the 2D set: hulls of random points with a random phase (Masto, thesis, 4.3.1).
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.ndimage import gaussian_filter
from scipy.optimize import linprog
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from bcdi_inpaint.arrays import Complex64Array, Float32Array, Float64Array
from simulation.fields import correlated_field
from simulation.shapes import Polyhedron

Range = tuple[float, float]

MARGIN = 2
"""Voxels between a crystal and the sides of its box, which hold its soft edge."""


class ContinuumConfig(BaseModel):
    """What a continuous crystal is drawn with; ranges are (lowest, highest).

    The defaults of edges, noise and phase are those of Masto et al., J. Appl. Cryst. 57, 966
    (2024). Unknown keys are errors.

    Attributes
    ----------
    edge_sigma_voxel : standard deviation of the Gaussian that softens the edges.
    modulus_noise : relative range of the density's correlated noise.
    correlation_length : of the phase, as a part of the crystal's size and at most 5, drawn on a
        logarithmic scale.
    shear : largest shear of the rocking axis towards each detector axis, in 3D.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    edge_sigma_voxel: Range = (0.45, 0.75)
    modulus_noise: Range = (0.0, 0.1)
    correlation_length: Range = (0.15, 1.2)
    shear: float = Field(0.4, ge=0, le=2)

    @model_validator(mode="after")
    def _ranges(self) -> ContinuumConfig:
        for name in ("edge_sigma_voxel", "modulus_noise", "correlation_length"):
            low, high = getattr(self, name)
            least = 1e-3 if name == "correlation_length" else 0.0
            if not least <= low <= high < np.inf:
                raise ValueError(
                    f"{name} is {low:g}, {high:g}, expected the lowest first, at least {least:g}"
                )
        if self.correlation_length[1] > 5:
            raise ValueError(f"correlation_length is {self.correlation_length}, expected up to 5")
        return self


def convex_hull(n_dim: int, rng: np.random.Generator) -> Polyhedron:
    """Draw the convex hull of 6 to 24 random points, in 2 or 3 dimensions, of unequal extents."""
    points = rng.standard_normal((int(rng.integers(6, 25)), n_dim))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    points *= rng.uniform(0.6, 1.0, (len(points), 1)) * rng.uniform(0.6, 1.0, n_dim)
    hull = ConvexHull(points - points.mean(axis=0))  # the mean of points lies inside their hull
    return Polyhedron(hull.equations[:, :-1], -hull.equations[:, -1])


def make_crystal(
    config: ContinuumConfig,
    body: Polyhedron,
    box: tuple[int, ...],
    rng: np.random.Generator,
    strain_rad: float,
) -> Complex64Array:
    """Draw the complex density of a body.

    The body is turned at random and, in 3D, sheared as a rocking scan's frame shears it; its phase
    is a random correlated field.

    Parameters
    ----------
    config : ranges of what is drawn.
    body : of 2 or 3 dimensions, of any size.
    box : sides of the array in voxels; the body ends `MARGIN` voxels short of them.
    rng : source of what is drawn.
    strain_rad : range of the phase, in radians.

    Returns
    -------
    (*box,) complex64.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> crystal = make_crystal(ContinuumConfig(), convex_hull(2, rng), (24, 20), rng, 1.0)
    >>> crystal.shape, crystal.dtype
    ((24, 20), dtype('complex64'))
    """
    modulus = _modulus(config, body, box, rng)
    length = np.array(box) * np.exp(rng.uniform(*np.log(config.correlation_length)))
    phase = strain_rad * correlated_field(box, length, rng)
    grain = correlated_field(box, 2.0, rng) - 0.5
    modulus = modulus * (1 + 2 * rng.uniform(*config.modulus_noise) * grain)
    return (modulus * np.exp(1j * phase)).astype(np.complex64)


def _modulus(
    config: ContinuumConfig, body: Polyhedron, box: tuple[int, ...], rng: np.random.Generator
) -> Float64Array:
    axes = [(np.arange(n) - (n - 1) / 2) / (n / 2 - MARGIN) for n in box]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)  # (*box, n_dim)
    mapping = _frame(config, len(box), rng)
    # The largest copy of the body that this mapping keeps inside the box.
    low, high = _extent(body, mapping)
    half, middle = (high - low) / 2, (high + low) / 2
    inside = body.signed_distance((grid * half + middle) @ mapping.T)
    # A face is soft over about a voxel: signed distances in voxels, through a narrow ramp.
    voxel = float(np.mean(2 * half / np.array(box)))
    sharp = np.clip(0.5 - inside / voxel, 0, 1)
    return gaussian_filter(sharp, rng.uniform(*config.edge_sigma_voxel), mode="constant")


def _frame(config: ContinuumConfig, n_dim: int, rng: np.random.Generator) -> Float64Array:
    """(n_dim, n_dim) the array's axes, as columns, in the body's frame."""
    if n_dim == 2:
        angle = rng.uniform(0, 2 * np.pi)
        return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    tilt = np.eye(3)
    tilt[0, 1:] = rng.uniform(-config.shear, config.shear, 2)
    return Rotation.random(rng=rng).as_matrix() @ tilt


def _extent(body: Polyhedron, mapping: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Lowest and highest coordinate of the body along each array axis, (n_dim,) both."""
    planes = body.normals @ mapping
    low, high = (
        np.array(
            [
                sign * linprog(sign * axis, planes, body.distances, bounds=(None, None)).fun
                for axis in np.eye(len(mapping))
            ]
        )
        for sign in (1, -1)
    )
    return low, high


def period(shape: tuple[int, ...], offset: Float64Array) -> tuple[int, ...]:
    """Sides of the Fourier transform that holds an array whose peak lies `offset` off its middle.

    Long enough that nothing of what leaves it on one side comes back on the other within the array.
    A crystal fills 1 / oversampling ratio of these sides.
    """
    needed = np.array(shape) + 2 * np.ceil(np.abs(offset)).astype(int)
    return tuple(scipy.fft.next_fast_len(int(n)) for n in needed)


def bragg_intensity(
    crystal: Complex64Array, shape: tuple[int, ...], offset: Float64Array, device: str = "cpu"
) -> Float32Array:
    """Compute the Bragg peak of a crystal: its squared Fourier transform.

    Parameters
    ----------
    crystal : complex density, its box not larger than ``period(shape, offset)``; the ratio of the
        two is the oversampling ratio along each axis.
    shape : of the array that is wanted, in voxels.
    offset : (n_dim,) from the array's middle, n // 2, to the peak, in voxels; may be fractional,
        and so large that the peak lies outside the array.
    device : ``cpu``, or a device of torch.

    Returns
    -------
    (*shape,) float32, in units of the squared density.
    """
    sides, whole = period(shape, offset), np.round(offset).astype(int)
    ramped = _shift_peak(crystal, sides, offset - whole)
    intensity = scipy.fft.fftshift(_squared_transform(ramped, sides, device))
    return np.ascontiguousarray(intensity[_window(sides, shape, whole)])


def resolve_object(
    crystal: Complex64Array, shape: tuple[int, ...], offset: Float64Array
) -> Complex64Array:
    """Place a crystal in an array that resolves it as far as the Bragg peak reaches.

    Parameters
    ----------
    crystal : complex density, as of `bragg_intensity`.
    shape : of the array of the Bragg peak, in voxels.
    offset : (n_dim,) from that array's middle to the peak, in voxels.

    Returns
    -------
    (*shape,) the object, the crystal's middle at n // 2. The squared modulus of its Fourier
    transform is ``bragg_intensity(crystal, shape, offset)``; a phase ramp moves the peak.
    """
    sides, whole = period(shape, offset), np.round(offset).astype(int)
    middle = tuple(
        slice(n // 2 - side // 2, n // 2 - side // 2 + side)
        for n, side in zip(sides, crystal.shape, strict=True)
    )
    padded = np.zeros(sides, dtype=np.complex64)
    padded[middle] = _shift_peak(crystal, sides, offset - whole)
    amplitude = scipy.fft.fftshift(scipy.fft.fftn(scipy.fft.ifftshift(padded)))
    seen = amplitude[_window(sides, shape, whole)]
    return np.asarray(scipy.fft.fftshift(scipy.fft.ifftn(scipy.fft.ifftshift(seen))))


def _shift_peak(
    crystal: Complex64Array, sides: tuple[int, ...], fraction: Float64Array
) -> Complex64Array:
    """The crystal with a phase ramp that moves its peak by a fraction of a voxel on each axis."""
    ramped = crystal
    for axis, (n, part) in enumerate(zip(sides, fraction, strict=True)):
        along = np.exp(2j * np.pi * part * np.arange(crystal.shape[axis]) / n)
        along = along.reshape([-1 if a == axis else 1 for a in range(crystal.ndim)])
        ramped = ramped * along.astype(np.complex64)
    return ramped


def _window(
    sides: tuple[int, ...], shape: tuple[int, ...], whole: NDArray[np.integer]
) -> tuple[slice, ...]:
    """The part of a centred transform that the array sees, its peak `whole` off the middle."""
    return tuple(
        slice(n // 2 - m // 2 - shift, n // 2 - m // 2 - shift + m)
        for n, m, shift in zip(sides, shape, whole, strict=True)
    )


def _squared_transform(values: Complex64Array, sides: tuple[int, ...], device: str) -> Float32Array:
    if device == "cpu":
        return np.abs(scipy.fft.fftn(values, s=sides)) ** 2
    import torch  # which takes seconds, in each process

    there = torch.from_numpy(np.ascontiguousarray(values)).to(device)
    return (torch.fft.fftn(there, s=sides).abs() ** 2).cpu().numpy()
