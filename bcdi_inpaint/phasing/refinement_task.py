"""What a fill is refined with: settings, and a region around the peak with a pseudo-gap hidden."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from bcdi_inpaint.arrays import BoolArray, Float32Array, IntArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.gaps.masks import find_planes
from bcdi_inpaint.gaps.pseudo_gap import make_pseudo_gap
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.phasing.background import (
    NO_BACKGROUND,
    Background,
    BackgroundSettings,
    find_background,
)
from bcdi_inpaint.phasing.coherence import CoherenceSearch, CoherenceSettings
from bcdi_inpaint.phasing.density import DensitySettings
from bcdi_inpaint.phasing.free_voxels import FREE_FRACTION, draw_islands, islands_in, place_islands
from bcdi_inpaint.phasing.handover import prior_of
from bcdi_inpaint.phasing.mixing import MixingSettings
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.phasing.torch_retrieval import Amplitudes, amplitudes
from bcdi_inpaint.phasing.torch_state import to_tensor
from bcdi_inpaint.photons import log_noise_bias
from bcdi_inpaint.running.early_end import EarlyEnd
from bcdi_inpaint.scan.boxes import Box, as_box, grow, within

START_SCHEDULE = Schedule(
    hio=600,
    raar=150,
    er=50,
    update_every=25,
    hio_threshold=0.35,
    settled=0.67,
    widen=1,
    hio_box=48,
)
"""Of a random start. HIO first, and the support renewed often and tight: starts seldom stagnate
then."""


@dataclass(frozen=True)
class RefinementSettings:
    """How a fill is refined. All were chosen on simulated crystals; no committed command.

    Attributes
    ----------
    largest_box : voxels along each side of what is phased: the fringes that matter are near the
        peak.
    near : starts of up to this part more misfit than the best one are averaged with it.
    schedule : of every start.
    found : times the misfit of what a start sees that the misfit of islands which none sees is at
        most, where it has found the crystal. It was 1.1 on a measured scan, 1.3 and 1.5 of two
        starts that had, 3 to 20 of others; no committed command.
    released : cycles without the prior, from where the ones with it ended: an alternative for
        narrow gaps.
    last : cycles with the pseudo-gap measured again.
    again : of as many starts once more, with the gap alone hidden, where held-out voxels like what
        was computed.
    generations : at most, of states that have not found the crystal; see `generations`.
    agreeing : correlation of two objects from which on they agree.
    crossed : states of a generation that are crossed with the best one, which is one of them.
    background : how a constant background is looked for.
    heeded : cycles without the background, from where the ones with it ended: held-out voxels say
        whether one that was found stays; one that was given does.
    coherence : how the beam's coherence is estimated.
    checked : cycles of the best start with the beam as it was found, and as many as if it were
        coherent: the misfits are compared, and once more when all is measured but the gap.
    formed : cycles after each round in which the beam's point spread function is sharpened.
    density : how an even density is made, as PyNX's cycles make it where the file says so.
    strengths : of the pull to an even density, tried one after another for as long as held-out
        voxels like it.
    evened : cycles with an even density, from where the ones with the prior ended.
    mixing : how the computed intensity is mixed into the fill.
    """

    largest_box: int = 128
    near: float = 1.5
    schedule: Schedule = START_SCHEDULE
    found: float = 3.0
    released: Schedule = Schedule(hio=0, raar=50, er=20)
    last: Schedule = Schedule(hio=0, raar=50, er=20)
    again: Schedule = replace(START_SCHEDULE, hio=330, raar=90, er=35, update_every=18)
    generations: int = 3
    agreeing: float = 0.9
    crossed: int = 4
    background: BackgroundSettings = BackgroundSettings()
    heeded: Schedule = Schedule(hio=0, raar=50, er=20)
    coherence: CoherenceSettings = CoherenceSettings()
    checked: Schedule = Schedule(hio=0, raar=30, er=15)
    formed: Schedule = Schedule(hio=0, raar=20, er=10)
    density: DensitySettings = DensitySettings()
    strengths: tuple[float, ...] = (0.1, 0.3)
    evened: Schedule = Schedule(hio=0, raar=30, er=15)
    mixing: MixingSettings = MixingSettings()

    @property
    def cycles(self) -> int:
        """Cycles that a start takes if it is gone on with to the end; without a background."""
        checked = [self.checked] * (4 if self.coherence.steps else 0)
        checked += [self.formed] * (4 * self.coherence.rounds if self.coherence.steps else 0)
        evened = [self.evened] * len(self.strengths)
        later = (*checked, self.released, self.last, *evened)
        begun = self.schedule.cycles + self.again.cycles
        return begun + sum(schedule.raar + schedule.er for schedule in later)


@dataclass(frozen=True)
class RefinementTask:
    """A region around the peak; arrays (n_rock, n_y, n_x) of the box.

    `counts` are 0 where nothing was measured; in the fills, where nothing was filled either.
    `blind_fill` was made with the pseudo-gap hidden too, `fill` is the one that was given;
    `background` is what the scan shows, `no_background` why it cannot be told; `report` is called
    after each cycle, and `end` looked at; `watch` gets the intensity after each stage. `unseen` are
    the centres, in the scan, of islands that are among the `unknown`, `islands` what was measured
    of them, with their counts; None without any.
    """

    counts: Float32Array
    unknown: BoolArray
    pseudo: BoolArray
    blind_fill: Fill
    fill: Fill
    device: torch.device
    settings: RefinementSettings
    background: Background = NO_BACKGROUND
    no_background: str = ""
    report: Callable[[], None] = lambda: None
    end: EarlyEnd = field(default_factory=EarlyEnd)
    watch: Callable[[Float32Array], None] | None = None
    unseen: IntArray = field(default_factory=lambda: np.zeros((0, 3), dtype=np.int64))
    islands: BoolArray | None = None

    def cycled(self) -> None:
        """What is done after each cycle; it raises KeyboardInterrupt where that was the last."""
        self.report()
        self.end.look()

    @property
    def cycles(self) -> int:
        """Cycles that a start takes if it is gone on with to the end."""
        is_doubted = self.background.level and not self.background.is_given
        without = self.settings.heeded.cycles if is_doubted else 0
        return self.settings.cycles + without

    @property
    def hidden(self) -> BoolArray:
        """What was not measured or is set aside, and the pseudo-gap."""
        return self.unknown | self.pseudo

    @property
    def log_counts(self) -> Float32Array:
        """log(1 + measured counts); held-out ones without the bias that their noise gives them."""
        logs: Float32Array = np.log1p(np.maximum(self.counts, 0))
        logs[self.pseudo] += log_noise_bias(self.blind_fill.counts[self.pseudo])
        return logs

    def amplitudes(self, fill: Fill | None, hidden: BoolArray, background: float) -> Amplitudes:
        """Measured amplitudes, and a fill as the prior of what it filled of the hidden ones.

        Parameters
        ----------
        fill : None for no prior.
        hidden : (n_rock, n_y, n_x) bool, what is not measured.
        background : counts in every voxel, which is taken off.
        """
        prior = None if fill is None else prior_of(fill)
        return amplitudes(self.counts, hidden, prior, self.device, background)

    def coherence_search(self) -> CoherenceSearch:
        """A search for the beam's coherence in what is seen."""
        return CoherenceSearch(
            to_tensor(self.counts, self.device),
            to_tensor(~self.hidden, self.device),
            self.settings.coherence,
            self.background.level,
        )


