"""Adapting a model to a measured scan: trained on artificial gaps, judged on what was held out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import check_place, read_scan, split_spec
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.gaps.artificial import GapKind
from bcdi_inpaint.gaps.finding import find_gaps
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.network.channels import GuessKind
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.network.unet import GapUNet
from bcdi_inpaint.network.units import LOG_UNIT
from bcdi_inpaint.network.weights import Model, load_weights, save_weights
from bcdi_inpaint.photons import LEAST_COUNTS, mean_log_counts, photon_deviance
from bcdi_inpaint.safe_files import part_name
from bcdi_inpaint.scan.boxes import AXIS_NAMES
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.training import Batch, GapTraining, adapt
from bcdi_inpaint.training.count_loss import count_loss
from bcdi_inpaint.training.own_gaps import (
    Part,
    artificial_gaps,
    brightest_part,
    empty_lines,
    kinds_of,
    measured_slab,
)
from bcdi_inpaint.training.patch_dataset import PatchDataset
from bcdi_inpaint.training.plan import PatchConfig, Plan, TrainingConfig
from bcdi_inpaint.training.slabs import FixedSlabs, Slab

Say = Callable[[str], None]
Progress = Callable[[int, int], None]

STEPS = 300
LEARNING_RATE = 2e-4
BATCH = 4
SLABS = 12
"""Artificial gaps that are learned from, of all scans together."""
HELD_OUT_SLABS = 6
HELD_OUT_PATCHES = 48


@dataclass(frozen=True)
class Lesson:
    """A scan to adapt to: the scan, its gaps, and the artificial ones to put on it."""

    scan: Scan
    gaps: tuple[Gap, ...]
    kinds: tuple[GapKind, ...]
    name: str


@dataclass(frozen=True)
class HeldOut:
    """How good a network is in the artificial gaps of what was held out; 0 is best of both.

    Attributes
    ----------
    mse_log : mean squared error of log(1 + counts), against their mean where the expected counts
        are right: the mean logarithm of noisy counts is less than the logarithm of their mean, and
        without this too low a fill would win.
    poisson_deviance : mean Poisson deviance of the counts.
    n_voxels : how many counts that were.
    """

    mse_log: float
    poisson_deviance: float
    n_voxels: int

    def __str__(self) -> str:
        return f"mse of log {self.mse_log:.4g}, mean Poisson deviance {self.poisson_deviance:.4g}"

    def beats(self, other: HeldOut) -> bool:
        """Whether one score is better and none worse."""
        pairs = (
            (self.mse_log, other.mse_log),
            (self.poisson_deviance, other.poisson_deviance),
        )
        return all(mine <= its for mine, its in pairs) and any(mine < its for mine, its in pairs)


@dataclass(frozen=True)
class Finetuned:
    """A network, adapted where that made it better, else with the weights it came with.

    `before` and `after` are the scores of the given and of the adapted weights on what was held
    out; `card` tells how it was made.
    """

    network: GapUNet
    before: HeldOut
    after: HeldOut
    steps: int
    card: dict[str, Any]

    @property
    def improved(self) -> bool:
        """Whether the adapted weights were kept."""
        return self.after.beats(self.before)


class ScanTraining(GapTraining):
    """The engine of `training` on a measured scan: the truth is counts, and nothing is validated.

    What is held out is judged once before and once after, and picks no epoch.
    """

    def __init__(
        self, plan: Plan, network: GapUNet, slabs: Sequence[Slab], progress: Progress
    ) -> None:
        super().__init__(plan, FixedSlabs(slabs), ())
        self.network = network
        self._progress = progress

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        """The loss of one batch."""
        channels, truth, gap = batch
        prediction, scale = self.network(channels)
        return count_loss(prediction, scale, truth, gap)

    def on_train_batch_end(self, *_of_batch: object) -> None:
        """Tell the steps done, and those in all."""
        self._progress(self.trainer.global_step, self.plan.training.steps)

    def val_dataloader(self) -> Any:
        """None."""
        return []


def lesson(scan: Scan, name: str, gaps: Sequence[Gap] = (), widths: Sequence[int] = ()) -> Lesson:
    """What to learn from a scan: artificial gaps of its own ones' directions and widths.

    `gaps` are those that a user gives; with `widths` the artificial ones have these instead, and
    are rows and columns where the scan has no gaps. Raises InputError for a scan in which no gap is
    found and no `widths` are given.
    """
    try:
        found = find_gaps(scan, gaps).gaps
        axes = sorted({gap.axis for gap in found})
    except InputError as error:
        if gaps or not widths:
            hint = "" if gaps else " (or --widths 6, the widths of artificial gaps, to adapt to)"
            raise InputError(f"{name}: {error}{hint}") from error
        found, axes = empty_lines(scan), [1, 2]  # zeros between lines with counts are no truth
    kinds = tuple((axis, width) for axis in axes for width in sorted(set(widths)))
    return Lesson(scan, found, kinds or kinds_of(found), name)


def read_lesson(
    path: str, masks: Sequence[str] = (), gaps: Sequence[Gap] = (), widths: Sequence[int] = ()
) -> Lesson:
    """The `lesson` of a scan's file; raises InputError as `read_scan` does, too."""
    return lesson(read_scan(path, masks), split_spec(path)[0].name, gaps, widths)


