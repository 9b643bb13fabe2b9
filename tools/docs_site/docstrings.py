"""Docstrings as Sphinx wants them: ours are plain text, in which a star is a star."""

from __future__ import annotations

import re
import types
import typing
from typing import Any

OURS = ("bcdi_inpaint", "simulation")
_LITERAL = re.compile(r"(``.*?``|`[^`]*`)")


def compile_template_once() -> None:
    """Numpydoc compiles its template for every docstring anew, a fifth of a build's time."""
    from jinja2.sandbox import SandboxedEnvironment
    from numpydoc import docscrape_sphinx

    made: list[SandboxedEnvironment] = []

    def environment(loader: Any) -> SandboxedEnvironment:
        if not made:
            made.append(SandboxedEnvironment(loader=loader, auto_reload=False))
        return made[0]

    docscrape_sphinx.SandboxedEnvironment = environment


def keep_signs(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Escape stars and bars outside literals and examples, in place."""
    lines[:] = [line if line.lstrip().startswith(">>>") else escaped(line) for line in lines]


def escaped(line: str) -> str:
    r"""A line whose stars and bars mean themselves.

    Examples
    --------
    >>> print(escaped("(*box,) of `a * b`, |x|"))
    (\*box,) of `a * b`, \|x\|
    """
    parts = _LITERAL.split(line)
    return "".join(p if p.startswith("`") else re.sub(r"(?<!\\)([*|])", r"\\\1", p) for p in parts)


def skip_foreign(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out names of types, which have no signature, and what other packages define."""
    kinds = (types.GenericAlias, types.UnionType, typing.TypeVar, type(typing.Any))
    if isinstance(obj, kinds) or typing.get_origin(obj) is not None:
        return True
    named = isinstance(obj, type | types.FunctionType)
    is_ours = not named or obj.__module__.partition(".")[0] in OURS
    return None if is_ours else True


def keep_stars(app: Any, ctx: Any, lines: list[str]) -> None:
    """Stars of a help text's examples are no emphasis.

    Parameters
    ----------
    app, ctx : of Sphinx and of click.
    lines : of the help text; changed.
    """
    lines[:] = [line.replace("*", r"\*") for line in lines]
