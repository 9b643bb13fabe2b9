"""What all variants of `benchmarks.ablation` share: patterns, a folder, how they are judged."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills import (
    NETWORK,
    EvaluationConfig,
    fillers,
    judge_subjects,
    simulated_subjects,
)
from bcdi_inpaint.files.patterns import n_patterns, read_contents, read_pattern
from bcdi_inpaint.network.unet import GapUNet
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.safe_files import hold_lock, replace_file
from bcdi_inpaint.training.plan import Plan

WIDTHS = (6, 12, 24)
"""Of the gaps that are judged, in voxels."""


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
    with hold_lock(path):
        yield


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
