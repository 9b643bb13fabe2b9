"""Measure the code: how long, how well documented, how its rooms hang together.

`measure_house.py [FOLDER]` prints a table for the project in a folder (default: this one).
`measure_house.py --check` prints a line for each fault instead, and fails where there is one.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

PACKAGES = ("bcdi_inpaint", "simulation")
"""Folders that are measured; rooms are those of the first."""
LONGEST_MODULE = 300
"""Lines that a module may have."""
MANY_PARAMETERS = 3
"""From so many parameters on, a public function lists them."""

_SECTION = re.compile(
    r"^Parameters\n-{3,}\n(.*?)(?=^\S[^\n]*\n-{3,}$|\Z)", re.DOTALL | re.MULTILINE
)
_LISTED = re.compile(r"^(\*{0,2}\w+(?:, *\*{0,2}\w+)*) ?:", re.MULTILINE)


@dataclass(frozen=True)
class Module:
    """A module's name with dots, its path, its text and its syntax tree."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def n_lines(self) -> int:
        """Lines of the file."""
        return len(self.text.splitlines())

    @property
    def is_public(self) -> bool:
        """Whether no part of its name begins with an underscore."""
        return not any(part.startswith("_") for part in self.name.split("."))


@dataclass(frozen=True)
class Function:
    """A function or method of a module.

    Attributes
    ----------
    module : the module it is in.
    name : its name, after the names of the classes it is in.
    node : its syntax tree.
    ancestry : the module and the classes it is in, outermost first.
    is_public : whether neither it, its classes nor its module begin with an underscore.
    """

    module: Module
    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef
    ancestry: tuple[ast.Module | ast.ClassDef, ...]
    is_public: bool

    @property
    def docstring(self) -> str:
        """Without its indentation; empty without one."""
        return ast.get_docstring(self.node) or ""

    @property
    def arguments(self) -> list[ast.arg]:
        """All but the object or class itself."""
        given = self.node.args
        named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
        if len(self.ancestry) > 1 and named and named[0].arg in ("self", "cls"):
            named = named[1:]
        return named

    @property
    def body_lines(self) -> int:
        """Lines of the body without the docstring."""
        has_docstring = ast.get_docstring(self.node, clean=False) is not None
        body = self.node.body[1:] if has_docstring else self.node.body
        return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0

    @property
    def has_many_parameters(self) -> bool:
        """Whether it should list them: the help page of a command is no list of parameters."""
        return len(self.arguments) >= MANY_PARAMETERS and not self.is_command

    @property
    def is_command(self) -> bool:
        """Whether it is a command of `click`, whose docstring is what a user reads."""
        names = (ast.unparse(decorator) for decorator in self.node.decorator_list)
        return any(re.match(r"\w+\.(command|group)\b", name) for name in names)

    @property
    def missing(self) -> list[str]:
        """Parameters that its docstring does not list."""
        listed = listed_parameters(self.docstring)
        return [one.arg for one in self.arguments if one.arg not in listed]


def listed_parameters(docstring: str) -> set[str]:
    r"""Names that the section ``Parameters`` of a docstring lists.

    >>> sorted(listed_parameters("A sum.\n\nParameters\n----------\na, b : numbers.\n"))
    ['a', 'b']
    """
    section = _SECTION.search(docstring)
    if section is None:
        return set()
    names = (name for names in _LISTED.findall(section[1]) for name in names.split(","))
    return {name.strip().lstrip("*") for name in names}


def read_modules(folder: Path, packages: Iterable[str] = PACKAGES) -> list[Module]:
    """The modules of a project's packages, sorted; a package that is not there has none."""
    paths = [path for package in packages for path in sorted((folder / package).rglob("*.py"))]
    return [_read_module(folder, path) for path in paths]


def _read_module(folder: Path, path: Path) -> Module:
    text = path.read_text()
    parts = path.relative_to(folder).with_suffix("").parts
    if parts[-1] == "__init__":
        parts = parts[:-1]
    return Module(".".join(parts), path, text, ast.parse(text))


def functions(module: Module) -> Iterator[Function]:
    """All functions and methods of a module; those inside a function are part of it."""
    yield from _functions_in(module, (module.tree,), "", module.is_public)


def _functions_in(
    module: Module, ancestry: tuple[ast.Module | ast.ClassDef, ...], prefix: str, is_public: bool
) -> Iterator[Function]:
    for node in ancestry[-1].body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        name, public = f"{prefix}{node.name}", is_public and not node.name.startswith("_")
        if isinstance(node, ast.ClassDef):
            yield from _functions_in(module, (*ancestry, node), f"{name}.", public)
        else:
            yield Function(module, name, node, ancestry, public)


