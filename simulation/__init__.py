"""Simulated crystals and their Bragg peaks, to train and to judge gap filling."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulation.recipe import Recipe, make_pattern
    from simulation.scan import SimulatedScan, simulate_scan

__all__ = ["Recipe", "SimulatedScan", "make_pattern", "simulate_scan"]

_HOMES = {
    "Recipe": "recipe",
    "SimulatedScan": "scan",
    "make_pattern": "recipe",
    "simulate_scan": "scan",
}
"""The module of each name, which is loaded when the name is first used."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
