"""Adapting a model to measured scans: trained on artificial gaps, judged on what was held out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypedDict, Unpack

import torch

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.model_settings import settings_for
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.network.gap_network import GapNetwork
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.safe_files import part_name
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.tables import number_of
from bcdi_inpaint.training.finetune_settings import SETTINGS, FinetuneSettings
from bcdi_inpaint.training.finetuned import Finetuned, make_card
from bcdi_inpaint.training.held_out import score_held_out
from bcdi_inpaint.training.lessons import (
    Lesson,
    describe_part,
    draw_measured_slabs,
    find_parts,
    lesson,
)
from bcdi_inpaint.training.plan import PatchConfig, Plan, TrainingConfig

Say = Callable[[str], None]
"""Gets a line at each stage."""
Progress = Callable[[int, int], None]
"""Is called with the steps done and the steps in all."""


class FinetuneOptions(TypedDict, total=False):
    """Keyword arguments of `finetune_on`."""

    steps: int | None
    seed: int
    device: str
    minutes: float | None
    say: Say | None
    progress: Progress | None
    settings: FinetuneSettings | None


def finetune(
    scans: Scan | Sequence[Scan],
    model: Model | str | Path = "default",
    *,
    gaps: Iterable[Gap] | Iterable[Iterable[Gap]] | None = None,
    widths: Sequence[int] = (),
    steps: int = SETTINGS.steps,
    seed: int = 0,
    device: str = "auto",
    minutes: float | None = None,
    say: Say | None = None,
    progress: Progress | None = None,
    settings: FinetuneSettings | None = None,
) -> Finetuned:
    """Adapt a model to one scan or several; neither the scans nor the model are changed.

    The network learns from artificial gaps, put where counts are known, and is judged in a part of
    each scan that it did not learn from. Where it is not better there, its weights stay as they
    were: the network knew such scans already.

    Parameters
    ----------
    scans : a scan, or several.
    model : ``default``, a file of weights, or a loaded model.
    gaps : the gaps of every scan, or one such sequence for each scan; None to find them.
    widths : of the artificial gaps in lines, in place of the scans' own.
    steps : of the optimiser.
    seed : of everything that is drawn, what is held out included.
    device : ``auto``, ``cpu`` or ``cuda``.
    minutes : stop training after this time; None for no limit.
    say : gets a line at each stage.
    progress : is called with the steps done and the steps in all.
    settings : how fast and on how much, but for `steps`; None for the defaults.

    Returns
    -------
    The result, whose `model` is ready for `inpaint`.

    Raises
    ------
    InputError
        No gap is found and no `widths` are given; a scan is too dark or too small, or has no room
        for artificial gaps.
    MissingEngineError
        Lightning is not installed.
    """
    several = [scans] if isinstance(scans, Scan) else list(scans)
    gaps_of = _gaps_of_each(gaps, len(several))
    lessons = [
        lesson(scan, _name(scan, number), gaps_of[number], widths)
        for number, scan in enumerate(several)
    ]
    loaded = model if isinstance(model, Model) else load_model(model)
    return finetune_on(
        lessons,
        loaded,
        steps=steps,
        seed=seed,
        device=device,
        minutes=minutes,
        say=say,
        progress=progress,
        settings=settings,
    )


def finetune_on(
    lessons: Sequence[Lesson],
    model: Model,
    *,
    steps: int | None = None,
    seed: int = 0,
    device: str = "auto",
    minutes: float | None = None,
    say: Say | None = None,
    progress: Progress | None = None,
    settings: FinetuneSettings | None = None,
) -> Finetuned:
    """Adapt a model to lessons; the model itself is not changed.

    Parameters
    ----------
    lessons : the scans and the artificial gaps to put on them, at least one.
    model : to begin with.
    steps : of the optimiser; None for those of the settings.
    seed : of everything that is drawn, what is held out included.
    device : ``auto``, ``cpu`` or ``cuda``.
    minutes : stop training after this time; None for no limit.
    say : gets a line at each stage.
    progress : is called with the steps done and the steps in all.
    settings : how fast and on how much; None for the defaults.

    Returns
    -------
    The result, whose `model` is ready for `inpaint`.

    Raises
    ------
    InputError
        There is no lesson; a scan is too dark or too small, or has no room for artificial gaps; the
        model does not take the patches of a scan.
    MissingEngineError
        Lightning is not installed.
    """
    from bcdi_inpaint.training.run import adapt  # Lightning takes seconds to load
    from bcdi_inpaint.training.scan_training import ScanTraining

    if not lessons:
        raise InputError("no scan is given, expected at least one: give a scan to adapt to")
    say = say or (lambda line: None)
    settings = settings or SETTINGS
    if steps is not None:
        settings = replace(settings, steps=steps)
    torch_device = choose_device(device)
    patch = settings_for(model, FillingSettings()).patch
    plan = _make_plan(model.network, patch, seed, torch_device, settings)
    parts = find_parts(lessons, seed, settings)
    for each, part in zip(lessons, parts, strict=True):
        say(f"{each.name}: {describe_part(part)}")
    slabs, unseen = (
        draw_measured_slabs(
            parts,
            seed,
            model.network.config.guess,
            patch,
            settings,
            held_out=held_out,
        )
        for held_out in (False, True)
    )
    before = score_held_out(model.network, unseen, plan, torch_device, settings.held_out_patches)
    say(f"held out, before: {before}")
    network = copy.deepcopy(model.network).train()
    training = ScanTraining(plan, network, slabs, progress or (lambda done, total: None))
    done = adapt(training, device=torch_device.type, minutes=minutes)
    adapted = training.network.eval().cpu()
    after = score_held_out(adapted, unseen, plan, torch_device, settings.held_out_patches)
    improved = after.beats(before)
    say(f"held out, after {number_of(done, 'step')}: {after}")
    say("kept: the adapted weights" if improved else "not better: the weights stay as they were")
    found = replace(model, network=adapted, name=_adapted_name(model), sha256="")
    card = make_card(lessons, parts, model, plan, before, after, done)
    return Finetuned(found if improved else model, before, after, done, card)


@contextmanager
def adapted_model(
    given: Lesson, parent: Model, path: Path, **options: Unpack[FinetuneOptions]
) -> Iterator[Model]:
    """A model adapted to a scan, whose weights get their name when all has gone well.

    Parameters
    ----------
    given : the scan and the artificial gaps to put on it.
    parent : the model to begin with.
    path : of the weights; written beside it, and renamed at the end of the context.
    **options : as `finetune_on` takes them.

    Yields
    ------
    The model, with the name and the hash of its file.
    """
    fresh = path.with_name(part_name())
    try:
        finetune_on([given], parent, **options).save(fresh)
        yield replace(load_model(fresh), name=path.name)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _gaps_of_each(
    gaps: Iterable[Gap] | Iterable[Iterable[Gap]] | None, n_scans: int
) -> list[tuple[Gap, ...]]:
    """The gaps of each scan; none where they are to be found."""
    given: list[Gap | Iterable[Gap]] = list(gaps or ())
    shared = tuple(each for each in given if isinstance(each, Gap))
    if len(shared) == len(given):
        return [shared] * n_scans
    own = [tuple(each) for each in given if not isinstance(each, Gap)]
    if len(own) != n_scans:
        raise InputError(
            f"gaps are {len(own)} sequences for {n_scans} scans, expected one for each scan: give "
            "as many, or gaps that all scans have"
        )
    return own


def _name(scan: Scan, number: int) -> str:
    """The name of a scan in messages."""
    return f"scan {number + 1}" if scan.source is None else scan.source.name


def _adapted_name(parent: Model) -> str:
    return f"{Path(parent.name).stem}, adapted"


def _make_plan(
    network: GapNetwork, patch: int, seed: int, device: torch.device, settings: FinetuneSettings
) -> Plan:
    """The plan of a fine-tuning, in the words of a training's."""
    steps = settings.steps
    is_short = steps < settings.short
    return Plan(
        name="finetuned",
        patterns={},
        held_out={},
        patches=PatchConfig(size=patch),
        network=network.config,
        training=TrainingConfig(
            seed=seed,
            batch_size=settings.batch_size,
            steps=steps,
            steps_per_epoch=steps,
            learning_rate=settings.learning_rate,
            warmup_steps=settings.warmup_steps,
            average_decay=settings.short_average_decay if is_short else settings.average_decay,
            precision="bf16-mixed" if device.type == "cuda" else "32-true",
        ),
    )
