"""Campaigns: the same patterns however they are made, interrupted and continued."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from processes import Template, cluster, nobody_left

from bcdi_inpaint.errors import InputError, MissingEngineError
from bcdi_inpaint.files.pattern_writing import write_patterns
from bcdi_inpaint.files.patterns import n_patterns, read_contents, read_particle, read_pattern
from simulation import campaign, campaign_work
from simulation.campaign_parts import parts_folder
from simulation.campaign_work import make_part
from simulation.recipe import Recipe, make_particle_of, make_pattern, particle_number

RECIPE = Recipe(
    count=6,
    seed=2,
    shape=(24, 24, 24),
    atomistic_share=0.5,
    particles=2,
    particle={"n_atoms": (300, 400)},
)
CONTINUOUS = RECIPE.model_copy(update={"atomistic_share": 0.0})
ENDLESS = Recipe(count=5000, seed=0, atomistic_share=0, shape=(32, 32, 32))
YAML = "{count: 5000, seed: 0, atomistic_share: 0, shape: [32, 32, 32]}"


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No processes are started: the tests below can put something in the place of the work."""
    monkeypatch.setattr(campaign, "open_executor", lambda *_: ThreadPoolExecutor(1))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe's patterns, made one after the other in this process."""
    path = tmp_path_factory.mktemp("made") / "p.h5"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(campaign, "open_executor", lambda *_: ThreadPoolExecutor(1))
        assert campaign.run(RECIPE, path, quiet=True) == campaign.CampaignOutcome(6, 0, ())
    return path


