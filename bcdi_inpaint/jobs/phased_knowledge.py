"""What is known of beam and crystal where a file is phased: by the file, and by the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.jobs.knowledge_of_data import NO_PSF, known_of
from bcdi_inpaint.phasing.background import read_background
from bcdi_inpaint.phasing.pynx_knowledge import Knowledge

OURS = ("--psf", "--density", "--background")
"""Options that say something of beam and crystal."""


def split_knowledge(words: Sequence[str]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """PyNX's own arguments, and what of the others says something of beam and crystal.

    Examples
    --------
    >>> split_knowledge(["--psf", "none", "--beta", "0.8", "--density", "0.1"])
    (('--beta', '0.8'), {'psf_chosen': True, 'density': 0.1})
    """
    spread = [part for word in words for part in _spread(word)]
    rest: list[str] = []
    said: dict[str, Any] = {}
    position = 0
    while position < len(spread):
        name, value = spread[position], "".join(spread[position + 1 : position + 2])
        if name == "--psf" and value.lower() in NO_PSF:
            said["psf_chosen"] = True
        elif name == "--density":
            said["density"] = _number(value)
        elif name == "--background":
            read_background(value)  # refused before the work
            said["background"] = value
        else:
            rest.append(name)
            position -= 1
        position += 2
    return tuple(rest), said


def _spread(word: str) -> list[str]:
    """``--name=value`` in two words."""
    name, sign, value = word.partition("=")
    return [name, value] if sign and name in OURS else [word]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"density is {text!r}, expected 0 to 1: take 0.1, or 0 for none") from None


def knowledge_of(record: Mapping[str, Any], said: Mapping[str, Any]) -> Knowledge:
    """What a file's provenance says, unless the user says otherwise."""
    return known_of(dict(said), record)
