"""How a run of PyNX's runner begins and ends, by the runner's parameters."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bcdi_inpaint.phasing import pynx_course
from bcdi_inpaint.phasing.carried_fill import Cycles
from bcdi_inpaint.phasing.pynx_course import (
    BeginsAtObjects,
    cycles_of,
    describe,
    from_object,
    is_ours,
    may_begin_at_objects,
    settle,
    settling,
)
from bcdi_inpaint.phasing.pynx_preset import Preset
from bcdi_inpaint.phasing.pynx_runs import check_arguments
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.found_object import FoundObject

CHOSEN = {
    "an algorithm": ("--algorithm", "er**50,raar**600"),
    "a support that stays": ("--support_update_period", "0"),
    "a support's shape": ("--support", "sphere", "--support_size", "8"),
    "a support's formula": ("--support_formula", "sqr(x)+sqr(y)+sqr(z)<64"),
    "ML at the end": ("--nb_ml", "10"),
}
"""By what makes the course of a run the user's: the arguments."""


def params_of(*words: str) -> dict[str, Any]:
    """As PyNX's runner has them."""
    return check_arguments(Preset(hio=400, raar=600, er=200), words)


@pytest.mark.usefixtures("pynx")
def test_the_course_is_ours_where_the_user_chose_none() -> None:
    assert is_ours(params_of())
    assert is_ours(params_of("--nb_hio", "100", "--psf", "gaussian,1,20", "--beta", "0.8"))
    assert may_begin_at_objects(params_of())
    assert cycles_of(params_of(), begun=False) == Cycles(1000, 1000 + 200 + 100 + 50)
    assert cycles_of(params_of(), begun=True) == Cycles(0, 50)


@pytest.mark.usefixtures("pynx")
@pytest.mark.parametrize("name", CHOSEN)
def test_what_a_user_chose_ends_as_they_wish(name: str) -> None:
    params = params_of(*CHOSEN[name])
    assert not is_ours(params)
    assert not may_begin_at_objects(params)
    assert not any(settling(params).values())
    assert settle("as it was", params) == "as it was"
    assert "stays" not in describe(params, begun=False)


@pytest.mark.usefixtures("pynx")
@pytest.mark.parametrize(
    "words", [("--rebin", "1", "2", "2"), ("--roi", "4", "28", "8", "32", "4", "28")]
)
def test_a_part_or_bins_are_not_what_objects_are_of(words: tuple[str, ...]) -> None:
    assert is_ours(params_of(*words))
    assert not may_begin_at_objects(params_of(*words))


@pytest.mark.usefixtures("pynx")
def test_from_an_object_there_is_no_twin_and_no_other_support() -> None:
    changed = from_object(params_of())
    assert changed["nb_hio"] == changed["detwin"] == 0
    assert (changed["nb_raar"], changed["nb_er"]) == (0, 50)
    assert changed["support_update_period"] > 50
    assert from_object(params_of() | {"inpaint_handover": "prior"}) == changed
    blurred = from_object(params_of("--psf", "gaussian,1,20"))
    assert (blurred["nb_raar"], blurred["nb_er"]) == (2, 50)
    assert blurred["support_update_period"] > 52
    assert from_object(params_of("--nb_raar", "1", "--nb_er", "1"))["nb_er"] == 1  # not nothing


@pytest.mark.usefixtures("pynx")
@pytest.mark.parametrize(("word", "held"), [("0", "0"), ("auto", 0), ("Auto", 0), ("1", "1")])
def test_from_an_object_masked_voxels_are_free_unless_they_are_to_be_zero(
    word: str, held: object
) -> None:
    """By ``auto`` PyNX frees them within HIO and RAAR, of which there are none."""
    params = params_of("--zero_mask", word)
    assert (params | from_object(params))["zero_mask"] == held


@pytest.mark.usefixtures("pynx")
def test_a_course_is_told_in_words() -> None:
    params = params_of()
    own = "HIO 400, RAAR 600, ER 200"
    assert describe(params, begun=False) == f"{own}, with a support that stays RAAR 100, ER 50"
    assert describe(params, begun=True) == "from an object of the refinement, ER 50"
    few = params_of("--nb_hio", "0", "--nb_raar", "2", "--nb_er", "1")
    assert describe(few, begun=False) == "RAAR 2, ER 1"
    ml = params_of("--nb_ml", "10")
    assert describe(ml, begun=False) == f"{own}, ML 10"
    algorithm = params_of(*CHOSEN["an algorithm"])
    assert describe(algorithm, begun=False) == "er**50,raar**600"