def assert_same_file(one: Path, two: Path) -> None:
    assert read_contents(one) == read_contents(two)
    for row in range(n_patterns(one)):
        a, b = read_pattern(one, row), read_pattern(two, row)
        for name in ("counts", "expectation", "bad"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        assert a.parameters == b.parameters


# --- the same patterns, however they are made -----------------------------------------------------


def test_the_number_of_workers_changes_nothing(tmp_path: Path, made: Path) -> None:
    outcome = campaign.run(RECIPE, tmp_path / "2.h5", 2, quiet=True)
    assert outcome == campaign.CampaignOutcome(6, 0, ())
    assert_same_file(made, tmp_path / "2.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["2.h5"]


def test_the_file_holds_the_recipes_patterns_and_particles(made: Path) -> None:
    path = made
    assert n_patterns(path) == 6
    particles = {number: make_particle_of(RECIPE, number) for number in (0, 1)}
    for number, particle in particles.items():
        stored = read_particle(path, number)
        np.testing.assert_array_equal(stored.positions_nm, particle.relaxed.positions_nm)
        assert stored.element == particle.element
    numbers = set()
    for index in range(6):
        number, stored_pattern = particle_number(RECIPE, index), read_pattern(path, index)
        numbers.add(number)
        truth = make_pattern(RECIPE, index, None if number is None else particles[number])
        np.testing.assert_allclose(stored_pattern.expectation, truth.expectation, rtol=2**-12.9)
        np.testing.assert_array_equal(stored_pattern.counts, truth.counts)
        assert stored_pattern.particle == number
        assert (stored_pattern.centre is None) == (truth.grid is None)
        if truth.grid is not None:
            np.testing.assert_array_equal(stored_pattern.steps_inv_nm, truth.grid.steps_inv_nm)
    assert numbers == {None, 0, 1}


def test_a_cluster_makes_the_same_patterns(tmp_path: Path, made: Path) -> None:
    """With a scheduler and a worker in another process, as on a cluster."""
    pytest.importorskip("distributed")
    with cluster(tmp_path) as address:
        outcome = campaign.run(RECIPE, tmp_path / "d.h5", quiet=True, scheduler=address)
    assert outcome == campaign.CampaignOutcome(6, 0, ())
    assert_same_file(made, tmp_path / "d.h5")


# --- interrupted and continued --------------------------------------------------------------------


@pytest.mark.usefixtures("in_this_process")
def test_a_higher_count_adds_to_the_file(
    tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "p.h5"
    campaign.run(RECIPE.model_copy(update={"count": 3}), path, quiet=True)
    capsys.readouterr()
    assert campaign.run(RECIPE, path) == campaign.CampaignOutcome(3, 3, ())
    assert f"{path}: 3 of 6 patterns are there" in capsys.readouterr().err
    assert_same_file(path, made)
    before = path.read_bytes()
    assert campaign.run(RECIPE, path, quiet=True) == campaign.CampaignOutcome(0, 6, ())
    assert path.read_bytes() == before


@pytest.mark.usefixtures("in_this_process")
def test_parts_are_taken_as_they_are_and_damaged_ones_made_again(tmp_path: Path) -> None:
    path, folder = tmp_path / "p.h5", tmp_path / "p.h5.parts"
    campaign.run(CONTINUOUS, path, quiet=True)
    folder.mkdir()
    (folder / "recipe.json").touch()
    marked = read_pattern(path, 2)
    marked.counts[:] = 7
    path.unlink()
    write_patterns(folder / "pattern-0000002.h5", CONTINUOUS.model_dump(mode="json"), [marked])
    (folder / "pattern-0000004.h5").write_bytes(b"half")
    (folder / ".pattern-0000005.h5-1.tmp").write_bytes(b"half")
    (tmp_path / ".p.h5-1.tmp").write_bytes(b"half")
    assert campaign.run(CONTINUOUS, path, quiet=True) == campaign.CampaignOutcome(5, 1, ())
    assert (read_pattern(path, 2).counts == 7).all()
    truth = make_pattern(CONTINUOUS, 4, None)
    np.testing.assert_array_equal(read_pattern(path, 4).counts, truth.counts)
    assert list(tmp_path.iterdir()) == [path]


def n_parts(path: Path) -> int:
    return len(list(path.with_name(f"{path.name}.parts").glob("pattern-*.h5")))


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.usefixtures("in_this_process")
def test_ctrl_c_is_answered_once_and_what_is_made_is_kept(
    tmp_path: Path, template: Template, train: bool
) -> None:
    """As from a terminal, which sends it to the workers too."""
    path, config = tmp_path / "patterns.h5", tmp_path / "config.yaml"
    held_out = YAML.replace("5000, seed: 0", "1, seed: 1")
    config.write_text(f"name: x\npatterns: {YAML}\nheld_out: {held_out}" if train else YAML)
    command = ["train", config, "-o", tmp_path] if train else ["simulate", config, "-o", path]
    with template.running(tmp_path, [*command, "--workers", "1", "-q"]) as process:
        process.wait_for(lambda: n_parts(path) >= 2)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(15) == 130, process.errors
    assert len(process.errors.strip().splitlines()) == 1, process.errors
    assert nobody_left(process.pid)
    kept = len(list(tmp_path.glob("*.parts/pattern-*.h5")))
    few = ENDLESS.model_copy(update={"count": kept})
    assert campaign.run(few, path, 1, quiet=True).reused >= kept - 1


@pytest.mark.usefixtures("in_this_process")
def test_a_killed_campaign_goes_on_to_the_same_file(tmp_path: Path, template: Template) -> None:
    path, whole = tmp_path / "p.h5", tmp_path / "whole.h5"
    config = tmp_path / "config.yaml"
    config.write_text(YAML)
    command = ["simulate", config, "-o", path, "--workers", "1", "-q"]
    with template.running(tmp_path, command) as process:
        process.wait_for(lambda: n_parts(path) >= 3)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)
    recipe = ENDLESS.model_copy(update={"count": 6})
    assert campaign.run(recipe, path, 2, quiet=True).reused >= 3
    campaign.run(recipe, whole, 1, quiet=True)
    assert_same_file(path, whole)


@pytest.mark.usefixtures("in_this_process")
def test_ctrl_c_while_the_parts_are_joined_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(campaign, "join_patterns", interrupted)
        with pytest.raises(KeyboardInterrupt):
            campaign.run(CONTINUOUS, tmp_path / "p.h5", quiet=True)
    assert campaign.run(CONTINUOUS, tmp_path / "p.h5", quiet=True).reused == 6


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.usefixtures("in_this_process")
def test_another_recipes_file_is_replaced_by_force_alone(tmp_path: Path) -> None:
    path, other = tmp_path / "p.h5", CONTINUOUS.model_copy(update={"seed": 3, "count": 2})
    campaign.run(CONTINUOUS, path, quiet=True)
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"by another recipe.*--force"):
        campaign.run(other, path, quiet=True)
    assert path.read_bytes() == before
    assert campaign.run(other, path, quiet=True, force=True).made == 2
    np.testing.assert_array_equal(read_pattern(path, 1).counts, make_pattern(other, 1, None).counts)


@pytest.mark.usefixtures("in_this_process")
def test_a_lower_count_does_not_lose_patterns_unasked(tmp_path: Path) -> None:
    path, fewer = tmp_path / "p.h5", CONTINUOUS.model_copy(update={"count": 2})
    campaign.run(CONTINUOUS, path, quiet=True)
    with pytest.raises(InputError, match="holds 6 patterns, expected at most the count of 2"):
        campaign.run(fewer, path, quiet=True)
    assert campaign.run(fewer, path, quiet=True, force=True) == campaign.CampaignOutcome(0, 2, ())
    assert n_patterns(path) == 2


@pytest.mark.usefixtures("in_this_process")
def test_another_recipes_parts_are_replaced_by_force_alone(tmp_path: Path) -> None:
    path, other = tmp_path / "p.h5", CONTINUOUS.model_copy(update={"seed": 3})
    with parts_folder(other, tmp_path / "p.h5.parts", force=False):
        make_part(other, 0, None, tmp_path / "p.h5.parts" / "pattern-0000000.h5")
    with pytest.raises(InputError, match="parts of another recipe"):
        campaign.run(CONTINUOUS, path, quiet=True)
    assert campaign.run(CONTINUOUS, path, quiet=True, force=True).reused == 0


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "p.h5.parts"
    folder.mkdir()
    (folder / "thesis.tex").touch()
    with pytest.raises(InputError, match="holds other files"):
        campaign.run(CONTINUOUS, tmp_path / "p.h5", quiet=True, force=True)
    assert (folder / "thesis.tex").exists()


def test_a_second_campaign_for_the_same_file_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "p.h5.parts"
    with (
        parts_folder(CONTINUOUS, folder, force=False),
        pytest.raises(InputError, match=r"another process is making p\.h5"),
    ):
        campaign.run(CONTINUOUS, tmp_path / "p.h5", quiet=True)


def test_a_scheduler_that_does_not_answer_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="scheduler 'nonsense://' does not answer"):
        campaign.run(CONTINUOUS, tmp_path / "p.h5", quiet=True, scheduler="nonsense://")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingEngineError, match=r"pip install 'bcdi-inpaint\[cluster\]'"):
        campaign.run(CONTINUOUS, tmp_path / "p.h5", quiet=True, scheduler="tcp://x:1")


