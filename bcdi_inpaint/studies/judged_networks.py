"""Networks whose fills were judged, so that a study goes on without their weights.

Weights are large and lie in a cache, which may be emptied or on another machine. What was judged
of a network is small; with it the network need not be trained again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bcdi_inpaint.evaluation.fills import Case
from bcdi_inpaint.safe_files import replace_file
from bcdi_inpaint.studies.contestants import Contestant
from bcdi_inpaint.studies.judging import judged_methods, part_path
from bcdi_inpaint.studies.trained_networks import Trained, weights_path

NETWORKS = "networks.json"
"""The file of a folder of parts that lists them."""


def remember_network(trained: Trained, folder: Path, device: str = "cpu") -> None:
    """Write down what a network is, beside what will be judged of it.

    Parameters
    ----------
    trained : the network.
    folder : of the parts; it is made.
    device : where it was trained: ``auto``, ``cpu`` or ``cuda``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    values = {
        "name": trained.contestant.name,
        "weights": trained.sha256,
        "parameters": trained.parameters,
        "steps": trained.steps,
    }
    listed = _listed(folder) | {_key(trained.contestant, device): values}
    replace_file(folder / NETWORKS, json.dumps(listed, indent=1).encode())


def recall_network(
    contestant: Contestant, folder: Path, cases: Iterable[Case], device: str = "cpu"
) -> Trained | None:
    """A network that was judged in all gaps that it is for, without its weights; else None.

    Parameters
    ----------
    contestant : the network, whose plan is the same.
    folder : of the parts.
    cases : the gaps.
    device : where it would be trained: ``auto``, ``cpu`` or ``cuda``.
    """
    values = _listed(folder).get(_key(contestant, device))
    if values is None:
        return None
    weights = {contestant.name: values["weights"]}
    for case in cases:
        if contestant.width not in (None, case.width):
            continue
        if contestant.name not in judged_methods(part_path(folder, case), weights):
            return None
    return Trained(contestant, values["weights"], values["parameters"], values["steps"])


def _listed(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / NETWORKS
    listed: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}
    return listed


def _key(contestant: Contestant, device: str) -> str:
    """The name that its weights have in a cache: another plan has another."""
    return weights_path(contestant, Path(), device).stem
