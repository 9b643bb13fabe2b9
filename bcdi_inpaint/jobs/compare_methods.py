"""A study of methods: trained networks, all methods judged, tables and pictures.

What takes long is done once: patterns and weights are kept in the cache, what was judged in
``parts`` of the folder of results. A study that was killed goes on there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills import Case, Filler, Record
from bcdi_inpaint.files.patterns import read_log_expectation, recipe_sha256
from bcdi_inpaint.filling.learned_fill import LearningOptions
from bcdi_inpaint.jobs.result_folder import check_free, make_folder
from bcdi_inpaint.jobs.study_cubes import judge_study_cubes
from bcdi_inpaint.jobs.study_methods import study_methods, with_gone
from bcdi_inpaint.jobs.study_results import StudyResults, write_results
from bcdi_inpaint.jobs.study_subjects import (
    image_subjects,
    judged_on,
    learning_cases,
    study_cases,
)
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.network.weights import load_model
from bcdi_inpaint.running.progress import count_progress
from bcdi_inpaint.studies.cache import cache_folder, key_of
from bcdi_inpaint.studies.config import StudyConfig
from bcdi_inpaint.studies.contestants import OUR_KIND, WITH_LAST_STEP, Contestant
from bcdi_inpaint.studies.fillers import (
    LearningFiller,
    learner_name,
)
from bcdi_inpaint.studies.first_guess import FIRST_GUESS, first_guess_model
from bcdi_inpaint.studies.judged_networks import recall_network, remember_network
from bcdi_inpaint.studies.judging import judge_all
from bcdi_inpaint.studies.latent_study import compare_latent_spaces
from bcdi_inpaint.studies.reports import RELEASED
from bcdi_inpaint.studies.trained_networks import Trained, train_networks, weights_path
from bcdi_inpaint.tables import number_of

WRITTEN = ("methods.md", "scores.csv", "cases.csv")
"""Files of results that are not replaced unasked."""
BESIDE_LEARNERS = ("linear", "kriging", OUR_KIND, WITH_LAST_STEP, RELEASED)
"""Methods that are judged in the gaps of those that learn from one scan."""


@dataclass(frozen=True)
class Comparison:
    """A study that can begin.

    Attributes
    ----------
    config : what is compared.
    source : the file that it is from.
    folder : of tables, pictures and parts; it exists.
    cache : of patterns, slabs and weights; it exists.
    patterns : paths of the patterns to train and to judge on, ``patterns`` and ``held_out``.
    device : where networks compute: ``auto``, ``cpu`` or ``cuda``.
    quiet : nothing is said of the progress.
    workers : processes that prepare what networks learn from; 0 for none but this one.
    """

    config: StudyConfig
    source: str
    folder: Path
    cache: Path
    patterns: dict[str, Path]
    device: str = "auto"
    quiet: bool = False
    workers: int = 0

    def say(self, text: str) -> None:
        """A line on the terminal, unless it is to be quiet."""
        if not self.quiet:
            print(text, flush=True)

    def part(self, name: str, *made_of: Any) -> Path:
        """Where parts are kept that are made of these values, the study's seed and patterns."""
        both = [recipe_sha256(self.config.held_out), self.config.seed, *made_of]
        return self.folder / "parts" / f"{name}-{key_of(both)}"


def prepare_comparison(
    config: StudyConfig,
    source: str,
    folder: Path,
    *,
    device: str = "auto",
    force: bool = False,
    quiet: bool = False,
    workers: int = 0,
) -> Comparison:
    """Check what can fail, and make the folders.

    Parameters
    ----------
    config : what is compared.
    source : the file that it is from.
    folder : of tables and pictures; it is made.
    device : where networks compute: ``auto``, ``cpu`` or ``cuda``.
    force : whether results that exist may be replaced.
    quiet : nothing is said of the progress.
    workers : processes that prepare what networks learn from; 0 for none but this one.

    Returns
    -------
    What `compare_methods` takes.

    Raises
    ------
    InputError
        Results exist, the device is not there, or a folder cannot be made.
    """
    check_free(folder, WRITTEN, force)
    choose_device(device)
    make_folder(folder)
    cache = cache_folder() / "methods"
    make_folder(cache, "what a study makes")
    recipes = {"patterns": config.patterns, "held_out": config.held_out}
    paths = {
        name: cache / f"patterns-{recipe_sha256(values)[:12]}-{values.get('count')}.h5"
        for name, values in recipes.items()
    }
    return Comparison(config, source, folder, cache, paths, device, quiet, workers)


