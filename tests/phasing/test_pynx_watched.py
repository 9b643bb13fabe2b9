"""Runs that begin at objects which were found before, and how the others end."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from kept_runs import Keeps
from scipy.ndimage import binary_dilation
from some_objects import object_of

from bcdi_inpaint.evaluation.crystals.object_error import compare
from bcdi_inpaint.phasing import pynx_watched
from bcdi_inpaint.phasing.constraints import IntervalConstraint, PriorConstraint
from bcdi_inpaint.phasing.density import DensitySettings
from bcdi_inpaint.phasing.handover import HandOver
from bcdi_inpaint.phasing.pynx_knowledge import Knowledge
from bcdi_inpaint.phasing.pynx_preset import Preset
from bcdi_inpaint.phasing.pynx_runs import run_preset
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.scan.boxes import as_box, whole
from bcdi_inpaint.scan.found_object import FoundObject

SHORT = Preset(hio=0, raar=8, er=4, runs=2)
MIDDLE = as_box([slice(8, 40)] * 3)
pytestmark = pytest.mark.usefixtures("pynx")


@pytest.fixture
def handed(counts: np.ndarray) -> HandOver:
    """The middle of a complete scan."""
    none = np.zeros((32, 32, 32), bool)
    return HandOver("mask", counts[MIDDLE].astype(np.float32), none, none)


@pytest.fixture
def truth(particle: tuple[np.ndarray, np.ndarray], counts: np.ndarray) -> FoundObject:
    """The particle there, with a support as a refinement has it."""
    amplitude = np.fft.fftn(particle[0])
    scale = np.sqrt(1e6 * amplitude.size / np.max(np.abs(amplitude) ** 2))
    support = binary_dilation(particle[1], iterations=2)
    return object_of(scale * particle[0], whole(counts.shape), support).in_box(MIDDLE)


def test_the_first_runs_begin_at_objects_and_keep_their_supports(
    handed: HandOver, truth: FoundObject
) -> None:
    begun, at_random = run_preset(handed, SHORT, objects=[truth])
    inside = np.abs(truth.obj) > 0.3 * np.abs(truth.obj).max()
    near, far = (compare(one.obj, truth.obj, inside).phase_rms_rad for one in (begun, at_random))
    assert near < 0.02
    assert far > 10 * near
    np.testing.assert_array_equal(begun.support, truth.support)
    assert not begun.obj[~truth.support].any()
    assert begun.llk < 0.1 * at_random.llk
    assert begun.log[0].startswith("from an object of the refinement, ER 1: free log error ")
    assert at_random.log[0].startswith("RAAR 8, ER 4, with a support that stays RAAR 1, ER 1: ")
    plain = run_preset(handed, SHORT)
    assert [one.begun for one in (begun, at_random, *plain)] == [True, False, False, False]
    np.testing.assert_array_equal(at_random.obj, plain[1].obj)
    assert at_random.threshold == plain[1].threshold
    again = run_preset(handed, SHORT, objects=[truth])
    np.testing.assert_array_equal(again[0].obj, begun.obj)


def test_each_of_several_objects_has_a_run(handed: HandOver, truth: FoundObject) -> None:
    wider = replace(truth, support=binary_dilation(truth.support))
    one, other = run_preset(handed, SHORT, objects=[truth, wider, truth])
    np.testing.assert_array_equal(one.support, truth.support)
    np.testing.assert_array_equal(other.support, wider.support)


def _smaller(truth: FoundObject) -> FoundObject:
    return truth.in_box(as_box([slice(12, 36)] * 3))


def _elsewhere(truth: FoundObject) -> FoundObject:
    """The object is zero where the boxes do not meet."""
    return truth.in_box(as_box([slice(60, 92)] * 3))


@pytest.mark.parametrize("change", [_smaller, _elsewhere])
def test_objects_that_are_none_of_what_is_phased_are_ignored(
    handed: HandOver, truth: FoundObject, change: Any
) -> None:
    one = replace(SHORT, runs=1)
    (found,), (plain,) = (
        run_preset(handed, one, objects=objects) for objects in ([change(truth)], [])
    )
    np.testing.assert_array_equal(found.obj, plain.obj)
    assert found.log == plain.log


@pytest.mark.parametrize(
    "extra",
    [
        ("--rebin", "1", "2", "2"),
        ("--roi", "4", "28", "4", "28", "4", "28"),
        ("--algorithm", "er**2,raar**3"),
        ("--support_update_period", "0"),
    ],
)
def test_where_the_user_says_what_is_phased_and_how_objects_are_ignored(
    handed: HandOver, truth: FoundObject, extra: tuple[str, ...]
) -> None:
    one, told = replace(SHORT, runs=1), [list[tuple[int, int]](), list[tuple[int, int]]()]
    (found,), (plain,) = (
        run_preset(
            handed,
            one,
            objects=objects,
            extra=extra,
            progress=lambda *step, seen=seen: seen.append(step),
        )
        for objects, seen in zip(([truth], []), told, strict=True)
    )
    np.testing.assert_array_equal(found.obj, plain.obj)
    assert found.log == plain.log
    assert told[0] == told[1]
    is_theirs = extra[0] not in ("--rebin", "--roi")
    assert ("stays" in found.log[0]) != is_theirs
    assert told[0][-1][1] == (5 if extra[0] == "--algorithm" else 12 if is_theirs else 14)


@pytest.fixture
def supports(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """What PyNX's own cycles leave."""
    left: list[np.ndarray] = []
    own = pynx_watched.settle

    def settle(cdi: Any, *given: Any) -> Any:
        left.append(cdi.get_support(shift=True) > 0)
        return own(cdi, *given)

    monkeypatch.setattr(pynx_watched, "settle", settle)
    return left


