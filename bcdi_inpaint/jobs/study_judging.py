"""What a study judges with its methods: gaps, methods that learn from one scan, latent spaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from bcdi_inpaint.evaluation.fills import Case, Filler, Record
from bcdi_inpaint.filling.learned_fill import LearningOptions
from bcdi_inpaint.jobs.comparison import Comparison
from bcdi_inpaint.jobs.study_methods import StudyMethods, say_lack
from bcdi_inpaint.jobs.study_subjects import image_subjects, learning_cases
from bcdi_inpaint.running.progress import count_progress
from bcdi_inpaint.studies.config import LearningConfig
from bcdi_inpaint.studies.contestants import OUR_KIND, WITH_LAST_STEP
from bcdi_inpaint.studies.fillers import LearningFiller, learner_name
from bcdi_inpaint.studies.judging import judge_all, judged_methods, part_path
from bcdi_inpaint.studies.latent_study import are_placed, compare_latent_spaces
from bcdi_inpaint.studies.reports import RELEASED

BESIDE_LEARNERS = ("linear", "kriging", OUR_KIND, WITH_LAST_STEP, RELEASED)
"""Methods that are judged in the gaps of those that learn from one scan."""


def judge_gaps(
    comparison: Comparison,
    cases: Iterable[Case],
    methods: StudyMethods,
    parts: Path,
    remarks: list[str],
) -> list[Record]:
    """All methods in the gaps that they are for.

    Parameters
    ----------
    comparison : the study.
    cases : the gaps.
    methods : of the study.
    parts : folder of what was judged.
    remarks : lines on what is left out are added.
    """
    hashes, widths = methods.hashes, methods.widths
    return _judge(comparison, cases, methods.fillers, parts, remarks, hashes, widths)


def _judge(
    comparison: Comparison,
    cases: Iterable[Case],
    fillers: Mapping[str, Filler],
    parts: Path,
    remarks: list[str],
    weights: Mapping[str, str] | None = None,
    widths: Mapping[str, int] | None = None,
) -> list[Record]:
    records: list[Record] = []
    seed = comparison.config.seed
    with count_progress(parts.name, quiet=comparison.quiet) as done:
        for one in judge_all(cases, fillers, seed, parts, remarks, weights, widths):
            records += one
            done(1)
    return records


def judge_learners(
    comparison: Comparison, methods: StudyMethods, remarks: list[str]
) -> list[Record]:
    """Methods that learn from one scan, and a few others, in the same gaps.

    Parameters
    ----------
    comparison : the study.
    methods : of the study.
    remarks : lines on what is left out are added.
    """
    learning = comparison.config.learning
    if learning is None:
        return []
    options = _options(learning, comparison.config.seed)
    judged = {name: methods.fillers[name] for name in BESIDE_LEARNERS if name in methods.fillers}
    for name in learning.methods:
        for start in learning.starts:
            own_options = replace(options, start=start)
            judged[learner_name(name, start)] = LearningFiller(name, own_options, comparison.device)
    own = {name: sha for name, sha in methods.hashes.items() if name in judged}
    alike = learning.model_dump(exclude={"patterns", "methods", "starts"})
    parts = comparison.part("learners", alike, repr(options))
    cases = [*learning_cases(comparison.config, comparison.patterns["held_out"])]
    for name in methods.gone:
        if name in judged and not all(
            name in judged_methods(part_path(parts, case), own) for case in cases
        ):
            remarks.append(say_lack(name, "all gaps of methods that learn from one scan"))
            del judged[name]
    return _judge(comparison, cases, judged, parts, remarks, own)


def _options(learning: LearningConfig, seed: int) -> LearningOptions:
    return LearningOptions(
        minutes=learning.minutes * learning.runs,
        seed=seed,
        runs=learning.runs,
        dip_steps=learning.dip_steps,
        gan_steps=learning.gan_steps,
    )


def judge_latent_spaces(
    comparison: Comparison, methods: StudyMethods, remarks: list[str]
) -> list[Record]:
    """The latent spaces of fills, of images alone.

    Parameters
    ----------
    comparison : the study.
    methods : of the study.
    remarks : lines on what is left out are added.
    """
    config = comparison.config
    if config.latent is None or config.n_dim != 2:
        return []
    parts = comparison.part("latent", config.latent.model_dump(exclude={"methods"}))
    chosen = {}
    for name in config.latent.methods:
        if name in methods.gone and not are_placed(name, methods.hashes, config.seed, parts):
            remarks.append(say_lack(name, "latent spaces"))
        elif name in methods.fillers:
            chosen[name] = methods.fillers[name]
    subjects = image_subjects(comparison.patterns["held_out"], config.latent.patterns)
    return compare_latent_spaces(
        subjects, chosen, methods.hashes, config.latent, config.seed, parts
    )
