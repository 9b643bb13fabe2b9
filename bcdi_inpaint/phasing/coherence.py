"""A beam that is partly coherent: the calculated intensity is blurred, and how far, the scan says.

The blur is a Gaussian along each axis of the array (rocking, rows, columns), a multivariate normal
approximation of the mutual coherence function: Clark et al., Nat. Commun. 3, 993 (2012). Its widths
are those under which the measured counts are likeliest. Zero widths cost nothing. Once there is an
object, `beam_form` finds what is no Gaussian. Tensors have the centre at index 0, as in
`torch_retrieval`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from bcdi_inpaint.arrays import Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.point_spread import fit_psf

Widths = tuple[float, float, float]


@dataclass(frozen=True)
class CoherenceSettings:
    """How widths are estimated. Chosen on simulated crystals; no committed command.

    Attributes
    ----------
    largest : width in voxels, of any axis, from which on the estimate is not believed: fringes of
        a scan that is sampled well enough to be phased would be gone.
    box : voxels a side of the middle of the array on which widths are fitted: the peak tells most.
    least : width in voxels of every axis below which the beam is coherent: what noise and a model
        that does not fit yet make of a coherent beam.
    steps : of Fisher's scoring, each a transform for every axis.
    believed : part of a coherent beam's misfit that the misfit has to be below. Where the beam was
        partly coherent it was 0.24, 0.61 and 0.95 of it, where it was not 0.98 and 1.06; on four
        crystals of configs/phasing_narrow.yaml and a block, no committed command. And part of the
        misfit with a Gaussian that the one with a function of any form has to be below.
    rounds, sharpened : how often such a function is found, and by how many steps each time.
    floor : counts that every voxel is expected to have: one photon where nothing is calculated
        tells of the model and not of its widths.
    """

    largest: float = 2.0
    least: float = 0.15
    box: int = 64
    steps: int = 3
    believed: float = 0.97
    rounds: int = 3
    sharpened: int = 20
    floor: float = 1e-3


@dataclass(frozen=True)
class Coherence:
    """What the beam's coherence makes of a calculated intensity.

    Attributes
    ----------
    sigma : standard deviation in voxels of the blur along (rocking, rows, columns); zeros for a
        coherent beam.
    psf : three axes, centred, the point spread function where it is known to be no Gaussian.
    """

    sigma: Widths = (0.0, 0.0, 0.0)
    psf: Float32Array | None = field(default=None, repr=False, compare=False)
    _transfers: dict[object, tuple[Tensor, float]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def coherent(self) -> bool:
        """Whether it changes nothing."""
        return not any(self.sigma)

    def blur(self, intensity: Tensor) -> Tensor:
        """What is measured of an intensity (n_rock, n_y, n_x), whose edges meet."""
        if self.coherent:
            return intensity
        transfer, own = self._transfer(intensity)
        transform = torch.fft.rfftn(intensity)
        if transfer.is_complex():
            transform *= transfer
        else:
            scale_in_place(transform, transfer)
        blurred = torch.fft.irfftn(transform, intensity.shape)
        # A voxel keeps its own part at least: the transform rounds like the brightest voxel.
        return torch.maximum(blurred, own * intensity)

    def _transfer(self, intensity: Tensor) -> tuple[Tensor, float]:
        """The transform of the blur, (n_rock, n_y, n_x // 2 + 1), and its middle; made once."""
        key = (intensity.shape, intensity.device)
        if key not in self._transfers:
            transfer = self._transform(intensity)
            middle = float(torch.fft.irfftn(transfer, intensity.shape)[0, 0, 0])
            self._transfers[key] = transfer, middle
        return self._transfers[key]

    def _transform(self, like: Tensor) -> Tensor:
        if self.psf is None:
            return gaussian_transfer(like, self.sigma)
        laid = np.fft.ifftshift(fit_psf(self.psf, like.shape))
        return torch.fft.rfftn(torch.from_numpy(laid).to(like.device))


COHERENT = Coherence()
"""A coherent beam."""


def squared_modulus(spectrum: Tensor) -> Tensor:
    """The intensity of a complex amplitude; no array of its size is made on the way but one."""
    return spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)


def scale_in_place(spectrum: Tensor, factor: Tensor) -> None:
    """Multiply a complex array by a real one: torch would make a complex one of that first."""
    spectrum.real.mul_(factor)
    spectrum.imag.mul_(factor)


def gaussian_transfer(values: Tensor, widths: Widths) -> Tensor:
    """The transform, as of `torch.fft.rfftn`, of a Gaussian of `widths` voxels along each axis."""
    transfer = torch.ones((), device=values.device)
    for axis, (n, width) in enumerate(zip(values.shape, widths, strict=True)):
        last = axis == values.ndim - 1
        frequency = (torch.fft.rfftfreq if last else torch.fft.fftfreq)(n, device=values.device)
        fading = torch.exp(-2 * (torch.pi * width * frequency) ** 2)
        transfer = transfer * fading.reshape([-1 if a == axis else 1 for a in range(values.ndim)])
    return transfer