def prepare_task(
    counts: np.ndarray,
    gap_mask: BoolArray,
    bad_mask: BoolArray,
    fill: Fill,
    model: Model,
    box: Box,
    device: str,
    settings: RefinementSettings,
    background: float | None = None,
    rng: np.random.Generator | None = None,
) -> RefinementTask:
    """Cut the box and fill it with a pseudo-gap hidden too.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) photon counts.
    gap_mask, bad_mask : (n_rock, n_y, n_x) bool, True = to fill, True = invalid.
    fill : what `inpaint` made of them.
    model : fills the pseudo-gap.
    box : the part around the peak.
    device : ``auto``, ``cpu`` or ``cuda``.
    settings : how a fill is refined.
    background : counts in every voxel; None for what the scan shows.
    rng : source of islands of voxels that no start is to see, which stays as it is; None for no
        islands.

    Raises
    ------
    InputError
        There is no fill in the box, or nothing can be held out: a pseudo-gap has no room, or
        cannot be filled.
    """
    gap, unknown = gap_mask[box], (gap_mask | bad_mask)[box]
    if not fill.filled[box].any():
        raise InputError("no filled voxel lies in the box around the peak, expected a gap")
    own = np.where(unknown, 0, counts[box]).astype(np.float32)
    pseudo = make_pseudo_gap(gap, unknown)
    alike = replace(model, calibration=fill.calibration)  # its sigma means what the fill's does
    wide = _across_cut_gaps(gap, box, counts.shape)
    inner = as_box(within(box, wide))
    both, bad = gap_mask[wide].copy(), bad_mask[wide].copy()
    both[inner] |= pseudo
    bad[inner] &= ~pseudo
    filled = inpaint(counts[wide], both, alike, device, bad_mask=bad, calibrate=False)
    blind, given = (_without_marks(one, unknown) for one in (filled.part(inner), fill.part(box)))
    where = pseudo & blind.filled
    if not where.any():
        raise InputError("nothing can be held out: the pseudo-gap sees no light, expected some")
    task = RefinementTask(own, unknown, where, blind, given, choose_device(device), settings)
    task = task if rng is None else _with_islands(task, box, rng)
    return task if background == 0 else _with_background(task, background)


