"""A whole study of methods on next to nothing."""

from pathlib import Path
from typing import Any

import pytest
from small_study import RECIPE, study, volumes

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.jobs.compare_methods import compare_methods
from bcdi_inpaint.jobs.comparison import (
    WRITTEN,
    Comparison,
    prepare_comparison,
    where_parts_are,
)
from bcdi_inpaint.studies import trained_networks
from simulation.campaign import run as simulate
from simulation.recipe import as_recipe

pytestmark = pytest.mark.usefixtures("patterns_made_here")


def prepared(folder: Path, **changes: Any) -> Comparison:
    """The tiny study, with its patterns made."""
    config = study(**changes)
    comparison = prepare_comparison(config, "tiny.yaml", folder, device="cpu", quiet=True)
    for name, values in (("patterns", config.patterns), ("held_out", config.held_out)):
        simulate(as_recipe(values, name), comparison.patterns[name], 1, quiet=True)
    return comparison


def test_a_study_trains_judges_and_writes_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCDI_INPAINT_CACHE", str(tmp_path / "cache"))
    changes = {
        "learning": {"methods": ["dip"], "patterns": 1, "widths": [4], "dip_steps": 2, "runs": 1},
        "latent": {"patterns": 3, "neighbours": 1, "size": 16, "width": 5, "steps": 1},
        "losses": ["mae"],
    }
    folder = tmp_path / "out"
    table = compare_methods(prepared(folder, **changes))
    text = (folder / "methods.md").read_text()
    for heading in (
        "Who is first",
        "What training earned",
        "The networks",
        "Share of the way",
        "The measures of Chavez et al., 17 px",
        "Losses",
        "Border and values",
        "Methods that learn from the one scan",
        "Latent spaces",
    ):
        assert f"## {heading}" in text, heading
    assert "`bcdi-inpaint evaluate tiny.yaml` makes these" in text
    assert "tunet + inputs" in table
    assert "first guess" in table
    for name in ("tiny_simulated_published.png", "tiny_simulated_classical.png", "tiny_fills.png"):
        assert f"({name})" in text
        assert (folder / name).stat().st_size > 1000
    assert len(list((tmp_path / "cache/methods/weights").glob("*.safetensors"))) == 4
    with pytest.raises(InputError, match=r"methods.md exists.*--force"):
        prepared(folder, **changes)

    def never(*_: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(trained_networks, "_train", never)
    (folder / "methods.md").rename(folder / "before.md")
    for name in ("scores.csv", "cases.csv"):
        (folder / name).unlink()
    compare_methods(prepared(folder, **changes))
    assert (folder / "methods.md").read_text() == (folder / "before.md").read_text()


def rows_of(folder: Path, method: str) -> list[str]:
    """The lines of a method in the table of gaps."""
    return [
        line for line in (folder / "cases.csv").read_text().splitlines() if f",{method}," in line
    ]


def test_a_network_that_was_judged_is_not_trained_again_where_its_weights_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCDI_INPAINT_CACHE", str(tmp_path / "cache"))
    folder, weights = tmp_path / "out", tmp_path / "cache/methods/weights"
    compare_methods(prepared(folder, kinds=["gap_unet"]))
    judged = rows_of(folder, "gap_unet")
    for path in [*weights.glob("*.safetensors"), *(folder / name for name in WRITTEN)]:
        path.unlink()
    compare_methods(prepared(folder, kinds=["gap_unet", "tunet"], columns=["ours"]))
    text = (folder / "methods.md").read_text()
    assert "- gap_unet: its weights are gone, what was judged of it is taken" in text
    assert rows_of(folder, "gap_unet") == judged != []
    assert len(rows_of(folder, "tunet + inputs")) == len(judged)
    shares = text.partition("## Share of the way")[2]
    assert shares.index("| gap_unet ") < shares.index("| tunet + inputs ")  # as the study has them
    assert [path.name.split("-")[0] for path in weights.glob("*.safetensors")] == ["tunet"]

    for path in (*folder.glob("parts/gaps-*/*-03-0.json"), *(folder / name for name in WRITTEN)):
        path.unlink()  # a gap in which it was not judged: it is trained again
    compare_methods(prepared(folder, kinds=["gap_unet", "tunet"], columns=["ours"]))
    assert len([*weights.glob("gap_unet*.safetensors")]) == 1
    assert "weights are gone" not in (folder / "methods.md").read_text()


def test_scans_are_compared_too_and_by_the_published_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCDI_INPAINT_CACHE", str(tmp_path / "cache"))
    recipe = {**RECIPE, "shape": [24, 24, 24], "count": 1}
    step = {"widths": [3], "voxels": 300, "steps": 40, "batch_size": 64, "validation_patterns": 0}
    changes = {
        "patterns": recipe,
        "held_out": {**recipe, "seed": 42},
        "widths": [3],
        "kinds": ["gap_unet"],
        "last_step": step,
        "learning": {"methods": ["dip"], "patterns": 1, "widths": [3], "dip_steps": 1, "runs": 1},
        "cubes": {"patches": 2, "size": 16, "widths": [3], "bins": 2, "bright": 1},
    }
    folder = tmp_path / "out"
    table = compare_methods(prepared(folder, **changes))
    assert "gap_unet" in table
    text = (folder / "methods.md").read_text()
    assert "## The published protocol" in text
    assert "dip from a smooth fit" in text
    of_methods = {line.split("|")[1].strip(): line for line in table.splitlines() if "|" in line}
    names = ("gap_unet", "gap_unet + last step")
    assert len({of_methods[name].split("|", 2)[2] for name in names}) == 2  # it changes the fill
    earned, _, networks = text.partition("## What training earned")[2].partition("## The networks")
    for name in names:
        assert f"| {name} " in earned, name
        assert f"| {name} " in networks, name
    assert "ours (`gap_unet + last step`) is " in text
    (folder / "methods.md").rename(folder / "before.md")
    for name in ("scores.csv", "cases.csv"):
        (folder / name).unlink()
    compare_methods(prepared(folder, **changes))
    assert (folder / "methods.md").read_text() == (folder / "before.md").read_text()
    weights = [*(tmp_path / "cache").rglob("*.safetensors")]
    for path in [*weights, *(folder / name for name in WRITTEN)]:
        path.unlink()
    compare_methods(prepared(folder, **changes))  # each section has what was judged
    lines = (folder / "methods.md").read_text().splitlines()
    after = [line for line in lines if " weights are gone" not in line]
    assert after == (folder / "before.md").read_text().splitlines() != lines


def parts_of(folder: Path, **changes: Any) -> dict[str, str]:
    """The names of the parts of a study of scans that judges nothing new."""
    cubes = {"patches": 2, "size": 16, "widths": [3]}
    scan = {"name": "S", "file": "a.npz", "frames": [0, 16]}
    values = {"kinds": [], "widths": [3], "cubes": cubes, "measured": [scan]} | changes
    comparison = Comparison(volumes(**values), "tiny.yaml", folder, folder, {})
    return {name: part.name for name, part in where_parts_are(comparison).items()}


def test_what_was_judged_by_another_configuration_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCDI_INPAINT_DATA", str(tmp_path))
    (tmp_path / "a.npz").write_bytes(b"a scan")
    (tmp_path / "b.npz").write_bytes(b"a scan")
    before = parts_of(tmp_path)
    assert before == parts_of(tmp_path)
    scan = {"name": "S", "file": "a.npz", "frames": [0, 16]}
    for changes in (
        {"widths": [6]},
        {"measured_widths": [6]},
        {"measured": []},
        {"measured": [scan | {"file": "b.npz"}]},
        {"measured": [scan | {"frames": [1, 17]}]},
        {"measured": [scan | {"mask_key": "bad"}]},
        {"measured": [scan | {"name": "T"}]},
    ):
        after = parts_of(tmp_path, **changes)
        assert after["gaps"] != before["gaps"], changes
        assert after["cubes"] != before["cubes"], changes
    after = parts_of(tmp_path, classical=["linear"])
    assert after == before  # each method has records of its own there
    assert parts_of(tmp_path, kinds=["gap_unet"]) == before
    bins = {"patches": 2, "size": 16, "widths": [3], "bins": 4}
    assert parts_of(tmp_path, cubes=bins) == before  # it is for the means alone
    for cubes in ({"patches": 3, "size": 16, "widths": [3]}, {"size": 16, "widths": [3, 6]}):
        after = parts_of(tmp_path, cubes=cubes)
        assert after["cubes"] != before["cubes"]
        assert after["gaps"] == before["gaps"]
    (tmp_path / "a.npz").write_bytes(b"another")
    after = parts_of(tmp_path)
    assert not {*after.values()} & {*before.values()}
    (tmp_path / "a.npz").unlink()
    assert not {*parts_of(tmp_path).values()} & {*after.values()}


def test_gaps_that_fit_no_pattern_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCDI_INPAINT_CACHE", str(tmp_path / "cache"))
    recipe = {**RECIPE, "shape": [24, 24, 24], "count": 1}
    changes = {"patterns": recipe, "held_out": {**recipe, "seed": 42}, "kinds": [], "widths": [16]}
    with pytest.raises(InputError, match=r"nothing was judged.*set widths"):
        compare_methods(prepared(tmp_path / "out", **changes))
