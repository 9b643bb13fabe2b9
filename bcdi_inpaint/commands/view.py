"""`bcdi-inpaint view`: look at a scan and its fills in a window."""

from __future__ import annotations

import click

from bcdi_inpaint.commands.options import follow_links


@click.command()
@click.argument("scan")
@click.argument("files", nargs=-1, metavar="[FILLED.CXI]...")
@follow_links
def view(scan: str, files: tuple[str, ...]) -> None:
    """Look at SCAN in a window: see, mark gaps and bad voxels, fill, compare, keep.

    FILLED.CXI are fills of it, to be compared, and a file that bcdi-inpaint phase wrote, whose
    calculated intensity is shown. An output of ours can be looked at by itself too.

    \b
    Example:
      bcdi-inpaint view scan.cxi scan_inpainted.cxi
    """
    from bcdi_inpaint.window.opening import view_files

    view_files((scan, *files))
