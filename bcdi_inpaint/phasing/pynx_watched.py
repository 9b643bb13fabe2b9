"""A scan of PyNX's own runner that is given in memory, and whose runs are watched.

PyNX's loop over the runs stays PyNX's. Beside it each run gets random numbers of its own, tells its
cycles and leaves its object; those that were done before are not done again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.carried_fill import CarriedFill
from bcdi_inpaint.phasing.free_voxels import (
    FREE_FRACTION,
    draw_islands,
    free_log_error,
    set_free_mask,
    set_free_voxels,
)
from bcdi_inpaint.phasing.handover import OURS, HandOver
from bcdi_inpaint.phasing.pynx_course import cycles_of, describe, refuse_other_grids, settle
from bcdi_inpaint.phasing.pynx_knowledge import Knowledge, KnowsPhysics, with_knowledge
from bcdi_inpaint.phasing.pynx_runs import Runs
from bcdi_inpaint.phasing.pynx_scan import CarriesFill, with_carried_fill
from bcdi_inpaint.phasing.reconstruction import Reconstruction, is_object
from bcdi_inpaint.pynx_engine import import_pynx
from bcdi_inpaint.scan.boxes import Box, as_box
from bcdi_inpaint.scan.found_object import FoundObject

FREE_LOG_ERROR = "inpaint_free_log_error"
"""What results say of it, by PyNX's parameters: see `free_voxels.free_log_error`."""
TRIES = 5
"""How often PyNX's runner tries a run whose support is lost, each time with another threshold."""


def scan_class(base: type, runs: Runs) -> type:
    """A runner's scan class for these runs."""
    filled = with_carried_fill(with_knowledge(base, _KnowsAsRuns), _Watched)
    return type("WatchedScan", (filled,), {"runs": runs})


class _KnowsAsRuns(KnowsPhysics):
    """A scan that knows what its runs are told."""

    runs: Runs

    def knowledge(self) -> Knowledge:
        """What the runs know."""
        return self.runs.knowledge

    def objects(self) -> Sequence[FoundObject]:
        """What the first runs begin at; none where a support was given."""
        return self.runs.objects if self.runs.support is None else ()


