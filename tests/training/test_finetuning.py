"""Fine-tuning on next to nothing: what it keeps, what it never looks at, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_training import CROSS, QUICK, same, state

from bcdi_inpaint.checks.gap_search import find_gaps
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.network.kinds import make_network
from bcdi_inpaint.network.published.chavez import MsdNetChavezConfig, TuNetConfig
from bcdi_inpaint.network.weights import Model, load_model, save_weights
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.training import finetuning, lessons, scan_training
from bcdi_inpaint.training.finetuning import finetune, finetune_on
from bcdi_inpaint.training.held_out import HeldOutScore
from bcdi_inpaint.training.lessons import Lesson, lesson


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetuning, "SETTINGS", QUICK)


def test_a_fault_is_unlearned_and_the_model_given_stays(adaptation: Any) -> None:
    result = adaptation.found
    assert result.improved
    assert result.after.mse_log < 0.8 * result.before.mse_log
    assert result.after.poisson_deviance < result.before.poisson_deviance
    assert same(adaptation.before, state(adaptation.model.network))
    assert not same(adaptation.before, state(result.model.network))
    assert result.before.n_voxels == result.after.n_voxels > 100
    assert f"held out, before: {result.before}" in adaptation.said
    assert adaptation.said[-1] == "kept: the adapted weights"


def test_a_network_as_published_keeps_the_patches_that_it_may_be_shown(
    given: Lesson, tmp_path: Path
) -> None:
    config = MsdNetChavezConfig(n_dim=3, inputs="published", layers=2)
    model = Model(make_network(config).eval(), "msd", "0" * 64, patch=16)
    finetune_on([given], model, steps=1, device="cpu").save(tmp_path / "a.safetensors")
    assert load_model(tmp_path / "a.safetensors").own_patch == 16


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (MsdNetChavezConfig(n_dim=2, layers=2), "has 2 dimensions, expected 3"),
        (TuNetConfig(n_dim=3, depth=7, base=2), "takes patches of a multiple of 64 voxels"),
    ],
)
def test_a_network_that_takes_no_patch_of_a_scan_is_refused(
    given: Lesson, config: Any, said: str
) -> None:
    model = Model(make_network(config).eval(), "other", "0" * 64)
    with pytest.raises(InputError, match=said):
        finetune_on([given], model, steps=1, device="cpu")


def test_what_did_not_get_better_stays_as_it_was(
    given: Lesson, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_training, "count_loss", lambda p, s, t, g: -((p - t)[g] ** 2).mean())
    said: list[str] = []
    result = finetune_on([given], model, steps=5, device="cpu", say=said.append)
    assert not result.improved
    assert result.after.mse_log > result.before.mse_log
    assert same(state(model.network), state(result.model.network))
    assert said[-1] == "not better: the weights stay as they were"


def test_the_same_seed_gives_the_same_and_another_something_else(
    given: Lesson, model: Model
) -> None:
    first, again, other = (
        finetune_on([given], model, steps=3, seed=seed, device="cpu") for seed in (4, 4, 5)
    )
    assert (first.before, first.after) == (again.before, again.after)
    assert same(state(first.model.network), state(again.model.network))
    assert first.before != other.before


def test_held_out_counts_change_scores_but_no_weights(
    given: Lesson, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it is chosen, no count of the held-out part has a way into the weights."""
    original = lessons.brightest_part
    results = []
    for is_changed in (False, True):

        def part_of(*arguments, is_changed=is_changed):  # type: ignore[no-untyped-def]
            part = original(*arguments)
            where = part.held_out & ~part.unknown
            shuffled = part.log_counts.copy()
            shuffled[where] = np.random.default_rng(0).permutation(shuffled[where])
            return replace(part, log_counts=shuffled) if is_changed else part

        monkeypatch.setattr(lessons, "brightest_part", part_of)
        monkeypatch.setattr(HeldOutScore, "beats", lambda *_: True)
        results.append(finetune_on([given], model, steps=2, device="cpu"))
    assert same(state(results[0].model.network), state(results[1].model.network))
    assert results[0].before != results[1].before