def room_of(name: str) -> str | None:
    """The room of a module: a folder or a module at the top of the package.

    >>> room_of("bcdi_inpaint.gaps.masks"), room_of("bcdi_inpaint"), room_of("numpy.fft")
    ('gaps', None, None)
    """
    parts = name.split(".")
    return parts[1] if parts[0] == PACKAGES[0] and len(parts) > 1 else None


def find_arrows(modules: Iterable[Module]) -> set[tuple[str, str]]:
    """Pairs of rooms of which the first imports the second, wherever in its code."""
    pairs = {
        (room_of(module.name), room_of(imported))
        for module in modules
        for imported in _imported(module.tree)
    }
    return {(a, b) for a, b in pairs if a is not None and b is not None and a != b}


def _imported(tree: ast.Module) -> Iterator[str]:
    """Names of imported modules; of ``from package import name`` too, where name may be one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == PACKAGES[0]:
            yield from (f"{node.module}.{one.name}" for one in node.names if one.name.islower())
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def measure(folder: Path) -> dict[str, str]:
    """What is measured, by what it is called in the table."""
    modules = read_modules(folder)
    found = [function for module in modules for function in functions(module)]
    public = [one for one in found if one.is_public]
    return {
        **_measure_rooms(folder, modules),
        **_measure_bodies(found),
        "public functions": str(len(public)),
        **_measure_docstrings(public),
        "arguments typed": _share_typed(found),
    }


def _measure_rooms(folder: Path, modules: list[Module]) -> dict[str, str]:
    ours = [module for module in modules if module.name.split(".")[0] == PACKAGES[0]]
    top = [path for path in (folder / PACKAGES[0]).glob("*.py") if not path.stem.startswith("__")]
    rooms = {room_of(module.name) for module in ours} - {None}
    arrows = {(a, b) for a, b in find_arrows(ours) if a in rooms and b in rooms}
    longest = max(modules, key=lambda module: module.n_lines)
    over = sum(module.n_lines > LONGEST_MODULE for module in modules)
    return {
        f"modules at the top of {PACKAGES[0]}": str(len(top)),
        "rooms (folders and modules at the top)": str(len(rooms - {"__main__"})),
        "arrows between rooms": str(len(arrows)),
        "longest module": f"{longest.name} ({longest.n_lines} lines)",
        f"modules over {LONGEST_MODULE} lines": str(over),
    }


def _measure_bodies(found: list[Function]) -> dict[str, str]:
    lines = [one.body_lines for one in found]
    ninth = quantiles(lines, n=10)[-1] if len(lines) > 1 else lines[0]
    return {
        "functions": str(len(found)),
        "lines of a body: median, ninth decile": f"{median(lines):.0f}, {ninth:.0f}",
    }


def _measure_docstrings(public: list[Function]) -> dict[str, str]:
    many = [one for one in public if one.has_many_parameters]
    complete = sum(not one.missing for one in many)
    share = f" ({100 * complete / len(many):.0f} %)" if many else ""
    return {
        f"public functions of {MANY_PARAMETERS} or more parameters": str(len(many)),
        "of these, list them all": f"{complete}{share}",
        "public functions with an example": str(sum(">>>" in one.docstring for one in public)),
    }


def _share_typed(found: list[Function]) -> str:
    typed = [argument.annotation is not None for one in found for argument in one.arguments]
    return f"{100 * sum(typed) / len(typed):.0f} %" if typed else "none to type"


def find_faults(folder: Path) -> list[str]:
    """A line for each module that is too long and each function that does not list parameters."""
    modules = read_modules(folder)
    long = [
        f"{module.path.relative_to(folder)}: {module.n_lines} lines, expected at most "
        f"{LONGEST_MODULE}: split it by idea"
        for module in modules
        if module.n_lines > LONGEST_MODULE
    ]
    unlisted = [
        f"{module.path.relative_to(folder)}:{one.node.lineno}: {one.name} does not list "
        f"{', '.join(one.missing)} under Parameters"
        for module in modules
        for one in functions(module)
        if one.is_public and one.has_many_parameters and one.missing
    ]
    return long + unlisted


def main() -> None:
    """Command line: print the table, or the faults."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parents[1])
    parser.add_argument("--check", action="store_true", help="only faults; exit with 1 for any")
    arguments = parser.parse_args()
    if not read_modules(arguments.folder):
        parser.error(f"{arguments.folder} has no {PACKAGES[0]}, expected the project's folder")
    if arguments.check:
        faults = find_faults(arguments.folder)
        print("\n".join(faults), end="\n" if faults else "")
        sys.exit(bool(faults))
    table = measure(arguments.folder)
    width = max(map(len, table))
    print("\n".join(f"{name:<{width}}  {value}" for name, value in table.items()))


if __name__ == "__main__":
    main()