def _without_marks(fill: Fill, unknown: BoolArray) -> Fill:
    """The fill with 0 counts where nothing was measured or filled: 2**32 - 1 may stand there."""
    return replace(fill, counts=np.where(unknown & ~fill.filled, np.float32(0), fill.counts))


def _across_cut_gaps(gap: BoolArray, box: Box, shape: tuple[int, ...]) -> Box:
    """The box, larger across gaps that its edge cuts: they are filled from both of their sides.

    Else they would have no fill with the pseudo-gap hidden, hence no prior, and nothing to compare
    with the fill. `gap` is of the box, `shape` the scan's.
    """
    cut = {
        plane.axis
        for plane in find_planes(gap)
        if plane.start == 0 or plane.stop == gap.shape[plane.axis]
    }
    margins = (FillingSettings.widest * (axis in cut) for axis in range(3))
    return as_box(grow(box, margins, shape))


def _with_islands(task: RefinementTask, box: Box, rng: np.random.Generator) -> RefinementTask:
    """The task with islands that no start sees, by which its objects are judged after it.

    Those of the pseudo-gap still say which computed intensity is believed, the others which form
    the beam has and whether the crystal was found: these are choices among few, and no start is
    fitted to them. The network has seen all of them, and so has what a start's first support and
    brightness are made of.
    """
    own = np.random.default_rng(deepcopy(rng).integers(2**63))
    islands = draw_islands(task.counts.shape, FREE_FRACTION, own)
    if islands is None:  # the box is too small
        return task
    unseen = place_islands(islands, box)
    hidden = islands_in(unseen, box)
    assert hidden is not None, "they were drawn for this box"
    return replace(
        task, unknown=task.unknown | hidden, unseen=unseen, islands=hidden & ~task.unknown
    )


def _with_background(task: RefinementTask, level: float | None) -> RefinementTask:
    """The task with a background, by default the one that its scan shows."""
    if level is not None:
        return replace(task, background=Background(level))
    try:
        found = find_background(task.counts, ~task.unknown, task.settings.background)
    except InputError as error:
        return replace(task, no_background=str(error))
    return replace(task, background=found)
