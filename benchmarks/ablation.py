# ruff: noqa: E402 - its imports follow a change of the path
"""What each addition to the published recipe is worth: the same training without it.

    python benchmarks/ablation.py configs/release.yaml --out runs/ablation --steps 350 --slabs 200
    python benchmarks/ablation.py configs/release.yaml --out runs/ablation ... --variants "no mate"

All variants have the same patterns, gaps, seed, steps and batches, and are judged in the same gaps.
Interrupt it at any time: the same command goes on where it was, and finished variants are kept.
Processes with the same OUT and other --variants may run side by side: they share the prepared
slabs, and each of them writes the table of all that is finished, as CSV and Markdown.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# A script of this folder may have the name of a module: not to be found by its name.
sys.path[:] = [path for path in sys.path if path != str(Path(__file__).resolve().parent)]

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills import (
    NETWORK,
    Bootstrap,
    EvaluationConfig,
    Interval,
    Record,
    average_scores,
    fillers,
    judge_subjects,
    simulated_subjects,
)
from bcdi_inpaint.files.patterns import n_patterns, read_contents, read_pattern
from bcdi_inpaint.network.unet import GapUNet
from bcdi_inpaint.network.units import logs_from_network
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.safe_files import locked, replace_file
from bcdi_inpaint.tables import format_table
from bcdi_inpaint.training import RunOptions, prepare, train
from bcdi_inpaint.training.checkpoint import load_averaged_weights
from bcdi_inpaint.training.patch_dataset import PatchDataset
from bcdi_inpaint.training.plan import Plan, read_plan
from bcdi_inpaint.training.slabs import Slab
from bcdi_inpaint.training.streams import Stream

WIDTHS = (6, 12, 24)
"""Of the gaps that are judged, in voxels."""
FULL = "full"
NO_AVERAGE = "no average"
NO_NETWORK = "no network"
_NO_MATE: dict[str, Any] = {"network": {"hidden": ["mate", "mate_known"]}}
_NO_KRIGING: dict[str, Any] = {"network": {"guess": "linear"}}
_PUBLISHED_LOSS: dict[str, Any] = {"loss": {"likelihood": 0}}
_COUNTS: dict[str, Any] = {"training": {"truth": "counts"}}
VARIANTS: dict[str, dict[str, Any]] = {
    FULL: {},
    "no mate": _NO_MATE,
    "no kriging": _NO_KRIGING,
    "no sigma channel": {"network": {"hidden": ["guess_sigma"]}},
    "published loss": _PUBLISHED_LOSS,
    "no dilations": {"network": {"dilations": "none"}},
    "counts as truth": _COUNTS,
    NO_AVERAGE: {},
    "no addition": {
        "network": _NO_MATE["network"] | _NO_KRIGING["network"],
        **_PUBLISHED_LOSS,
        **_COUNTS,
    },
    NO_NETWORK: {},
}
"""What each changes in the plan. `no average` has the weights of the last step of `full`'s run
instead of their moving average; `no addition` has a linear guess, no mate, the published loss and
noisy counts to learn towards; `no network` is the kriged first guess as it is."""


# --- plans ---------------------------------------------------------------------------------------


def base_plan(
    plan: Plan, steps: int | None, slabs: int | None, validation_slabs: int | None
) -> Plan:
    """The plan of `full`: shorter, with the warm-up and the average's span shortened alike."""
    old = plan.training
    share = (steps or old.steps) / old.steps
    training = {
        "steps": steps or old.steps,
        "steps_per_epoch": min(50, steps or old.steps),
        "warmup_steps": round(old.warmup_steps * min(share, 1)) if steps else old.warmup_steps,
        "average_decay": max(0.0, 1 - (1 - old.average_decay) / min(share, 1)),
        "slabs": slabs or old.slabs,
        "validation_slabs": validation_slabs or old.validation_slabs,
        "calibration_patterns": 0,
    }
    return plan.model_copy(update={"training": old.model_copy(update=training), "feed": None})


