"""`bcdi-inpaint doctor`: what this installation can do, and how to get the rest."""

from __future__ import annotations

from collections.abc import Callable

import click


@click.command(short_help="Say what is installed and works, and how to get the rest.")
def doctor() -> None:
    """Say what is there: versions, formats, GPU, PyNX and its backend, LAMMPS, Qt.

    Each line is something that this package works with; of what is missing it says how to get it.
    Nothing is changed. The exit status is 1 where what filling takes is missing, else 0.

    \b
    Example:
      bcdi-inpaint doctor
    """
    from bcdi_inpaint.jobs.doctor import examine, is_enough

    findings = []
    for finding in examine(_simulation_checks()):
        findings.append(finding)
        click.echo(str(finding))
    if not is_enough(findings):
        raise SystemExit(1)


def _simulation_checks() -> dict[str, Callable[[], object]]:
    """What loads the libraries of simulation, by the library."""
    from simulation.relaxation import load_lammps

    return {"lammps": load_lammps}
