"""Benchmarks are a package: each is imported by its name, none changes where Python looks."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

import benchmarks

NAMES = sorted(path.stem for path in Path(benchmarks.__file__).parent.glob("[a-z]*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_is_a_module(name: str) -> None:
    before = list(sys.path)
    module = importlib.import_module(f"benchmarks.{name}")
    assert sys.path == before
    assert module.__doc__