def plan_of(variant: str, base: Plan) -> Plan:
    """The plan of a variant."""
    values = base.model_dump(mode="json")
    for section, changes in VARIANTS[variant].items():
        values[section] |= changes
    if values["network"]["dilations"] == "none":
        values["network"]["dilations"] = [[1, 1]] * len(base.network.channels)
    return Plan.model_validate(values)


# --- patterns ------------------------------------------------------------------------------------


class Patterns(Sequence[Any]):
    """The log expectations of a pattern file, each read when it is asked for."""

    def __init__(self, path: Path) -> None:
        self._path, self._count = path, n_patterns(path)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> NDArray[np.float16]:
        return np.log1p(read_pattern(self._path, index).expectation).astype(np.float16)


def pattern_files(arguments: argparse.Namespace, plan: Plan) -> dict[str, Path]:
    """The files to train on and to validate on: those given, else simulated by the plan."""
    from simulation.campaign import run as simulate
    from simulation.recipe import as_recipe

    given = {"patterns": arguments.patterns, "held_out": arguments.held_out}
    found: dict[str, Path] = {}
    for name, path in given.items():
        found[name] = path or arguments.out / f"{name}.h5"
        if path is None:
            with alone(arguments.out / f"{name}.lock"):
                recipe = as_recipe(getattr(plan, name), f"{arguments.config}: {name}")
                simulate(recipe, found[name], arguments.workers, False)
    return found


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait until no other process is at the same work; `path` is a file of nothing else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path):
        yield


# --- one variant ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Study:
    """What all variants share.

    Attributes
    ----------
    base : the plan of `full`.
    files : of the patterns, ``patterns`` and ``held_out``.
    rows : places in the held-out file of the patterns that are judged.
    out : the folder of everything.
    workers : processes that prepare slabs.
    """

    base: Plan
    files: Mapping[str, Path]
    rows: tuple[int, ...]
    out: Path
    workers: int

    def folder(self, variant: str) -> Path:
        """Where a variant's training and results lie."""
        return self.out / variant.replace(" ", "_")

    def settings(self) -> dict[str, Any]:
        """What may not change while the folder is in use."""
        hashes = {name: read_contents(path).recipe_sha256 for name, path in self.files.items()}
        return {"plan": self.base.model_dump(mode="json"), "files": hashes, "rows": [*self.rows]}


def claim(study: Study) -> None:
    """Say what the folder is for, or InputError if it is for something else."""
    path = study.out / "settings.json"
    wanted = json.loads(json.dumps(study.settings()))
    if path.exists() and json.loads(path.read_text()) != wanted:
        raise InputError(
            f"{study.out} holds an ablation with other settings (see {path}), expected the same: "
            "give the same options, or another --out"
        )
    replace(path, json.dumps(wanted, indent=1))


def replace(path: Path, text: str) -> None:
    """Write a file whole, whoever else does so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, text.encode())


def measured(variant: str, study: Study) -> None:
    """Train a variant and judge it, as far as that is not done; its results lie in its folder."""
    folder, plan = study.folder(variant), plan_of(variant, study.base)
    with alone(folder / "lock"):
        if (folder / "patches.json").exists() and not unjudged(variant, study):
            return
        slabs = study.out / f"slabs_{plan.network.guess}"
        prepared = [Patterns(study.files[name]) for name in ("patterns", "held_out")]
        unseen = prepare(*prepared, plan, slabs, study.workers)[1]  # the others go at once
        network = network_of(variant, plan, slabs, study)
        if not (folder / "patches.json").exists():
            score = {"patch_mse": patch_mse(network, unseen, plan)}
            replace(folder / "patches.json", json.dumps(score))
        judge(variant, network, study)


def network_of(variant: str, plan: Plan, slabs: Path, study: Study) -> GapUNet:
    """The network of a variant, trained where it is to be and was not."""
    if variant == NO_NETWORK:
        return GapUNet(plan.network).eval()
    source = FULL if variant == NO_AVERAGE else variant
    with alone(study.folder(source) / "training.lock"):
        last = study.folder(source) / "training" / "last.ckpt"
        if not last.exists() or load_averaged_weights(last)[0] < plan.training.steps:
            print(f"{source}: training", flush=True)
            options = RunOptions(resume=last.exists(), slab_folder=slabs)
            train(plan, None, None, last.parent, options)
    weights = load_averaged_weights(last)[1]
    if variant == NO_AVERAGE:
        latest = torch.load(last, map_location="cpu", weights_only=True)["current_model_state"]
        weights = {name.removeprefix("network."): tensor for name, tensor in latest.items()}
    network = GapUNet(plan.network)
    network.load_state_dict(weights)
    return network.eval()


@torch.inference_mode()
def patch_mse(network: GapUNet, unseen: Sequence[Slab], plan: Plan) -> float:
    """Mean squared error of the log expectation in the gaps of the validation's patches."""
    training = plan.training
    seed = (training.seed, Stream.VALIDATION_PATCHES)
    patches = PatchDataset(unseen, plan.patches, training.validation_patches, seed)
    total, number = 0.0, 0
    for channels, truth, gap in DataLoader(patches, training.batch_size):
        prediction, _ = network(channels)
        error = logs_from_network((prediction - truth)[gap].double())  # (n_voxels,)
        total, number = total + float((error**2).sum()), number + len(error)
    return total / number