class _Watched(CarriesFill):
    """The steps of a runner's scan, told of."""

    runs: Runs
    cdi: Any
    saved_results: list[dict[str, Any]]
    final: HandOver
    box: Box
    tries = 0
    next_run = 1
    is_settled = False
    course = ""

    def bring(self) -> CarriedFill:
        """The scan from memory, and what is known of it."""
        handed, keeper = self.runs.handed, self.runs.keeper
        self.iobs = np.array(handed.counts, np.float32)
        self.mask = handed.bad_mask.astype(np.int8)
        self.params.update({} if keeper is None else keeper.values)
        if keeper is None:
            self.params["nb_run_keep"] = None  # which is about files
        refuse_other_grids(self.params)
        return CarriedFill.of(handed)

    def init_support(self) -> None:
        """The support that was given, or PyNX's own."""
        if self.runs.support is None:
            super().init_support()  # type: ignore[misc]
        else:
            self.support = self.runs.support.astype(np.int8)

    def prepare_data(self, *args: Any, **options: Any) -> None:
        """PyNX's own; then the first run begins."""
        super().prepare_data(*args, **options)  # type: ignore[misc]
        self.final, self.box = self._as_cut()
        self.runs.begin(1)

    def _as_cut(self) -> tuple[HandOver, Box]:
        """What is phased after PyNX's cropping and binning, and where in the scan that is."""
        assert self.carried is not None, "brought with the data"
        ends = [int(end) for end in self.params["roi_final"]]
        box = as_box(slice(*ends[k : k + 2]) for k in (0, 2, 4))
        masked = self.mask > 0
        counts = np.where(masked, self.carried.counts, self.iobs)
        handed = self.runs.handed
        filled = self.carried.filled & ~masked
        constraint = self.carried.constraint()
        return HandOver(handed.name, counts, masked, filled, constraint, handed.release_after), box

    def _init_free_pixel_mask(self, iobs: Any) -> None:
        if self.params["free_pixel_mask"] is not None:
            super()._init_free_pixel_mask(iobs)
            return
        if self.runs.free is not None:
            given = self.runs.free[self.box]
            is_whole = given.shape == iobs.shape  # else the data were binned, or cut off
            if is_whole and set_free_mask(self.cdi, given, self.final.filled):
                return
        islands = draw_islands(iobs.shape, FREE_FRACTION, self.runs.free_voxels())
        set_free_voxels(self.cdi, self.final.filled, islands)

    def _known(self, number: int) -> tuple[str, Reconstruction] | None:
        """A run that was done; one that left no object is done again."""
        keeper = self.runs.keeper
        known = None if keeper is None else keeper.known().get(number)
        return known if known is not None and is_object(known[1].obj) else None

    def prepare_cdi(self) -> None:
        """Nothing for a run that is done."""
        self.is_ready = self._known(self.next_run) is None
        if self.is_ready:
            self._prepare()

    def _prepare(self) -> None:
        """Start a run; the first one too from a `CDI` that has its free voxels already.

        Otherwise its autocorrelation would hold them, and a run would depend on being the first.
        """
        if self.cdi is None:
            of_numpy, of_python = np.random.get_state(), random.getstate()
            super().prepare_cdi()
            np.random.set_state(of_numpy)
            random.setstate(of_python)
        super().prepare_cdi()

    def run(self, file_name: str | None = None, run_n: int = 1) -> None:
        """PyNX's own, watched; a run that is done is told again."""
        number = int(run_n)
        self.next_run = number
        known = self._known(number)
        if known is not None:
            self.saved_results.append(_as_saved(*known))
            self._ended(
                number, _in_place(replace(known[1], run=number), self._given(number), self.box)
            )
            return
        if not self.is_ready:
            self._prepare()
        self._watch(number)
        before = dict(self.params)
        begun = self._begins_at_object(number)
        self.course = describe(self.params, begun=begun)
        self.is_settled = begun
        try:
            super().run(file_name=file_name, run_n=number)  # type: ignore[misc]
            self._settle()
        except self._lost() as error:
            self.tries += 1
            if self.tries >= TRIES:
                self._ended(number, _lost_support(error))
            raise
        finally:
            self.params.update(before)  # an algorithm string changes some, for this run alone
        self._ended(number, self._outcome(number))

    def _given(self, number: int) -> HandOver:
        """What a run is given: one that begins at an object leaves the gap free."""
        if self.final.name not in OURS or not self._begins_at_object(number):
            return self.final
        return replace(self.final, name="mask", constraint=None, release_after=None)

    def _begins_at_object(self, number: int) -> bool:
        return self.object_of(number) is not None  # type: ignore[attr-defined]

    def _settle(self) -> None:
        """Cycles with a support that stays, before a result is saved or told."""
        if not self.is_settled:
            self.is_settled = True
            psf = self.get_psf()  # type: ignore[attr-defined]
            self.cdi = settle(self.cdi, self.params, psf[-1] if psf else 0)

    def _ended(self, number: int, outcome: Reconstruction | InputError) -> None:
        self.tries, self.next_run = 0, number + 1
        if self.runs.keeper is None and number == self.params["nb_run"]:
            self.params["save"] = "none"  # else PyNX would move its links to the best file
        self.runs.take(number, outcome)
        self.runs.begin(number + 1)

    def _lost(self) -> tuple[type[Exception], ...]:
        module = import_pynx("cdi")
        return module.SupportTooSmall, module.SupportTooLarge

    def _watch(self, number: int) -> None:
        """Tell the cycles of this run as PyNX counts them."""
        each = [
            cycles_of(self.params, begun=self._begins_at_object(run)).all
            for run in range(1, int(self.params["nb_run"]) + 1)
        ]
        before, own = sum(each[: number - 1]), type(self.cdi)

        def tell(done: int) -> None:
            self.runs.progress(before + min(done, each[number - 1]), sum(each))

        if not issubclass(own, _TellsCycles):  # the same `CDI` serves all runs
            self.cdi.__class__ = type(f"Watched{own.__name__}", (_TellsCycles, own), {})
        self.cdi.tell = tell

    def save_result(self, file_name: str | None = None, verbose: bool = True) -> None:
        """Where the keeper wants it; nowhere without one, or if it is no object: not done yet."""
        self._settle()
        keeper, obj = self.runs.keeper, self._inside()
        if keeper is not None and is_object(obj):
            self.params[FREE_LOG_ERROR] = free_log_error(self.cdi, obj)
            with keeper.saving(self.next_run):
                super().save_result(file_name, verbose)  # type: ignore[misc]

    def _inside(self) -> np.ndarray:
        """The object of the `CDI`, zero outside the support."""
        found: np.ndarray = self.cdi.get_obj(shift=True) * (self.cdi.get_support(shift=True) > 0)
        return found

    def _outcome(self, number: int) -> Reconstruction | InputError:
        """What the `CDI` holds at the end of a run, as PyNX saves it."""
        cdi, llk = self.cdi, self.cdi.get_llk()
        obj, support = cdi.get_obj(shift=True), cdi.get_support(shift=True) > 0
        if not is_object(obj * support):
            return InputError(
                "the retrieval diverged (the object is not finite, or zero everywhere), expected a "
                "particle: check the counts and the mask, or try another seed"
            )
        shift = import_pynx("utils.phase").shift_phase_zero
        square = np.abs(obj) ** 2
        found = Reconstruction(
            (shift(obj, mask=support, stack=False) * support).astype(np.complex64),
            support,
            float(llk[0]),
            float(llk[3]) if cdi.nb_free_points else float("nan"),
            (),
            self.box,
            self._given(number),
            run=number,
            threshold=float(self.params["support_threshold"]),
            outside=float((square * ~support).sum() / square.sum()),
            free_log_error=free_log_error(cdi, obj * support),
            begun=self._begins_at_object(number),
        )
        return replace(found, log=(f"{self.course}: {found.figures}",))


def _in_place(found: Reconstruction, final: HandOver, box: Box) -> Reconstruction:
    """A result that was read, in the whole array; one that was saved cut lies in its middle."""
    missing = [n - own for n, own in zip(final.counts.shape, found.obj.shape, strict=True)]
    around = [(part // 2, part - part // 2) for part in missing]
    obj, support = np.pad(found.obj, around), np.pad(found.support, around)
    return replace(found, obj=obj, support=support, box=box, handed=final)


def _as_saved(name: str, found: Reconstruction) -> dict[str, Any]:
    """What PyNX notes of a result that it has saved."""
    return {
        "file_name": name,
        "llk_poisson": found.llk,
        "llk_poisson_free": found.llk_free,
        "nb_point_support": int(found.support.sum()),
        "obj2_out": found.outside,
    }


def _lost_support(error: Exception) -> InputError:
    return InputError(
        f"the support was lost {TRIES} times ({error}), expected a particle: give another "
        "--support_threshold or --support_autocorrelation_threshold after -- , or a smaller --crop"
    )


class _TellsCycles:
    """A `CDI` that tells how many cycles of its run are done."""

    tell: Callable[[int], None]
    _cycle = 0

    @property
    def cycle(self) -> int:
        return self._cycle

    @cycle.setter
    def cycle(self, done: int) -> None:
        self._cycle = done
        self.tell(done)
