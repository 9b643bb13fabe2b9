"""A study of methods: trained networks, all methods judged, tables and pictures.

What takes long is done once: patterns and weights are kept in the cache, what was judged in
``parts`` of the folder of results. A study that was killed goes on there.
"""

from __future__ import annotations

from collections.abc import Sequence

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills import Case
from bcdi_inpaint.files.patterns import read_log_expectation
from bcdi_inpaint.jobs.comparison import Comparison, part_of_gaps, where_parts_are
from bcdi_inpaint.jobs.study_cubes import judge_study_cubes
from bcdi_inpaint.jobs.study_judging import judge_gaps, judge_latent_spaces, judge_learners
from bcdi_inpaint.jobs.study_methods import study_methods
from bcdi_inpaint.jobs.study_results import StudyResults, write_results
from bcdi_inpaint.jobs.study_subjects import study_cases
from bcdi_inpaint.studies.contestants import Contestant
from bcdi_inpaint.studies.judged_networks import recall_network, remember_network
from bcdi_inpaint.studies.trained_networks import Trained, train_networks, weights_path
from bcdi_inpaint.tables import number_of


def compare_methods(comparison: Comparison, said: Sequence[str] = ()) -> str:
    """Train, judge, and write tables and pictures; returns a table for the terminal.

    Parameters
    ----------
    comparison : what is compared; its patterns are made.
    said : lines for the report on patterns that could not be made.
    """
    config, remarks = comparison.config, [*said]
    cases = [*study_cases(config, comparison.patterns["held_out"], remarks)]
    trained = _trained(comparison, cases)
    methods = study_methods(config, trained, comparison.device)
    remarks += [
        f"{name}: its weights are gone, what was judged of it is taken" for name in methods.gone
    ]
    parts = where_parts_are(comparison)
    records = judge_gaps(comparison, cases, methods, parts["gaps"], remarks)
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
        learned=judge_learners(comparison, methods, remarks),
        latent=judge_latent_spaces(comparison, methods, remarks),
        cubes=judge_study_cubes(comparison, methods, parts["cubes"], remarks),
    )
    return write_results(config, comparison.source, comparison.folder, results)


def _trained(comparison: Comparison, cases: Sequence[Case]) -> list[Trained]:
    """All networks; without weights those that are in no cache, but were judged in all gaps."""
    folder, device, found = part_of_gaps(comparison), comparison.device, []
    for each in comparison.config.contestants():
        is_there = weights_path(each, comparison.cache, device).exists()
        known = None if is_there else recall_network(each, folder, cases, device)
        one = known or _train(comparison, each)
        remember_network(one, folder, device)
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