class Options(TypedDict, total=False):
    """What `finetune` may be told."""

    steps: int
    seed: int
    device: str
    minutes: float | None
    say: Say
    progress: Progress


def finetune(
    lessons: Sequence[Lesson],
    model: Model,
    *,
    steps: int = STEPS,
    seed: int = 0,
    device: str = "auto",
    minutes: float | None = None,
    say: Say = lambda line: None,
    progress: Progress = lambda done, total: None,
) -> Finetuned:
    """Adapt a model to scans; the model itself is not changed.

    Parameters
    ----------
    lessons : the scans and the artificial gaps to put on them.
    steps : of the optimiser.
    seed : of everything that is drawn, what is held out included.
    minutes : stop training after this time.
    say : gets a line at each stage; `progress` (steps done, steps in all).

    Raises InputError for scans that are too dark, too small or have no room for such gaps.
    """
    where = choose_device(device)
    plan = _plan(model.network, steps, seed, where)
    parts = [_part(each, seed, index) for index, each in enumerate(lessons)]
    for each, part in zip(lessons, parts, strict=True):
        say(f"{each.name}: {_described(part)}")
    guess = model.network.config.guess
    slabs = _slabs(parts, SLABS, (seed, 1), guess, held_out=False)
    unseen = _slabs(parts, HELD_OUT_SLABS, (seed, 2), guess, held_out=True)
    before = held_out_score(model.network, unseen, plan, where)
    say(f"held out, before: {before}")
    module = ScanTraining(plan, copy.deepcopy(model.network).train(), slabs, progress)
    done = adapt(module, device=where.type, minutes=minutes)
    adapted = module.network.eval().cpu()
    after = held_out_score(adapted, unseen, plan, where)
    improved = after.beats(before)
    say(f"held out, after {done} steps: {after}")
    say("kept: the adapted weights" if improved else "not better: the weights stay as they were")
    card = {
        "finetuned_on": [each.name for each in lessons],
        "gaps": [_kind(kind) for part in parts for kind in part.kinds],
        "parent": Path(model.name).name,
        "parent_sha256": model.sha256,
        "steps": done,
        "improved": improved,
    }
    network = adapted if improved else model.network
    return Finetuned(network, before, after, done, card | _settings(plan, before, after))


def _settings(plan: Plan, before: HeldOut, after: HeldOut) -> dict[str, Any]:
    """The rest of the card: how it was trained and how good it became."""
    training = plan.training
    return {
        "seed": training.seed,
        "learning_rate": training.learning_rate,
        "batch_size": training.batch_size,
        "held_out_before": asdict(before),
        "held_out_after": asdict(after),
    }


def write_finetuned(path: Path, finetuned: Finetuned, parent: Model) -> None:
    """Write the weights, with the parent's calibration; beside its name first, then renamed."""
    save_weights(path, finetuned.network, finetuned.card, parent.calibration)


