"""`--follow-links`: links that lead out of a scan's folder, followed where that is asked for."""

from __future__ import annotations

from pathlib import Path

import click
import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from bcdi_inpaint.cli import main
from bcdi_inpaint.commands.options import follow_links
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import read_scan


@click.command()
@click.argument("scan")
@follow_links
def brightest(scan: str) -> None:
    click.echo(int(read_scan(scan).counts.max()))


def test_links_are_followed_while_the_command_lasts(tmp_path: Path) -> None:
    for name in ("here", "elsewhere"):
        (tmp_path / name).mkdir()
    counts = np.arange(60).reshape(3, 4, 5)
    with h5py.File(tmp_path / "elsewhere" / "a.h5", "w") as file:
        file["counts"] = counts
    with h5py.File(tmp_path / "here" / "a.h5", "w") as file:
        file["data"] = h5py.ExternalLink("../elsewhere/a.h5", "/counts")
    scan = f"{tmp_path}/here/a.h5:/data"
    result = CliRunner().invoke(brightest, [scan, "--follow-links"])
    assert result.output == "59\n"
    for _ in range(2):  # it ends with the command
        with pytest.raises(InputError, match="--follow-links"):
            read_scan(scan)
    assert isinstance(CliRunner().invoke(brightest, [scan]).exception, InputError)


@pytest.mark.parametrize("name", ["predict", "phase", "finetune", "evaluate"])
def test_the_commands_that_read_scans_have_it(name: str) -> None:
    assert "--follow-links" in CliRunner().invoke(main, [name, "--help"]).output
