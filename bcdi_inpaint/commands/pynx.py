"""PyNX's own commands, whose cycles heed the fill of our files."""

from __future__ import annotations

import click

from bcdi_inpaint.commands.options import complete_file

AS_IS = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
"""Everything after the command is PyNX's, its ``--help`` too."""


def _command(name: str, own: str = "") -> click.Command:
    """A command called `name`, which is PyNX's `own`."""
    own = own or name

    @click.command(
        name,
        context_settings=AS_IS,
        add_help_option=False,
        hidden=own != name,
        short_help=f"PyNX's {own}, its cycles heeding the fill.",
        help=f"PyNX's {own}, its cycles heeding the fill. ARGS are PyNX's own, --help too.",
    )
    @click.argument("args", nargs=-1, type=click.UNPROCESSED, shell_complete=complete_file)
    def command(args: tuple[str, ...]) -> None:
        from bcdi_inpaint.jobs.pynx_runner import run_pynx

        run_pynx(own, args)

    return command


COMMANDS = (
    _command("pynx-cdi-id01"),
    _command("pynx-cdi-id10"),
    _command("pynx-id01cdi.py", "pynx-cdi-id01"),
    _command("pynx-id10cdi.py", "pynx-cdi-id10"),
)
"""Those that phase a file; two also by their old names, which programs still call."""
