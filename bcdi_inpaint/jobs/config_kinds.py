"""Which command a configuration is for, so that one given to another is answered with a word."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.training.plan import read_yaml

TRAIN, SIMULATE = "train", "simulate"
FILLS, CRYSTALS = "evaluate", "evaluate --phasing"
_STUDY = "study"
"""Key of a study of methods, which has patterns and networks too."""
_KEYS = {
    CRYSTALS: {"crystals", "treatments", "ways"},
    TRAIN: {"patterns", "training", "network", "feed"},
    FILLS: {"methods", "held_out", "placements", "published"},
    SIMULATE: {"count", "shape", "particles", "particle", "realism", "oversampling"},
}
"""Keys that no other command's configurations have at their top; the first that fits counts."""


def kind_of(values: Mapping[str, Any]) -> str | None:
    """The command that a configuration is for, None where its keys do not tell.

    Examples
    --------
    >>> kind_of({"name": "mine", "crystals": {"count": 4}})
    'evaluate --phasing'
    """
    if _STUDY in values:
        return FILLS
    return next((kind for kind, keys in _KEYS.items() if keys & values.keys()), None)


def check_kind(path: Path | None, command: str) -> None:
    """Refuse a configuration that is another command's, or none at all.

    Raises InputError, also where the file is not there or is no YAML. No file is right for all.
    """
    if path is None:
        return
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise InputError(
            f"{path} holds {_shortly(values)}, expected the keys of a configuration: see configs/"
        )
    kind = kind_of(values)
    if kind in (None, command):
        return
    fix = f"call `bcdi-inpaint {kind} {path}`"
    if (command, kind) == (FILLS, CRYSTALS):
        fix = "add --phasing"
    elif (command, kind) == (CRYSTALS, FILLS):
        fix = "leave out --phasing"
    raise InputError(f"{path} is a configuration of `{kind}`, expected one of `{command}`: {fix}")


def _shortly(values: Any) -> str:
    text = repr(values)
    return "nothing" if values is None else text if len(text) <= 40 else f"{text[:40]}..."
