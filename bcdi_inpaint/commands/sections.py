"""The commands in ``--help``, under headings; and what is said of a command that is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click


class SectionedGroup(click.Group):
    """A group whose commands stand under headings, in the order in which they are used."""

    def __init__(self, *args: Any, **extra: Any) -> None:
        super().__init__(*args, **extra)
        self.sections: dict[str, list[str]] = {}

    def add_sections(self, sections: Mapping[str, Iterable[click.Command]]) -> None:
        """Add commands under their headings."""
        for heading, commands in sections.items():
            for command in commands:
                self.add_command(command)
                self.sections.setdefault(heading, []).append(str(command.name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands that are not hidden, heading by heading."""
        listed = {name for names in self.sections.values() for name in names}
        others = [name for name in self.commands if name not in listed]
        names = {
            n for group in self.sections.values() for n in group if not self.commands[n].hidden
        }
        width = max(map(len, names), default=0)
        for heading, group in {**self.sections, "Others": others}.items():
            shown = (self.commands[name] for name in group if not self.commands[name].hidden)
            rows = [(str(one.name).ljust(width), one.get_short_help_str(200)) for one in shown]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; a scan in its place gets the command that fills it."""
        first = args[0]
        if first not in self.commands and _looks_like_a_scan(first):
            ctx.fail(f"{first} is no command but a scan: `bcdi-inpaint predict {first}` fills it")
        return super().resolve_command(ctx, args)


def _looks_like_a_scan(word: str) -> bool:
    from bcdi_inpaint.files import SCAN_SUFFIXES, split_spec

    path, inner = split_spec(word)
    return inner is not None or path.name.lower().endswith(SCAN_SUFFIXES) or Path(word).exists()