def test_a_run_ends_with_a_support_that_is_a_voxel_wider_than_pynx_s(
    handed: HandOver, supports: list[np.ndarray]
) -> None:
    found = run_preset(handed, replace(SHORT, raar=30), extra=["--support_update_period", "10"])
    assert len(supports) == len(found) == 2
    for one, own in zip(found, supports, strict=True):
        np.testing.assert_array_equal(one.support, binary_dilation(own))
        assert not one.obj[~one.support].any()


def test_a_given_support_that_is_cut_anew_ends_so_too(
    handed: HandOver, truth: FoundObject, supports: list[np.ndarray]
) -> None:
    told: list[tuple[int, int]] = []
    (found,) = run_preset(
        handed,
        replace(SHORT, raar=24, runs=1),
        support=truth.support,
        objects=[truth],
        extra=["--support_update_period", "8"],
        progress=lambda *step: told.append(step),
    )
    np.testing.assert_array_equal(found.support, binary_dilation(supports[0]))
    assert told[-1] == (24 + 4 + 4 + 1,) * 2
    assert found.log[0].startswith("RAAR 24, ER 4, with a support that stays RAAR 4, ER 1: ")


@pytest.mark.parametrize("n_objects", [0, 1, 2])
def test_progress_goes_to_all_and_never_back(
    handed: HandOver, truth: FoundObject, n_objects: int
) -> None:
    told: list[tuple[int, int]] = []
    run_preset(
        handed,
        replace(SHORT, raar=12, er=16),
        objects=[truth] * n_objects,
        progress=lambda *step: told.append(step),
    )
    total = n_objects * 4 + (2 - n_objects) * (12 + 16 + 2 + 4)
    assert told[-1] == (total, total)
    assert told == sorted(told)
    assert {everything for _, everything in told} == {total}
    assert len(set(told)) == total + (told[0][0] == 0)  # no cycle is left out


@pytest.mark.parametrize("done", [(1,), (2,), (2, 3), (1, 2, 3)])
def test_the_rest_of_the_runs_is_as_if_all_were_done_at_once(
    handed: HandOver,
    truth: FoundObject,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    done: tuple[int, ...],
) -> None:
    monkeypatch.chdir(tmp_path)  # PyNX links the latest result there
    preset, shifted = replace(SHORT, raar=4, er=2, runs=3), replace(truth, obj=1j * truth.obj)
    objects = [truth, shifted]
    together = run_preset(handed, preset, objects=objects)
    keeper = Keeps({number: (f"{number}.cxi", together[number - 1]) for number in done})
    told: list[int] = []
    rest = run_preset(
        handed,
        preset,
        objects=objects,
        keeper=keeper,
        report=lambda number, outcome: told.append(number),
    )
    assert told == [1, 2, 3]
    for one, same in zip(rest, together, strict=True):
        np.testing.assert_array_equal(one.obj, same.obj)
        np.testing.assert_array_equal(one.support, same.support)
        assert one.llk_free == same.llk_free


class Saves(Keeps):
    """Lets PyNX save, and notes which runs."""

    def __init__(self, known: dict[int, tuple[str, Reconstruction]]) -> None:
        super().__init__(known)
        self.values, self.saved = {}, list[int]()

    def saving(self, run: int) -> Any:
        self.saved.append(run)
        return super().saving(run)


