"""`bcdi-inpaint evaluate --phasing`: what fills do to crystals, told as ratios to masking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from bcdi_inpaint.commands.evaluate import as_csv, as_table, check_free, make_folder, write_text
from bcdi_inpaint.errors import InputError, one_line

SMALL: dict[str, Any] = {
    "name": "phasing_small",
    "crystals": {"count": 4, "atomistic": 1, "size": 64, "oversampling": [2.5, 4.0]},
    "scores": {"widths": [6, 12], "settings": ["known support"], "raar": 200, "er": 100},
}
"""Without a configuration: minutes on 2 cores."""
WRITTEN = ("phasing.md", "phasing.csv", "retrievals.csv", "phasing.png")


def judge_crystals(
    path: Path | None, folder: Path | None, model: str | None, device: str, force: bool, quiet: bool
) -> None:
    """Judge, and write every retrieval, the summary and a picture.

    What is done is written after every crystal, so that an interruption loses one at most.
    """
    from bcdi_inpaint.config import read_yaml
    from bcdi_inpaint.crystal_scores import (
        RECORD_COLUMNS,
        SUMMARY_COLUMNS,
        PhasingConfig,
        Record,
        Subject,
        judge,
        summary,
    )
    from bcdi_inpaint.plots import ratio_strips
    from bcdi_inpaint.progress import told
    from bcdi_inpaint.weights import load_weights
    from simulation.crystals import CrystalConfig, crystals

    values = SMALL if path is None else read_yaml(path)
    try:
        config = PhasingConfig.model_validate(values)
        wanted = CrystalConfig.model_validate(config.crystals)
    except ValidationError as error:
        raise one_line(error, str(path or "defaults")) from error
    folder = folder or Path("runs") / config.name
    check_free(folder, WRITTEN, force)
    loaded = load_weights(model or config.model)
    make_folder(folder)
    records: list[Record] = []
    for crystal in told(crystals(wanted, config.seed), "crystals", wanted.count, quiet):
        subject = Subject(crystal.name, crystal.truth, crystal.expectation, crystal.counts)
        records += judge(subject, config.scores, loaded, device=device)
        write_text(folder / "retrievals.csv", as_csv(records, RECORD_COLUMNS))
    if not records:
        raise InputError(
            f"no gap of {config.scores.widths} fits beside the peak in {wanted.size} voxels, "
            "expected one at least: make the crystals' size larger"
        )
    rows = summary(records)
    head = (
        f"# What fills do to crystals: `{config.name}`\n\n- seed {config.seed}\n- network: "
        f"{loaded.name}, sha256 `{loaded.sha256}`\n- ratio: RMS of the phase error inside the "
        "particle over that with the gap masked; median, quartiles and worst over gaps\n\n"
    )
    write_text(folder / "phasing.md", head + as_table(rows, SUMMARY_COLUMNS, "markdown"))
    write_text(folder / "phasing.csv", as_csv(rows, SUMMARY_COLUMNS))
    panels: dict[str, dict[str, list[float]]] = {}
    for record in records:
        panel = panels.setdefault(f"{record['setting']}, {record['width']} px", {})
        panel.setdefault(record["way"], []).append(record["ratio_phase_rms_rad"])
    ratio_strips(folder / "phasing.png", panels, ylabel="phase error, ratio to masking", force=True)
    if not quiet:
        click.echo(as_table(rows, SUMMARY_COLUMNS))
        click.echo(f"tables and picture: {folder}")
