"""Several starts, by our own chain and by PyNX's command."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from some_objects import some_objects

from bcdi_inpaint.evaluation.crystals import gapped_scan, retrieving
from bcdi_inpaint.evaluation.crystals.config import COMMAND, FREE, CrystalScoresConfig
from bcdi_inpaint.evaluation.crystals.gap_on_crystal import GapOnCrystal, place_gap
from bcdi_inpaint.evaluation.crystals.known_crystal import KnownCrystal
from bcdi_inpaint.evaluation.crystals.object_error import compare
from bcdi_inpaint.evaluation.crystals.retrieving import retrieve_gap, retrieve_kept
from bcdi_inpaint.evaluation.crystals.treatments import parse_treatment
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.phasing.free_voxels import islands_in
from bcdi_inpaint.phasing.handover import HandOver
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.selection import free_misfit
from bcdi_inpaint.scan.boxes import as_box, whole


@pytest.mark.usefixtures("pynx")
@pytest.mark.parametrize("setting", [FREE, COMMAND])
def test_the_best_starts_are_kept_the_best_first(
    setting: str, counts: np.ndarray, particle: tuple[np.ndarray, np.ndarray]
) -> None:
    none = np.zeros(counts.shape, dtype=bool)
    config = CrystalScoresConfig.model_validate(
        {
            "starts": 3,
            "keep": 2,
            "hio": 0,
            "raar": 30,
            "er": 10,
            "command": {"runs": 3, "keep": 2, "raar": 30, "er": 10, "psf": ""},
        }
    )
    handed = HandOver("complete", counts.astype(np.float32), none, none)
    kept = retrieve_kept(handed, setting, config, 4)
    assert len(kept) == 2
    assert free_misfit(kept[0]) <= free_misfit(kept[1])
    again = retrieve_kept(handed, setting, config, 4)
    np.testing.assert_array_equal(kept[0].obj, again[0].obj)
    assert compare(kept[0].obj, particle[0]).phase_rms_rad < 0.3


def test_runs_from_objects_beside_random_ones_are_judged_as_phase_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The random one fits the brightest free voxels best and the faint ones worse."""
    none = np.zeros((8, 8, 8), dtype=bool)

    def run(free: float, error: float, *, begun: bool) -> Reconstruction:
        obj = np.ones(none.shape, np.complex64)
        return Reconstruction(obj, ~none, 1.0, free, (), free_log_error=error, begun=begun)

    at_random, begun = run(1.0, 0.5, begun=False), run(2.0, 0.4, begun=True)
    worse, other = run(3.0, 0.3, begun=True), run(1.5, 0.3, begun=False)
    config = CrystalScoresConfig.model_validate({"command": {"runs": 4, "keep": 3}})
    handed = HandOver("mask", np.ones(none.shape, np.float32), none, none)

    def kept(*found: Reconstruction) -> list[Reconstruction]:
        monkeypatch.setattr(retrieving, "run_preset", lambda *_, **__: [*found])
        return retrieve_kept(handed, COMMAND, config, 4)

    assert kept(worse, at_random, begun) == [begun, at_random, worse]
    assert kept(other, at_random) == [at_random, other]


TOLD = {
    "mask": (0, 0, ("--psf", "gauss,1,0,20")),
    "zero_mask auto": (0, 0, ("--psf", "gauss,1,0,20", "--zero_mask", "auto")),
    "mask + density": (0, 0.3, ("--psf", "gauss,1,0,20")),
    "mask + psf": (0.6, 0, ()),
    "mask + psf + density": (0.6, 0.3, ()),
    "mask + objects": (0, 0, ("--psf", "gauss,1,0,20")),
    "mask + found": (0.6, 0.05, ()),
    "refined prior + objects": (0, 0, ("--psf", "gauss,1,0,20")),
    "refined prior + found": (0.6, 0.05, ()),
}
"""By treatment: the blur, the density's strength, and arguments of PyNX's."""


