"""A study goes on from rows that were kept of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from docs_site.study_rows import keep_rows, restore_rows
from small_study import study

from bcdi_inpaint.jobs.compare_methods import compare_methods
from bcdi_inpaint.jobs.comparison import Comparison, prepare_comparison, where_parts_are
from bcdi_inpaint.studies import trained_networks
from bcdi_inpaint.studies.config import StudyConfig
from simulation.campaign import run as simulate
from simulation.recipe import as_recipe

pytestmark = pytest.mark.usefixtures("patterns_made_here")


def run(config: StudyConfig, folder: Path) -> list[str]:
    """The table of gaps that a study writes."""
    comparison = prepare_comparison(config, "tiny.yaml", folder, device="cpu", quiet=True)
    for name, values in (("patterns", config.patterns), ("held_out", config.held_out)):
        simulate(as_recipe(values, name), comparison.patterns[name], 1, quiet=True)
    compare_methods(comparison)
    return (folder / "cases.csv").read_text().splitlines()


def test_a_study_goes_on_from_rows_that_were_kept_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = study(kinds=["gap_unet"])
    kept = tmp_path / "rows.csv", tmp_path / "networks.json"
    monkeypatch.setenv("BCDI_INPAINT_CACHE", str(tmp_path / "here"))
    before = run(config, tmp_path / "before")
    n_rows = keep_rows(config, tmp_path / "before", *kept)
    assert n_rows == len(before) - 1

    monkeypatch.setenv("BCDI_INPAINT_CACHE", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(trained_networks, "_train", None)  # nothing is trained
    assert restore_rows(config, tmp_path / "after", *kept) == n_rows
    assert run(config, tmp_path / "after") == before


def test_a_column_that_older_rows_lack_is_empty_there(tmp_path: Path) -> None:
    config = study()
    parts = where_parts_are(Comparison(config, "", tmp_path, tmp_path, {}))["gaps"]
    parts.mkdir(parents=True)
    (parts / "networks.json").write_text("{}")
    (parts / "a-0.json").write_text(json.dumps([{"method": "linear"}]))
    (parts / "b-0.json").write_text(json.dumps([{"method": "linear", "border_p": 0.5}]))
    rows, networks = tmp_path / "rows.csv", tmp_path / "networks.json"
    assert keep_rows(config, tmp_path, rows, networks) == 2
    assert rows.read_text() == "part,method,border_p\na-0,linear,\nb-0,linear,0.5\n"