# --- what fails -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("in_this_process")
def test_what_fails_is_left_out_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, broken = tmp_path / "p.h5", particle_number(RECIPE, 1)
    fails = next(i for i in range(6) if particle_number(RECIPE, i) is None)
    lost = {i for i in range(6) if particle_number(RECIPE, i) == broken} | {fails}

    def particle(recipe: Recipe, number: int) -> object:
        if number == broken:
            raise InputError("LAMMPS gave up")
        return make_particle_of(recipe, number)

    def pattern(recipe: Recipe, index: int, body: object) -> object:
        if index == fails:
            raise ZeroDivisionError("a\nb")
        return make_pattern(recipe, index, body)

    with monkeypatch.context() as patched:
        patched.setattr(campaign_work, "make_particle_of", particle)
        patched.setattr(campaign_work, "make_pattern", pattern)
        outcome = campaign.run(RECIPE, path, quiet=True)
    assert sorted(outcome.failures) == [
        f"particle {broken} ({len(lost) - 1} patterns): LAMMPS gave up",
        f"pattern {fails}: ZeroDivisionError a b",
    ]
    assert sorted(capsys.readouterr().err.splitlines()) == sorted(outcome.failures)
    assert set(read_contents(path).row_of) == set(range(6)) - lost
    assert campaign.run(RECIPE, path, quiet=True) == campaign.CampaignOutcome(
        len(lost), 6 - len(lost), ()
    )


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(("function", "error"), [
    ("make_pattern", MissingEngineError("LAMMPS is not there")),
    ("write_patterns", InputError("disk full")),
])  # fmt: skip
def test_what_would_fail_for_all_ends_it_and_keeps_the_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, error: InputError
) -> None:
    real, calls = getattr(campaign_work, function), []

    def fails_the_third_time(*arguments: object) -> object:
        calls.append(1)
        if len(calls) > 2:
            raise error
        return real(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(campaign_work, function, fails_the_third_time)
        with pytest.raises(InputError, match=str(error)):
            campaign.run(CONTINUOUS, tmp_path / "p.h5", quiet=True)
    assert not (tmp_path / "p.h5").exists()
    assert campaign.run(CONTINUOUS, tmp_path / "p.h5", quiet=True).reused == 2