def test_pynx_is_told_what_a_treatment_knows(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Model
) -> None:
    """The beam is the one that refinement found, and the user's psf gives way to it."""
    counts = np.random.default_rng(0).poisson(20, (32, 32, 32)).astype(np.float32)
    crystal = KnownCrystal("one", counts.astype(np.complex64), counts, counts)
    config = CrystalScoresConfig.model_validate(
        {"command": {"psf": "gauss,1,0,20"}, "density": 0.3, "distances": (2, 3)}
    )
    gap = place_gap(crystal, config, 3, 0, tiny_model, "cpu")
    assert gap is not None
    fill = gap.scan.fill
    smaller = as_box([slice(4, 28)] * 3)
    found = replace(
        fill.report,
        coherence_sigma=(0.6,) * 3,
        density_strength=0.05,
        background=0.7,
        objects=some_objects(smaller, [0.5, 0.75]),
    )
    refined = SimpleNamespace(fill=replace(fill, report=found))
    monkeypatch.setitem(gap.scan.__dict__, "refinement", refined)
    told: dict[str, Any] = {}
    none = np.zeros(counts.shape, dtype=bool)
    one = Reconstruction(crystal.truth, none, 1.0, 1.0, ())
    monkeypatch.setattr(
        retrieving, "run_preset", lambda *given, **options: told.update(options) or [one]
    )
    for name, (sigma, strength, extra) in TOLD.items():
        assert retrieve_gap(gap, COMMAND, parse_treatment(name)) == [one]
        assert told["knowledge"].psf_sigma == (sigma,) * 3, name
        assert told["knowledge"].density.strength == strength, name
        assert told["knowledge"].background == (0.7 if "found" in name else 0), name
        assert told["extra"] == extra, name
        misfits = [0.5, 0.75] if name.endswith(("objects", "found")) else []
        assert [one.misfit for one in told["objects"]] == misfits, name
        assert told["free"] is None  # these have seen all
        assert all(one.obj.shape == counts.shape for one in told["objects"])
    coherent = replace(found, coherence_sigma=(0.0,) * 3)
    gap.scan.refinement.fill = replace(fill, report=coherent)
    retrieve_gap(gap, COMMAND, parse_treatment("refined prior + found"))
    assert told["extra"] == ()  # where a refinement finds the beam coherent, there is no psf


def test_all_treatments_of_a_gap_are_judged_by_what_its_refinement_has_not_seen(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Model
) -> None:
    counts = np.random.default_rng(0).poisson(20, (32, 32, 32)).astype(np.float32)
    crystal = KnownCrystal("one", counts.astype(np.complex64), counts, counts)
    told: dict[str, Any] = {}
    one = Reconstruction(crystal.truth, np.zeros(counts.shape, bool), 1.0, 1.0, ())
    monkeypatch.setattr(
        retrieving, "run_preset", lambda *given, **options: told.update(options) or [one]
    )
    places = np.array([[9, 20, 12], [20, 9, 9]])
    objects = [
        replace(found, unseen=places)
        for found in some_objects(as_box([slice(4, 28)] * 3), [0.5, 0.75])
    ]
    islands = islands_in(places, whole(counts.shape))
    assert islands is not None

    def gap_of(*treatments: str) -> GapOnCrystal:
        names = {"treatments": treatments, "distances": (2, 3)}
        config = CrystalScoresConfig.model_validate(names)
        gap = place_gap(crystal, config, 3, 0, tiny_model, "cpu")
        assert gap is not None
        report = replace(gap.scan.fill.report, objects=tuple(objects))
        refined = SimpleNamespace(fill=replace(gap.scan.fill, report=report))
        monkeypatch.setitem(gap.scan.__dict__, "refinement", refined)
        return gap

    names = ("complete", "mask", "mask + found", "refined prior + found", "prior", "zero")
    for refined in (names, ("mask", "mask + psf"), ("mask", "refined prior")):
        gap = gap_of(*refined)
        for name in names[1:]:
            retrieve_gap(gap, COMMAND, parse_treatment(name))
            np.testing.assert_array_equal(told["free"], islands, name)
    retrieve_gap(gap, COMMAND, parse_treatment("complete"))
    assert told["free"] is None  # it is the same with every gap
    plain = gap_of("mask", "prior", "mask + density")
    del plain.scan.__dict__["refinement"]
    monkeypatch.setattr(gapped_scan, "refine", None)  # nothing is refined for it
    retrieve_gap(plain, COMMAND, parse_treatment("mask"))
    assert told["free"] is None