@contextmanager
def adapted_model(
    given: Lesson, parent: Model, path: Path, **options: Unpack[Options]
) -> Iterator[Model]:
    """A model adapted to a scan, as `finetune` does it with these options.

    Its weights get the name `path` when all that is done with it has gone well, else none.
    """
    fresh = path.with_name(part_name())
    try:
        write_finetuned(fresh, finetune([given], parent, **options), parent)
        yield replace(load_weights(fresh), name=path.name)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def check_weights_output(path: Path, force: bool, inputs: Sequence[str | Path]) -> None:
    """InputError for a file of weights that cannot or must not be written."""
    if path.suffix != ".safetensors":
        raise InputError(
            f"output {path} ends in {path.suffix!r}, expected .safetensors: give such a name"
        )
    check_place(path, force, inputs)


def held_out_score(
    network: GapUNet, slabs: Sequence[Slab], plan: Plan, device: torch.device
) -> HeldOut:
    """The scores of a network over the same patches of held-out slabs every time."""
    patches = PatchDataset(slabs, plan.patches, HELD_OUT_PATCHES, (plan.training.seed, 3))
    counts, expected = [], []
    on_device = copy.deepcopy(network).eval().to(device)
    with torch.inference_mode():
        for channels, truth, gap in DataLoader(patches, BATCH):
            prediction, _ = on_device(channels.to(device))
            expected.append(prediction.float().cpu()[gap].double().numpy() * LOG_UNIT)
            counts.append(truth[gap].double().numpy() * LOG_UNIT)
    log_counts, log_expected = np.concatenate(counts), np.concatenate(expected)  # (n_voxels,)
    if not len(log_counts):
        raise InputError(
            "no artificial gap meets what is held out, expected some: take another --seed, or a "
            "larger crop of the scan"
        )
    with np.errstate(over="ignore"):  # of a training that failed, whose score is nan or infinite
        mean = np.clip(np.expm1(log_expected), LEAST_COUNTS, None)
    return HeldOut(
        float(((log_counts - mean_log_counts(mean)) ** 2).mean()),
        float(photon_deviance(np.expm1(log_counts), mean).mean()),
        len(log_counts),
    )


def _plan(network: GapUNet, steps: int, seed: int, device: torch.device) -> Plan:
    """The plan of a fine-tuning, in the words of a training's."""
    return Plan(
        name="finetuned",
        patterns={},
        held_out={},
        patches=PatchConfig(size=FillingSettings.patch),
        network=network.config,
        training=TrainingConfig(
            seed=seed,
            batch_size=BATCH,
            steps=steps,
            steps_per_epoch=steps,
            learning_rate=LEARNING_RATE,
            warmup_steps=min(20, steps // 5),
            average_decay=0.98 if steps >= 100 else 0.9,
            precision="bf16-mixed" if device.type == "cuda" else "32-true",
        ),
    )


def _part(each: Lesson, seed: int, index: int) -> Part:
    rng = np.random.default_rng([seed, 0, index])
    try:
        return brightest_part(each.scan, each.gaps, each.kinds, rng)
    except InputError as error:
        raise InputError(f"{each.name}: {error}") from error


def _slabs(
    parts: Sequence[Part], count: int, seed: tuple[int, ...], guess: GuessKind, *, held_out: bool
) -> list[Slab]:
    """At least `count` slabs, of each part as many; each drawn from the seed and its number."""
    found = []
    for index, part in enumerate(parts):
        for number in range(-(-count // len(parts))):
            rng = np.random.default_rng([*seed, index, number])
            gaps = artificial_gaps(part, rng, held_out=held_out)
            found.append(
                measured_slab(part, gaps, FillingSettings.patch, held_out=held_out, guess=guess)
            )
    return found


def _described(part: Part) -> str:
    """In words: the artificial gaps, and what is held out."""
    kinds = ", ".join(map(_kind, part.kinds))
    for axis, others in enumerate(((1, 2), (0, 2), (0, 1))):
        lines = np.flatnonzero(part.held_out.all(axis=others))
        if len(lines):
            return (
                f"artificial gaps of {kinds}, {len(lines)} of {part.held_out.shape[axis]} "
                f"{AXIS_NAMES[axis]} held out"
            )
    raise AssertionError("nothing is held out")


def _kind(kind: GapKind) -> str:
    axis, width = kind
    return f"{width} {AXIS_NAMES[axis]}"