def compare_methods(comparison: Comparison) -> str:
    """Train, judge, and write tables and pictures; returns a table for the terminal."""
    config, remarks = comparison.config, list[str]()
    held_out = comparison.patterns["held_out"]
    cases = [*study_cases(config, held_out, remarks)]
    trained = _trained(comparison, cases)
    models = {FIRST_GUESS: first_guess_model(config.n_dim)}
    models |= {each.contestant.name: each.model for each in trained if each.model is not None}
    if config.released and config.n_dim == 3:
        models[RELEASED] = load_model()
    methods = study_methods(config, models, comparison.device)
    hashes = {name: model.sha256 for name, model in models.items()}
    parts = where_parts_are(comparison, hashes)
    gone = {each.contestant.name: each.sha256 for each in trained if each.model is None}
    remarks += [f"{name}: its weights are gone, what was judged of it is taken" for name in gone]
    records = _judge(
        comparison,
        cases,
        with_gone(methods, gone, [each.contestant.name for each in trained]),
        parts["gaps"],
        remarks,
        hashes | gone,
    )
    if not records:
        raise InputError(
            f"nothing was judged ({'; '.join(remarks[:1]) or 'no gap has room'}), expected gaps "
            "that fit the patterns: set widths, or larger shapes"
        )
    results = StudyResults(
        trained=trained,
        records=records,
        remarks=remarks,
        views=parts["gaps"],
        learned=_judge_learners(comparison, methods, hashes, remarks),
        latent=_latent(comparison, methods, hashes),
        cubes=judge_study_cubes(config, held_out, methods, parts["cubes"], quiet=comparison.quiet),
    )
    return write_results(config, comparison.source, comparison.folder, results)


def where_parts_are(comparison: Comparison, hashes: Mapping[str, str]) -> dict[str, Path]:
    """The folders of what was judged, ``gaps`` and ``cubes``: others for whatever changes them.

    In that of the gaps every method has records of its own.

    Parameters
    ----------
    comparison : the study.
    hashes : of the networks' weights, by name.
    """
    config = comparison.config
    bench = judged_on(config)
    cubes = config.cubes and config.cubes.model_dump()
    return {
        "gaps": _part_of_gaps(comparison),
        "cubes": comparison.part("cubes", hashes, bench, config.classical, cubes),
    }


def _part_of_gaps(comparison: Comparison) -> Path:
    return comparison.part("gaps", judged_on(comparison.config))


def _trained(comparison: Comparison, cases: Sequence[Case]) -> list[Trained]:
    """All networks; without weights those that are in no cache, but were judged in all gaps."""
    folder, found = _part_of_gaps(comparison), []
    for each in comparison.config.contestants():
        is_there = weights_path(each, comparison.cache).exists()
        known = None if is_there else recall_network(each, folder, cases)
        one = known or _train(comparison, each)
        remember_network(one, folder)
        comparison.say(f"{each.name}: {one.parameters} parameters, {number_of(one.steps, 'step')}")
        found.append(one)
    return found


def _train(comparison: Comparison, contestant: Contestant) -> Trained:
    """One network, from the cache where it is there."""
    patterns, held_out = (
        read_log_expectation(comparison.patterns[name]) for name in ("patterns", "held_out")
    )
    (trained,) = train_networks(
        [contestant],
        patterns,
        held_out,
        comparison.cache,
        comparison.device,
        comparison.workers,
    )
    return trained


def _judge(
    comparison: Comparison,
    cases: Iterable[Case],
    methods: Mapping[str, Filler],
    parts: Path,
    remarks: list[str],
    weights: Mapping[str, str] | None = None,
) -> list[Record]:
    records: list[Record] = []
    seed = comparison.config.seed
    with count_progress(parts.name, quiet=comparison.quiet) as done:
        for one in judge_all(cases, methods, seed, parts, remarks, weights):
            records += one
            done(1)
    return records


def _judge_learners(
    comparison: Comparison,
    methods: Mapping[str, Filler],
    hashes: Mapping[str, str],
    remarks: list[str],
) -> list[Record]:
    """Methods that learn from one scan, and a few others, in the same gaps."""
    config = comparison.config
    learning = config.learning
    if learning is None:
        return []
    options = LearningOptions(
        minutes=learning.minutes * learning.runs,
        seed=config.seed,
        runs=learning.runs,
        dip_steps=learning.dip_steps,
        gan_steps=learning.gan_steps,
    )
    judged: dict[str, Filler] = {name: methods[name] for name in BESIDE_LEARNERS if name in methods}
    for name in learning.methods:
        for start in learning.starts:
            own_options = replace(options, start=start)
            judged[learner_name(name, start)] = LearningFiller(name, own_options, comparison.device)
    own = {name: sha for name, sha in hashes.items() if name in judged}
    made_of = (own, [*judged], learning.model_dump(exclude={"patterns"}), repr(options))
    parts = comparison.part("learners", *made_of)
    cases = learning_cases(config, comparison.patterns["held_out"])
    return _judge(comparison, cases, judged, parts, remarks)


def _latent(
    comparison: Comparison, methods: Mapping[str, Filler], hashes: Mapping[str, str]
) -> list[Record]:
    config = comparison.config
    if config.latent is None or config.n_dim != 2:
        return []
    chosen = {name: methods[name] for name in config.latent.methods if name in methods}
    parts = comparison.part("latent", config.latent.model_dump(exclude={"methods"}))
    subjects = image_subjects(comparison.patterns["held_out"], config.latent.patterns)
    return compare_latent_spaces(subjects, chosen, hashes, config.latent, config.seed, parts)