def fit_coherence(
    diffracted: Tensor,
    counts: Tensor,
    seen: Tensor,
    begin: Coherence = COHERENT,
    settings: CoherenceSettings = CoherenceSettings(),
    background: float = 0.0,
) -> Coherence:
    """Find the widths under which the counts are likeliest, given what an object diffracts.

    The Poisson likelihood of the seen voxels, by Fisher's scoring of the squared widths.

    Parameters
    ----------
    diffracted : (n_rock, n_y, n_x) calculated intensity, not blurred.
    counts : (n_rock, n_y, n_x) measured.
    seen : (n_rock, n_y, n_x) bool, True = measured, and to be fitted.
    begin : where the search begins.
    settings : of the search.
    background : counts in every voxel besides.

    Raises
    ------
    InputError
        A width runs to its bound.
    """
    here, photons, valid = (_middle(each, settings.box) for each in (diffracted, counts, seen))
    squares = torch.tensor(begin.sigma, dtype=torch.float64).square()
    for _ in range(settings.steps):
        step = _scoring_step(squares, here, photons, valid, (settings.floor, background))
        squares = (squares + step).clip(0, settings.largest**2)
    first, second, third = (float(width) for width in squares.sqrt())
    _check_bound((first, second, third), settings.largest)
    if max(first, second, third) < settings.least:
        return COHERENT
    return Coherence((first, second, third))


def _check_bound(widths: Widths, largest: float) -> None:
    for name, width in zip(("rocking axis", "rows", "columns"), widths, strict=True):
        if not width < largest:  # nan too
            raise InputError(
                f"the coherence width along the {name} runs to its bound of {largest:g} voxels, "
                "expected a beam that is more coherent"
            )


def _middle(values: Tensor, size: int) -> Tensor:
    """At most `size` voxels a side about index 0, their centre at index 0."""
    for axis, n in enumerate(values.shape):
        if n > size:
            half = size // 2
            index = torch.arange(-half, size - half, device=values.device).roll(-half) % n
            values = values.index_select(axis, index)
    return values


def _scoring_step(
    squares: Tensor,
    diffracted: Tensor,
    counts: Tensor,
    seen: Tensor,
    least: tuple[float, float],
) -> Tensor:
    """The step (3,) of Fisher's scoring of squared widths; `least` are floor and background."""
    floor, background = least
    first, second, third = (float(width) for width in squares.sqrt())
    transform = torch.fft.rfftn(diffracted)
    transform *= gaussian_transfer(diffracted, (first, second, third))
    shape = diffracted.shape
    expected = torch.fft.irfftn(transform, shape)[seen].clip(floor) + background
    slopes = torch.stack(
        [torch.fft.irfftn(transform * by, shape)[seen] for by in _half_curvatures(diffracted)]
    ).double()  # (3, n)
    weighted = slopes / expected
    gradient = weighted @ (counts[seen] - expected).double()
    fisher = weighted @ slopes.T
    ridge = 1e-9 * fisher.diag().max().clip(1e-30) * torch.eye(3, device=fisher.device)
    return torch.linalg.solve(fisher + ridge, gradient).cpu()


def _half_curvatures(values: Tensor) -> list[Tensor]:
    """What a Gaussian's transform is multiplied with where it is derived by a squared width."""
    factors = []
    for axis, n in enumerate(values.shape):
        last = axis == values.ndim - 1
        frequency = (torch.fft.rfftfreq if last else torch.fft.fftfreq)(n, device=values.device)
        along = -2 * (torch.pi * frequency) ** 2
        factors.append(along.reshape([-1 if a == axis else 1 for a in range(values.ndim)]))
    return factors


class CoherenceSearch:
    """Widths that follow one start after another; a start that stagnates leads none astray.

    Attributes
    ----------
    best : of the start that fits best until now, which the next one begins with.
    failure : why there are none, in one line; empty while there are.
    """

    def __init__(
        self,
        counts: Tensor,
        seen: Tensor,
        settings: CoherenceSettings,
        background: float = 0.0,
    ) -> None:
        self.best = COHERENT
        self.failure = ""
        self._found, self._lost, self._least_misfit = COHERENT, "", math.inf
        self._settings, self._background = settings, background
        self._counts, self._seen = (_middle(each, settings.box) for each in (counts, seen))

    def begin(self) -> Coherence:
        """The widths that a start begins with."""
        self._found, self._lost = self.best, ""
        return self.best

    def follow(self, diffracted: Tensor) -> Coherence:
        """The widths under a calculated intensity, not blurred; zeros once this start had none."""
        if self._settings.steps and not self._lost:
            try:
                self._found = fit_coherence(
                    diffracted,
                    self._counts,
                    self._seen,
                    self._found,
                    self._settings,
                    self._background,
                )
            except InputError as error:
                self._found, self._lost = COHERENT, str(error)
        return self._found

    def disbelieve(self, share: float) -> None:
        """The beam is coherent after all: with the widths the misfit is this part of without."""
        told = "{:.2g}, {:.2g}, {:.2g} voxels".format(*self.best.sigma)
        self.failure = (
            f"coherence width {told} not believed: its misfit is {share:.0%} of a coherent beam's"
        )
        self.best = COHERENT

    def end(self, misfit: float) -> None:
        """A start has ended with this misfit: its widths stay if it is the best until now.

        So does that it had none, so that a later one that stagnates does not undo them.
        """
        if misfit < self._least_misfit:
            self._least_misfit, self.best, self.failure = misfit, self._found, self._lost
