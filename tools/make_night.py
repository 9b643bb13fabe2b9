"""Make docs/night.png: the page of a night of simulated scans, in a browser.

`make_night.py` simulates a dozen scans, fills them as a user does, and takes the picture;
`make_night.py FOLDER` leaves scans, outputs and the page there.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from browser import find_browser, shoot
from click.testing import CliRunner
from PIL import Image

from bcdi_inpaint.cli import main as command_line
from bcdi_inpaint.files import write_scan
from bcdi_inpaint.gaps.gap import parse_gap
from bcdi_inpaint.scan.scan import Metadata
from simulation import simulate_scan

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "night.png"
SHAPE = (32, 64, 64)
NIGHT = {
    "align_S01": (1, 1e6, "cross"),
    "Pt_cube_S02": (2, 1e6, "rows=36:42"),
    "Pt_cube_S03": (3, 3e5, "cols=34:52"),
    "Pt_cube_S04": (4, 3e4, "cross"),
    "Au_S05": (5, 1e6, "rows=30:54"),
    "Au_S06": (6, 2e3, "rows=44:50"),
    "Au_S07": (7, 1e5, "columns"),
}
"""Seed, brightest counts and gap of each scan."""
SHUT, DARK = "Pt_cube_S04", slice(26, 28)
"""A scan whose shutter was shut in some frames."""
BROKEN = "Au_S08"
"""A scan whose writer was stopped half-way."""


def write_night(folder: Path) -> None:
    """Write the night's scans."""
    for name, (seed, flux, gap) in NIGHT.items():
        where = parse_gap(gap) if "=" in gap else gap
        made = simulate_scan(seed, where, SHAPE, flux)  # type: ignore[arg-type]
        metadata = Metadata(energy_ev=9000.0, instrument="simulation", sample=name)
        counts, mask = made.scan.counts, made.scan.bad_mask.astype(np.int8)
        counts[DARK if name == SHUT else slice(0, 0)] = 0
        write_scan(folder / f"{name}.cxi", counts, mask, metadata)
    whole = (folder / "Au_S07.cxi").read_bytes()
    (folder / f"{BROKEN}.cxi").write_bytes(whole[: len(whole) // 3])


def make_page(folder: Path) -> Path:
    """Fill the scans of a folder; the page that tells of them."""
    page = folder / "night.html"
    done = CliRunner().invoke(command_line, ["predict", str(folder), "--report", str(page)])
    print(done.output)
    return page


def take_picture(page: Path, picture: Path, size: tuple[int, int], hash_: str = "") -> None:
    """Take the page's picture, with a palette of 256 colours: a third of the size."""
    browser = find_browser()
    if browser is None:
        sys.exit("make_night: there is no chromium here to open the page, expected one: install it")
    shoot(browser, page, picture, size, hash_)
    with Image.open(picture) as shot:
        shot.convert("RGB").quantize(256).save(picture, optimize=True)


def main(folder: Path) -> None:
    """Make the scans, the page and its picture."""
    folder.mkdir(exist_ok=True)
    write_night(folder)
    take_picture(make_page(folder), PICTURE, (1280, 1080), "sort=-notes")
    print(f"{PICTURE}: {PICTURE.stat().st_size // 1000} kB")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as place:
            main(Path(place) / "night")
