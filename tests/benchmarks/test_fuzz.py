"""A small share of benchmarks/fuzz.py: damaged files are refused in one line, or filled."""

import importlib.util
from pathlib import Path

FUZZ = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz.py"


def test_damaged_files_are_refused_or_filled(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("fuzz", FUZZ)
    assert spec is not None
    assert spec.loader is not None
    fuzz = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["fuzz"] = fuzz  # its dataclasses look for it there
    spec.loader.exec_module(fuzz)
    verdicts = fuzz.run(60, 7, 1, tmp_path, fuzz.tiny_model(tmp_path), batch=60)
    faults = [f"{verdict.path.name}: {verdict.what}" for verdict in verdicts if verdict.is_fault]
    assert faults == []
    assert {verdict.what for verdict in verdicts} == {"filled", "refused"}