class Operators:
    """PyNX's operators, which leave a list of what was done."""

    def __init__(self) -> None:
        self.done: list[tuple[str, int, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda **options: Operator(self, name, options)


class Operator:
    def __init__(self, operators: Operators, name: str, options: dict[str, Any]) -> None:
        self.operators, self.name, self.options, self.times = operators, name, options, 1

    def __pow__(self, times: int) -> Operator:
        self.times = times
        return self

    def __mul__(self, cdi: Any) -> Any:
        self.operators.done.append((self.name, self.times, self.options))
        return cdi


class Cdi:
    """A `CDI` with a support of one voxel in the middle."""

    def __init__(self) -> None:
        self.support = np.zeros((6, 7, 8), np.int8)
        self.support[3, 3, 4] = 1

    def get_support(self, shift: bool) -> np.ndarray:
        return self.support if shift else np.fft.fftshift(self.support)

    def set_support(self, support: np.ndarray, shift: bool) -> None:
        self.support = support if shift else np.fft.fftshift(support)


def test_at_the_end_the_support_is_a_voxel_wider_and_all_else_as_before(
    pynx: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cdi, operators = Cdi(), Operators()
    monkeypatch.setattr(pynx_course, "import_pynx", lambda name: operators)
    params = params_of("--beta", "0.8", "--positivity", "--zero_mask", "1")
    assert settle(cdi, params, update_psf=20) is cdi
    assert cdi.support.sum() == 7
    assert cdi.support[3, 3, 4] == cdi.support[2, 3, 4] == cdi.support[3, 3, 5] == 1
    (raar, n_raar, of_raar), (er, n_er, of_er), (last, n_last, of_last) = operators.done
    assert [(raar, n_raar), (er, n_er)] == [("RAAR", 100), ("ER", 50)]
    assert (last, n_last) == ("FourierApplyAmplitude", 1)
    assert of_raar.pop("beta") == 0.8
    assert of_raar == of_er
    assert (of_er["positivity"], of_er["zero_mask"], of_er["update_psf"]) == (True, True, 20)
    assert of_last.pop("calc_llk")
    assert of_last.pop("obj_stats")
    assert of_last.items() < of_er.items()
    for name in ("confidence_interval_factor_mask_min", "confidence_interval_factor_mask_max"):
        assert of_er[name] == of_last[name] == params[name]


@pytest.mark.parametrize(("word", "held"), [("0", False), ("auto", False), ("1", True)])
def test_masked_voxels_are_held_at_zero_to_the_end_if_that_was_asked(
    pynx: str, monkeypatch: pytest.MonkeyPatch, word: str, held: bool
) -> None:
    """By ``auto`` PyNX frees them long before."""
    operators = Operators()
    monkeypatch.setattr(pynx_course, "import_pynx", lambda name: operators)
    settle(Cdi(), params_of("--zero_mask", word))
    assert {options["zero_mask"] for _, _, options in operators.done} == {held}


class ThreeObjects(BeginsAtObjects):
    """Of a scan that has objects for three runs."""

    def __init__(self, n_runs: int) -> None:
        self.params = params_of("--nb_run", str(n_runs))
        self.cdi = SimpleNamespace(iobs=np.ones((4, 4, 4)))
        full = np.ones((4, 4, 4))
        box = whole(full.shape)
        self.three = [FoundObject(k * full + 0j, full > 0, box, k) for k in (1, 2, 3)]

    def objects(self) -> list[FoundObject]:
        return self.three


@pytest.mark.usefixtures("pynx")
@pytest.mark.parametrize(("n_runs", "n_begun"), [(1, 1), (3, 2), (4, 3), (9, 3)])
def test_a_third_of_the_runs_stays_random(n_runs: int, n_begun: int) -> None:
    scan = ThreeObjects(n_runs)
    begun = [scan.object_of(number) for number in range(n_runs + 2)]
    assert begun[1 : n_begun + 1] == scan.three[:n_begun]
    assert begun[0] is None
    assert set(begun[n_begun + 1 :]) == {None}
