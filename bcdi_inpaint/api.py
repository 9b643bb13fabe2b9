"""The calls of a notebook: each takes a scan and its gaps, or plain arrays.

The commands make the same calls on files. Everything is imported where it is used, so that a
person who only reads a scan does not wait for torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bcdi_inpaint.checks.numbers import NumberWishes, prepare
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.gap_finding import GapFinding
from bcdi_inpaint.gaps.masks import GapRegion, as_region
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.photon_view import as_stored, photon_of
from bcdi_inpaint.scan.scan import Measured, as_scan

if TYPE_CHECKING:
    from bcdi_inpaint.filling.fill import Fill, Filled
    from bcdi_inpaint.network.weights import Model
    from bcdi_inpaint.phasing.benefit import Benefit
    from bcdi_inpaint.phasing.reconstruction import Reconstruction

Gaps = np.ndarray | Gap | Iterable[Gap]
"""The gaps of a scan: what `find_gaps` returns, gaps, or a mask (True = to fill)."""
Progress = Callable[[int, int], None]
"""Called with how many are done, and how many there are in all."""


def inpaint(
    scan: Measured | np.ndarray,
    gaps: Gaps,
    model: str | Path | Model = "default",
    device: str = "auto",
    *,
    bad_mask: np.ndarray | None = None,
    stride: int | None = None,
    calibrate: bool = True,
    photon: float | None = None,
    method: str = "network",
    minutes: float | None = 10.0,
    seed: int = 0,
    progress: Progress | None = None,
) -> Fill:
    """Fill the gaps of a scan.

    Parameters
    ----------
    scan : a scan, or (n_rock, n_y, n_x) photon counts of any number type; not changed.
    gaps : what `find_gaps` returns, or gaps, or a mask (n_rock, n_y, n_x) or (n_y, n_x) of any
        shape, True = to fill.
    model : ``default``, a weights file, or a model that is loaded already.
    device : ``auto``, ``cpu`` or ``cuda``.
    bad_mask : (n_rock, n_y, n_x) or (n_y, n_x), True = invalid: not looked at, and not changed
        unless it is in the gap. It adds to the scan's own mask.
    stride : voxels between neighbouring patches along a gap, 1 to 32; smaller is slower and
        smoother.
    calibrate : whether the scan calibrates its intervals itself, on pseudo-gaps that are hidden
        around its peak; else they are those that hold on simulation.
    photon : what one photon is in the counts; found from them where it is not given.
    method : one of `filling.methods.METHODS`: ``network``, classical ones such as ``kriging``, and
        ``dip``, ``gan-g`` and ``gan-z``, which learn from this scan alone; Ctrl-C ends those with
        the best so far. The model is of no use to them.
    minutes : how long a method may learn; None for no limit.
    seed : of what such a method draws.
    progress : called with (patches done, patches in all) after every batch, or with the steps of a
        method that learns.

    Returns
    -------
    The fill: `fill.counts` has the gaps filled and every other voxel as measured, bit for bit, in
    float32; `fill.sigma` says how sure it is.

    Raises
    ------
    InputError
        For arrays that do not fit, counts that are none, gaps that are empty or cannot be filled,
        a model that does not load, an unknown method, a scan too small for it, a seed or minutes
        that are none, or an absent device.

    Examples
    --------
    >>> import bcdi_inpaint as bcdi
    >>> scan = bcdi.load_example()
    >>> bcdi.inpaint(scan, bcdi.find_gaps(scan))  # doctest: +ELLIPSIS
    Fill: ... voxels (48 x 64 x 64) filled by model default, median sigma ...
    """
    from bcdi_inpaint.filling.inpainting import inpaint_scan
    from bcdi_inpaint.filling.learned_fill import LearningOptions
    from bcdi_inpaint.filling.methods import NETWORK, check_method, fill_by_method
    from bcdi_inpaint.filling.settings import FillingSettings

    check_method(method)
    measured, region = _checked(scan, gaps, bad_mask, photon)
    stride = FillingSettings.stride if stride is None else stride
    settings = FillingSettings(stride=stride, calibrate=calibrate)
    if method == NETWORK:
        fill = inpaint_scan(measured, region, model, device, settings=settings, progress=progress)
    else:
        options = LearningOptions(minutes=minutes, seed=seed)
        fill = fill_by_method(measured, region, method, device, options=options, progress=progress)
    return fill.in_unit(photon_of(measured)).whole


def refine(
    scan: Measured | np.ndarray,
    gaps: Gaps,
    fill: Filled,
    *,
    bad_mask: np.ndarray | None = None,
    model: str | Path | Model = "default",
    starts: int = 3,
    seed: int = 0,
    device: str = "auto",
    background: float | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Fill:
    """Refine a fill by a short phase retrieval around the Bragg peak, where that predicts better.

    Parameters
    ----------
    scan : a scan, or (n_rock, n_y, n_x) photon counts; not changed.
    gaps : as for `inpaint`.
    fill : what `inpaint` made of them with this model.
    bad_mask : as for `inpaint`.
    model : the model of the fill; it fills the pseudo-gap too, in which refinement is judged.
    starts : random starts of the retrieval.
    seed : of those starts.
    device : ``auto``, ``cpu`` or ``cuda``.
    background : photons in every voxel that no crystal diffracts; None for what the scan shows.
    progress : called with (starts done, starts in all).
    stop : asked after each cycle whether to end with the best so far, as Ctrl-C does.

    Returns
    -------
    The refined fill, or the fill as it was where refinement predicts held-out counts no better;
    `fill.report.refined` says which, `fill.report.remark` why, `fill.report.interrupted` whether
    Ctrl-C or `stop` ended it early.

    Raises
    ------
    InputError
        For arrays that do not fit, or a model that does not load.
    """
    from bcdi_inpaint.phasing.refinement import refine as refine_arrays

    measured, region = _checked(scan, gaps, bad_mask, fill.photon)
    everything = whole(measured.shape)
    part = measured.part(everything)
    refinement = refine_arrays(
        part.counts,
        region.part(everything),
        fill.whole.in_unit(1.0).over(part.counts),
        bad_mask=part.bad_mask,
        model=model,
        seed=seed,
        starts=starts,
        device=device,
        background=background,
        progress=progress,
        stop=stop,
    )
    stored = as_stored(measured).part(everything)
    return refinement.fill.in_unit(fill.photon).over(stored.counts)


def expected_benefit(
    scan: Measured | np.ndarray, gaps: Gaps, *, bad_mask: np.ndarray | None = None
) -> Benefit | None:
    """Say what a fill of these gaps can do for the crystal.

    Parameters
    ----------
    scan : a scan, or (n_rock, n_y, n_x) photon counts.
    gaps : as for `inpaint`.
    bad_mask : as for `inpaint`.

    Returns
    -------
    How wide the gap is in fringes, how near to the peak, how bright, and what follows; None where
    no gap that can be filled is near a peak that can be seen.

    Raises
    ------
    InputError
        For arrays that do not fit.

    Examples
    --------
    >>> import bcdi_inpaint as bcdi
    >>> scan = bcdi.load_example()
    >>> print(bcdi.expected_benefit(scan, bcdi.find_gaps(scan)))  # doctest: +ELLIPSIS
    gap of 6 ... voxels from the peak, ... counts beside it: ...
    """
    from bcdi_inpaint.filling.fillable import fillable_planes, known_lines
    from bcdi_inpaint.phasing.benefit import expected_benefit as of_arrays

    measured, region = _checked(scan, gaps, bad_mask, None)
    everything = whole(measured.shape)
    part = measured.part(everything)
    unknown = part.bad_mask | region.part(everything)
    return of_arrays(part.counts, unknown, fillable_planes(region, known_lines(unknown)))


def phase(
    scan: Measured | np.ndarray,
    fill: Filled | None = None,
    *,
    gaps: Gaps | None = None,
    bad_mask: np.ndarray | None = None,
    handover: str = "auto",
    runs: int = 5,
    seed: int = 0,
    cycles: tuple[int, int, int] | None = None,
    pynx: Sequence[str] = (),
    crop: tuple[int, int, int] | None = None,
    progress: Progress | None = None,
) -> Reconstruction:
    """Phase a scan with PyNX, as `bcdi-inpaint phase` does: the best of several starts.

    What refinement found of the beam, a background and the crystal (`fill.report`) is heeded, and
    the first starts begin at the objects that it found.

    Parameters
    ----------
    scan : a scan, or (n_rock, n_y, n_x) photon counts.
    fill : its fill; None leaves every gap masked.
    gaps : gaps that neither the scan's mask nor the fill knows of; they stay masked.
    bad_mask : as for `inpaint`.
    handover : how PyNX gets the fill: ``hard``, ``partial``, ``soft``, ``staged``, ``prior``,
        ``mask``, or ``auto``, which takes ``prior`` where a fill helps, ``mask`` where there is
        no light, and where a gap is narrow the best of both and of what knows nothing besides, as
        `bcdi-inpaint phase --compare` does.
    runs : starts; those that begin at no object of the refinement are random.
    seed : of the starts; the command gives the same object for the same seed.
    cycles : of HIO, RAAR and ER in each start; None for those of the command.
    pynx : more options of `pynx-cdi-id01`, for example ``["--psf", "pseudo-voigt,1,0.05,20"]``.
    crop : sides of the box to phase, around the peak; None for the largest that has the peak in
        its middle.
    progress : called with (cycles done, cycles in all).

    Returns
    -------
    The best reconstruction: `crystal.obj` is the object, `crystal.support` where it is.

    Raises
    ------
    InputError
        For arrays that do not fit, an unknown hand-over, or starts that all lose the support.
    MissingEngineError
        Where PyNX is not installed.
    """
    from bcdi_inpaint.phasing.pynx_knowledge import Knowledge, known_by
    from bcdi_inpaint.phasing.pynx_preset import Preset
    from bcdi_inpaint.phasing.scan_phasing import phase_scan

    hio, raar, er = (Preset.hio, Preset.raar, Preset.er) if cycles is None else cycles
    measured = as_scan(scan) if isinstance(scan, np.ndarray) else scan
    unit = None if fill is None else fill.photon
    measured = prepare(measured, NumberWishes(photon=unit, clip=True)).scan
    part = measured.part(whole(measured.shape))
    region = None if gaps is None else as_region(gaps, part.shape)
    return phase_scan(
        part if bad_mask is None else part.with_bad(bad_mask),
        None if fill is None else fill.whole.in_unit(1.0).over(part.counts),
        handover=handover,
        preset=Preset(hio=hio, raar=raar, er=er, runs=runs),
        pynx=pynx,
        seed=seed,
        crop=crop,
        gap_mask=None if region is None else region.part(whole(part.shape)),
        knowledge=Knowledge() if fill is None else known_by(fill.report),
        objects=() if fill is None else fill.report.objects,
        progress=progress or (lambda done, total: None),
    )


def _checked(
    scan: Measured | np.ndarray,
    gaps: Gaps,
    bad_mask: np.ndarray | None,
    photon: float | None,
) -> tuple[Measured, GapRegion]:
    """The scan in photons, with further bad voxels, and its gaps."""
    measured: Measured = as_scan(scan, bad_mask) if isinstance(scan, np.ndarray) else scan
    if not isinstance(scan, np.ndarray) and bad_mask is not None:
        measured = measured.part(whole(measured.shape)).with_bad(bad_mask)
    if isinstance(gaps, GapFinding):
        measured, region = gaps.seen(measured), gaps.region
    else:
        region = as_region(gaps, measured.shape)
    return prepare(measured, NumberWishes(photon=photon), gap=region).scan, region