def test_two_scans_are_both_learned_from_and_judged_on(given: Lesson, model: Model) -> None:
    other = replace(given, name="other.cxi")
    one = finetune_on([given], model, steps=1, device="cpu")
    two = finetune_on([given, other], model, steps=1, device="cpu")
    assert two.card["finetuned_on"] == ["peak.cxi", "other.cxi"]
    assert two.before != one.before


def test_progress_counts_to_the_end_and_minutes_stop_earlier(given: Lesson, model: Model) -> None:
    seen: list[tuple[int, int]] = []
    tell = lambda done, total: seen.append((done, total))  # noqa: E731
    finetune_on([given], model, steps=3, device="cpu", progress=tell)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    stopped = finetune_on([given], model, steps=10_000, device="cpu", minutes=1e-5)
    assert stopped.steps < 100


def test_a_scan_that_is_too_dark_is_named(model: Model, scan: Scan) -> None:
    dark = np.zeros_like(scan.counts)
    dark[17, 15:20, 15:20] = 2
    with pytest.raises(InputError, match=r"^dark\.cxi: 25 voxels of the scan have counts"):
        finetune_on([Lesson(Scan(dark, scan.bad_mask), CROSS, ((1, 3),), "dark.cxi")], model)


# --- scans as they are ----------------------------------------------------------------------------


def test_a_scan_alone_does_and_gives_a_model_that_fills(scan: Scan, model: Model) -> None:
    """As its lesson gives; its gaps are found, or given as they were found."""
    expected = finetune_on([lesson(scan, "scan 1")], model, steps=5, device="cpu")
    alone = finetune(scan, model, steps=5, device="cpu")
    finding = finetune(scan, model, gaps=find_gaps(scan), steps=5, device="cpu")
    for found in (alone, finding):
        assert (found.before, found.after) == (expected.before, expected.after)
        assert same(state(found.model.network), state(expected.model.network))
    assert alone.card["finetuned_on"] == ["scan 1"]
    fill = inpaint(scan.counts, gap_mask(CROSS, scan.shape), alone.model, "cpu")
    assert (fill.counts[fill.filled] > 0).all()
    assert fill.model == "tiny, adapted"


def test_weights_in_a_file_do_as_well(scan: Scan, model: Model, tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    save_weights(path, model.network, {}, model.calibration)
    found = finetune(scan, path, steps=1, device="cpu")
    assert found.before == finetune(scan, model, steps=1, device="cpu").before
    assert found.card["parent"] == "tiny.safetensors"


def test_several_scans_have_gaps_in_common_or_each_its_own(scan: Scan, model: Model) -> None:
    other = replace(scan, source=Path("data/other.cxi"))
    own = finetune([scan, other], model, gaps=[CROSS[:1], CROSS], steps=1, device="cpu")
    assert own.card["finetuned_on"] == ["scan 1", "other.cxi"]
    assert own.card["gaps"] == ["3 rows", "3 rows", "2 cols"]
    common = finetune([scan, other], model, gaps=CROSS[:1], steps=1, device="cpu")
    assert common.card["gaps"] == ["3 rows", "3 rows"]
    wide = finetune(scan, model, gaps=CROSS[:1], widths=(5,), steps=1, device="cpu")
    assert wide.card["gaps"] == ["5 rows"]


def test_gaps_of_another_number_of_scans_and_no_scan_are_refused(scan: Scan, model: Model) -> None:
    with pytest.raises(InputError, match="gaps are 3 sequences for 2 scans, expected one for"):
        finetune([scan, scan], model, gaps=[CROSS, CROSS, CROSS])
    with pytest.raises(InputError, match="no scan is given, expected at least one"):
        finetune([], model)
