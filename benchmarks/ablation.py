"""What each addition to the published recipe is worth: the same training without it.

    python -m benchmarks.ablation configs/release.yaml --out runs/ablation --steps 350 --slabs 200
    python -m benchmarks.ablation configs/release.yaml --out runs/ablation ... --variants "no mate"

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
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.patterns import n_patterns
from bcdi_inpaint.network.unet import GapUNet
from bcdi_inpaint.network.units import logs_from_network
from bcdi_inpaint.training import RunOptions, prepare, train
from bcdi_inpaint.training.checkpoint import load_averaged_weights
from bcdi_inpaint.training.patch_dataset import PatchDataset
from bcdi_inpaint.training.plan import Plan, read_plan
from bcdi_inpaint.training.slabs import Slab
from bcdi_inpaint.training.streams import Stream
from benchmarks.ablation_study import (
    Patterns,
    Study,
    alone,
    claim,
    judge,
    pattern_files,
    replace,
    unjudged,
)
from benchmarks.ablation_table import write_tables
from benchmarks.ablation_variants import FULL, NO_AVERAGE, NO_NETWORK, VARIANTS, base_plan, plan_of

# --- one variant ---------------------------------------------------------------------------------


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