# --- judging on whole patterns -------------------------------------------------------------------


def evaluation(study: Study) -> EvaluationConfig:
    """One plane gap of each width on each pattern, across rows or columns by turns."""
    return EvaluationConfig(
        name="ablation",
        seed=study.base.training.seed,
        methods=("linear", NETWORK),
        widths=WIDTHS,
        kinds=("row", "column"),
        kinds_per_pattern=1,
        measured=(),
    )


def judged_file(variant: str, row: int, study: Study) -> Path:
    """The records of one pattern."""
    return study.folder(variant) / "judged" / f"{row:04d}.json"


def unjudged(variant: str, study: Study) -> list[int]:
    """The patterns on which a variant has still to be judged."""
    return [row for row in study.rows if not judged_file(variant, row, study).exists()]


def judge(variant: str, network: GapUNet, study: Study) -> None:
    """Judge a network on the patterns on which it was not yet."""
    config = evaluation(study)
    methods = fillers(config.methods, Model(network, variant, ""))
    for row in unjudged(variant, study):
        outcome = judge_subjects(
            simulated_subjects(study.files["held_out"], [row]), config, methods
        )
        for remark in outcome.remarks:
            print(f"{variant}: {remark}", flush=True)
        replace(judged_file(variant, row, study), json.dumps(outcome.records))


# --- the table -----------------------------------------------------------------------------------


def finished(study: Study) -> dict[str, list[Record]]:
    """The records of each variant that is trained and judged."""
    return {
        name: [
            record
            for row in study.rows
            for record in json.loads(judged_file(name, row, study).read_text())
        ]
        for name in VARIANTS
        if (study.folder(name) / "patches.json").exists() and not unjudged(name, study)
    }


def results(study: Study) -> list[Record]:
    """A row for each finished variant and width: scores, and differences from `full`.

    Differences are taken gap by gap; their intervals, 95 %, are over particles. They tell how sure
    it is that these two networks differ, not how much two trainings by other seeds would.
    """
    records, config = finished(study), evaluation(study)
    found = []
    for variant, own in records.items():
        mse = json.loads((study.folder(variant) / "patches.json").read_text())["patch_mse"]
        for row in average_scores(own, config):
            if row["method"] != NETWORK or row["kind"] != "all":
                continue
            width = row["width"]
            found.append(
                {"variant": variant, "width": width, "patch MSE": mse}
                | _spread("Pearson", row["pearson_log"])
                | _spread("of the way", row["of_the_way"])
                | _spread("deviance", row["poisson_deviance"])
                | _difference("Pearson", "pearson_log", own, records.get(FULL), width, config)
                | _difference("deviance", "poisson_deviance", own, records.get(FULL), width, config)
                | {"gaps": row["cases"], "particles": row["clusters"]}
            )
    return found


def _spread(name: str, interval: Interval) -> Record:
    return {name: interval.mean, f"{name} low": interval.low, f"{name} high": interval.high}


