"""A small share of benchmarks/fuzz.py: damaged files are refused in one line, or filled."""

from pathlib import Path

from benchmarks import fuzz


def test_damaged_files_are_refused_or_filled(tmp_path: Path) -> None:
    verdicts = fuzz.run(24, 7, 1, tmp_path, fuzz.tiny_model(tmp_path), batch=24)
    faults = [f"{verdict.path.name}: {verdict.what}" for verdict in verdicts if verdict.is_fault]
    assert faults == []
    assert {verdict.what for verdict in verdicts} == {"filled", "refused"}