def test_a_run_that_diverged_is_not_saved_and_not_taken_for_done(
    handed: HandOver, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    preset = replace(SHORT, raar=4, er=2)
    good = run_preset(handed, preset)
    own, outcomes = pynx_watched.settle, dict[int, Any]()

    def diverge(cdi: Any, *given: Any) -> Any:
        cdi = own(cdi, *given)
        if not outcomes:
            cdi._obj[:] = np.nan
        return cdi

    monkeypatch.setattr(pynx_watched, "settle", diverge)
    keeper = Saves({})
    (found,) = run_preset(handed, preset, keeper=keeper, report=outcomes.__setitem__)
    assert found.run == 2
    assert keeper.saved == [2]
    assert str(outcomes[1]).startswith("the retrieval diverged")
    lost = replace(found, obj=np.full_like(found.obj, np.nan), llk=np.nan, llk_free=np.nan)
    keeper = Saves({1: ("1.cxi", lost), 2: ("2.cxi", found)})  # as files of before may hold
    again = run_preset(handed, preset, keeper=keeper)
    assert keeper.saved == [1]
    np.testing.assert_array_equal(again[0].obj, good[0].obj)


def test_what_depends_on_how_far_a_run_is_goes_by_the_runs_own_cycles(
    handed: HandOver, truth: FoundObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounds that are dropped half way, a prior that grows stricter, a density from the middle."""
    gap = np.zeros((32, 32, 32), bool)
    gap[:, :, 20:24] = True
    masked = replace(
        handed,
        name="staged",
        counts=np.where(gap, np.nan, handed.counts),
        bad_mask=gap,
        constraint=IntervalConstraint(
            np.zeros(gap.shape, np.float32),
            np.where(gap, 2 * handed.counts + 1, np.inf).astype(np.float32),
        ),
        release_after=0.5,
    )
    paces = []
    own = pynx_watched._Watched._watch

    def watch(watched: Any, number: int) -> None:
        own(watched, number)
        tell = watched.cdi.tell

        def note(done: int) -> None:
            held, density = watched.held, watched.density
            paces.append((held.cycles, held.release_after, density.cycles))
            tell(done)

        watched.cdi.tell = note

    monkeypatch.setattr(pynx_watched._Watched, "_watch", watch)
    even = Knowledge(density=DensitySettings(strength=0.1, margin=2))
    run_preset(masked, replace(SHORT, raar=24, er=16), objects=[truth], knowledge=even)
    assert [pace for pace, _ in groupby(paces)] == [(24, 0, 4), (24, 20, 24)]
    paces.clear()
    run_preset(masked, replace(SHORT, raar=0, er=16, runs=1), knowledge=even)
    assert {*paces} == {(0, 8, 16)}


def test_from_an_object_the_gap_is_free(handed: HandOver, truth: FoundObject) -> None:
    """The object holds what the fill says; another pull towards the fill leads away from it."""
    gap = np.zeros((32, 32, 32), bool)
    gap[:, :, 18:22] = True
    masked = replace(handed, counts=np.where(gap, np.nan, handed.counts), bad_mask=gap)
    sigma = np.where(gap, 0.1, np.inf).astype(np.float32)
    wrong = PriorConstraint(np.where(gap, 5 * handed.counts + 3, 0).astype(np.float32), sigma)
    filled = replace(masked, name="prior", constraint=wrong)
    preset = replace(SHORT, raar=16, er=16)
    (begun, at_random), (free, plain) = (
        run_preset(each, preset, objects=[truth]) for each in (filled, masked)
    )
    np.testing.assert_array_equal(begun.obj, free.obj)
    assert not np.allclose(at_random.obj, plain.obj)  # where the fill is heeded
    for run, name in ((begun, "mask"), (at_random, "prior")):
        assert run.handed is not None
        assert run.handed.name == name
        assert (run.handed.constraint is None) == (name == "mask")


def test_from_an_object_the_gap_is_free_by_zero_mask_auto_too(
    handed: HandOver, truth: FoundObject
) -> None:
    gap = np.zeros((32, 32, 32), bool)
    gap[:, :, 18:22] = True
    masked = replace(handed, counts=np.where(gap, 0, handed.counts), bad_mask=gap)
    once = replace(SHORT, er=16, runs=1)
    (free,), (auto,) = (
        run_preset(masked, once, objects=[truth], extra=("--zero_mask", word))
        for word in ("0", "auto")
    )
    np.testing.assert_array_equal(auto.obj, free.obj)


def test_a_psf_of_the_users_is_heeded_from_an_object_too(
    handed: HandOver, truth: FoundObject
) -> None:
    """PyNX begins one in the midst of RAAR, and stumbles where there is none."""
    once = replace(SHORT, er=16, runs=1)
    (sharp,), (blurred,) = (
        run_preset(handed, once, objects=[truth], extra=extra)
        for extra in ((), ("--psf", "gaussian,1,3"))
    )
    assert blurred.log[0].startswith("from an object of the refinement, RAAR 2, ER 4: ")
    np.testing.assert_array_equal(blurred.support, truth.support)
    assert not np.allclose(np.abs(blurred.obj), np.abs(sharp.obj), rtol=1e-3)