def _difference(
    name: str,
    score: str,
    own: Sequence[Record],
    full: Sequence[Record] | None,
    width: int,
    config: EvaluationConfig,
) -> Record:
    """The mean difference of a score from that of `full` in the same gaps; empty without it."""
    if full is None:
        return {}
    mine, theirs = (
        {r["index"]: r for r in records if r["method"] == NETWORK and r["width"] == width}
        for records in (own, full)
    )
    common = sorted(mine.keys() & theirs.keys())
    bootstrap = Bootstrap([mine[i]["cluster"] for i in common], config.resamples, config.seed)
    differences = [mine[i][score] - theirs[i][score] for i in common]
    return _spread(f"{name} - full", bootstrap.interval(bootstrap.means(differences)))


def write_tables(study: Study) -> str:
    """Write the table of what is finished as CSV, and as Markdown with fewer columns."""
    rows = results(study)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    replace(study.out / "ablation.csv", format_table(rows, columns, "csv") if rows else "")
    short = [name for name in columns if not name.endswith((" low", " high"))]
    shown = [row | {name: _with_interval(row, name) for name in short} for row in rows]
    replace(study.out / "ablation.md", heading(study) + format_table(shown, short, "markdown"))
    return format_table(shown, short) if rows else ""


def heading(study: Study) -> str:
    """What the table is of, in Markdown."""
    training = study.base.training
    return (
        f"# What each addition is worth: `{study.base.name}`\n\n"
        f"- the same training with and without: {training.steps} steps of {training.batch_size} "
        f"patches, {training.slabs} slabs, seed {training.seed}; far shorter than that of the "
        "released weights\n"
        f"- judged on {len(study.rows)} held-out patterns, a plane gap of each width; in brackets "
        "95 % intervals over particles, which tell how sure it is that these two networks differ, "
        "not how much two trainings by other seeds would\n"
        "- patch MSE: of log counts in the gaps of the validation's patches\n\n"
    )


def _with_interval(row: Record, name: str) -> Any:
    if f"{name} low" not in row:
        return row.get(name)
    return str(Interval(row[name], row[f"{name} low"], row[f"{name} high"]))


# --- command line --------------------------------------------------------------------------------


def parsed() -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path, help="the plan of a training")
    parser.add_argument("--steps", type=int, help="of each training; default: the plan's")
    parser.add_argument("--slabs", type=int, help="gaps on patterns; default: the plan's")
    parser.add_argument("--validation-slabs", type=int, help="default: the plan's")
    parser.add_argument(
        "--variants", default=",".join(VARIANTS), help="comma-separated; default: %(default)s"
    )
    parser.add_argument("--patterns", type=Path, help="a pattern file; default: simulated")
    parser.add_argument("--held-out", type=Path, help="a pattern file; default: simulated")
    parser.add_argument("--judged", type=int, default=24, help="held-out patterns to judge on")
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--threads", type=int, default=1, help="of the CPU, for the network")
    parser.add_argument("--workers", type=int, default=1, help="processes that prepare slabs")
    return parser.parse_args()


def chosen(text: str) -> list[str]:
    """The variants of a comma-separated list."""
    names = [name.strip().replace("_", " ") for name in text.split(",")]
    for name in names:
        if name not in VARIANTS:
            raise InputError(f"{name!r} is no variant, expected some of {', '.join(VARIANTS)}")
    return names


def main() -> None:
    """Command line of the benchmark."""
    arguments = parsed()
    torch.set_num_threads(arguments.threads)
    try:
        names = chosen(arguments.variants)
        plan = read_plan(arguments.config)
        base = base_plan(plan, arguments.steps, arguments.slabs, arguments.validation_slabs)
        files = pattern_files(arguments, plan)
        n_held_out = n_patterns(files["held_out"])
        n_judged = min(arguments.judged, n_held_out)
        rows = tuple(int(row) for row in np.linspace(0, n_held_out - 1, n_judged).round())
        study = Study(base, files, rows, arguments.out, arguments.workers)
        claim(study)
        for name in names:
            measured(name, study)
            gc.collect()  # a trainer is in circles of references, its gigabytes of slabs with it
            print(f"{name}: done", flush=True)
            write_tables(study)
        print(write_tables(study))
    except InputError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted: the same command goes on")


if __name__ == "__main__":
    main()
