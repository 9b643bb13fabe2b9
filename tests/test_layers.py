"""The house: which room may import which, one door to each outside engine, and how large a room is.

A room is a folder of `bcdi_inpaint`; its modules may import each other. The ground floor are the
modules beside the rooms, which every room may import.
"""

from __future__ import annotations

import ast
import fnmatch
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

GROUND = ("errors", "arrays", "photons", "tables", "safe_files")
"""Modules that every room may import."""

ALLOWED = {
    "running": "",
    "scan": "",
    "gaps": "scan running",
    "files": "scan running",
    "peak": "scan",
    "classical": "scan gaps peak running",
    "network": "scan gaps peak classical",
    "selftaught": "scan gaps network running",
    "filling": "scan gaps peak classical network selftaught running",
    "checks": "scan gaps peak running",
    "plots": "scan peak",
    "pages": "",
    "pynx_engine": "",
    "phasing": "scan gaps peak network filling running pynx_engine",
    "training": "scan gaps peak network filling files plots checks running",
    "evaluation": "scan gaps peak classical network filling phasing files plots",
    "studies": "scan gaps classical network selftaught filling training evaluation files plots",
    "jobs": "scan gaps peak network filling training phasing evaluation studies files plots pages "
    "checks running pynx_engine",
    "window": "scan gaps filling jobs running",
    "commands": "scan gaps network phasing training evaluation studies files plots jobs running "
    "window",
    "api": "scan gaps network filling phasing checks",
    "cli": "commands",
    "__init__": "scan gaps checks network filling training files jobs api window",
    "__main__": "cli",
}
"""The rooms, each with the rooms that it may import, besides the ground floor."""

FILES_OPENERS = {"files", "training", "evaluation", "studies", "jobs", "commands", "__init__"}
"""Rooms that may know of files; all others compute with numbers."""

DOORS: dict[str, set[str]] = {
    "h5py": {"bcdi_inpaint.files"},
    "hdf5plugin": {"bcdi_inpaint.files"},
    "fabio": {"bcdi_inpaint.files"},
    "tifffile": {"bcdi_inpaint.files"},
    "pyopencl": {"bcdi_inpaint.pynx_engine"},
    "pynx": {"bcdi_inpaint.pynx_engine"},
    "lammps": {"simulation.relaxation"},
    "finufft": {"simulation.diffraction"},
    "cufinufft": {"simulation.diffraction"},
    "wulffpack": {"simulation.shapes"},
    "ase": {"simulation.shapes"},
    "distributed": {"bcdi_inpaint.running"},
    "lightning": {"bcdi_inpaint.training.engine"},
    "PySide6": {"bcdi_inpaint.window"},
    "silx": {"bcdi_inpaint.window"},
}
"""The one place, a module or a room, where each outside engine may be imported."""

SIMULATION = (
    ("shapes", "fields", "defects", "q_grid"),
    ("continuum", "diffraction", "relaxation", "realism", "crystal_kinds", "real_objects"),
    ("particles", "interiors"),
    ("recipe", "crystals"),
    ("campaign_parts", "feed", "scan", "recipe_pairs"),
    ("campaign_work", "single"),
    ("campaign",),
    ("__init__", "demo_scan"),
    ("demo",),
)
"""Modules of `simulation`; each imports only from rows above its own."""

LAZY = {
    "bcdi_inpaint": {"torch", "scipy", "h5py", "pydantic"},
    "bcdi_inpaint.cli": {"torch", "PySide6", "silx"},
    "bcdi_inpaint.jobs.subject": {"torch", "matplotlib"},
    "bcdi_inpaint.window.opening": {"torch", "scipy", "h5py", "PySide6", "silx"},
    "bcdi_inpaint.jobs.predict": {"matplotlib", "lightning", "fabio", "tifffile"},
    "simulation.campaign_work": {"torch", "matplotlib"},
    "simulation.feed": {"torch", "matplotlib"},
}
"""What importing a module must not load: a notebook, `--help` and each process that works for us do
not wait for it."""

LONGEST = 300
"""Lines of a module; a longer one holds several ideas."""


@dataclass(frozen=True)
class Import:
    """One imported name, with dots, and whether importing the module leaves it for later.

    Late are imports inside functions, and those for type checkers alone.
    """

    name: str
    line: int
    is_late: bool


def imports(source: str) -> list[Import]:
    """Every import in a source text, late or not."""
    return list(_imports(ast.parse(source), is_late=False))


def _imports(node: ast.AST, *, is_late: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, is_late) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            start = "." * child.level + (child.module or "")
            names = (f"{start}.{alias.name}" for alias in child.names)
            yield from (Import(name, child.lineno, is_late) for name in names)
        elif (name := _required(child)) is not None:
            yield Import(name, child.lineno, is_late=True)  # type: ignore[attr-defined]
        else:
            yield from _imports(child, is_late=is_late or _defers(child))


def _required(node: ast.AST) -> str | None:
    """The library of a statement ``x = require("library", ...)``; None for another one."""
    call = getattr(node, "value", None)
    if not (isinstance(node, ast.Assign | ast.Expr | ast.Return) and isinstance(call, ast.Call)):
        return None
    if not (isinstance(call.func, ast.Name) and call.func.id == "require" and call.args):
        return None
    first = call.args[0]
    return first.value if isinstance(first, ast.Constant) else None


def _defers(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def room_of(module: str) -> str:
    """``bcdi_inpaint.gaps.finding`` lies in ``gaps``; of `simulation` each module is a room."""
    _, _, rest = module.partition(".")
    first = rest.split(".")[0]
    known = ALLOWED if module.startswith("bcdi_inpaint") else {n for row in SIMULATION for n in row}
    return first if first in known or first in GROUND else "__init__"


def find_faults(module: str, source: str) -> list[str]:
    """What a module's imports do against the tables, one line each."""
    return [
        f"{module}:{item.line} imports {item.name}: {fault}"
        for item in imports(source)
        if (fault := _fault(module, item))
    ]


def _fault(module: str, item: Import) -> str | None:
    package, room = module.split(".")[0], room_of(module)
    target = item.name.split(".")[0]
    if item.name.startswith("."):
        return "relative, name the package"
    if target == "bcdi_inpaint":
        return _fault_inside(package, room, room_of(item.name))
    if target == "simulation":
        if package == "simulation":
            return _fault_of_row(room, room_of(item.name))
        is_command = room == "commands" and item.is_late
        return None if is_command else "simulation, which only a command may, late"
    doors = DOORS.get(target)
    if doors is None or any(f"{module}.".startswith(f"{door}.") for door in doors):
        return None
    return f"only {', '.join(sorted(doors))} may"


def _fault_inside(package: str, room: str, target: str) -> str | None:
    if target in GROUND:
        return None
    if package == "simulation":
        return "the command line" if target in ("cli", "__main__", "commands") else None
    if room in GROUND:
        return "the ground floor stands on nothing but itself"
    is_allowed = target == room or target in ALLOWED[room].split()
    return None if is_allowed else f"the room {room} may not import the room {target}"


def _fault_of_row(room: str, target: str) -> str | None:
    rows = {name: number for number, row in enumerate(SIMULATION) for name in row}
    is_below = target == room or rows[target] < rows[room]
    return None if is_below else "from a row that is not above"


def modules() -> dict[str, Path]:
    """The files of all our modules by name."""
    found = {}
    for package in ("bcdi_inpaint", "simulation"):
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            parts = path.relative_to(REPOSITORY).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__") or package] = path
    return found


MODULES = modules()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_what_its_room_may(module: str) -> None:
    assert find_faults(module, MODULES[module].read_text()) == []


def test_every_room_is_in_the_table_and_nothing_else() -> None:
    top = REPOSITORY / "bcdi_inpaint"
    rooms = {path.parent.name for path in top.glob("*/__init__.py")}
    ground = {path.stem for path in top.glob("*.py")}
    assert rooms | ground == {*ALLOWED, *GROUND}
    known = {name for row in SIMULATION for name in row}
    assert {path.stem for path in (REPOSITORY / "simulation").glob("*.py")} == known


def test_no_circle_of_rooms() -> None:
    list(
        TopologicalSorter({room: arrows.split() for room, arrows in ALLOWED.items()}).static_order()
    )


def test_numbers_open_no_files() -> None:
    openers = {room for room, arrows in ALLOWED.items() if "files" in arrows.split()} | {"files"}
    assert openers == FILES_OPENERS


def test_training_sees_neither_evaluation_nor_phasing() -> None:
    assert not {"evaluation", "phasing"} & {*ALLOWED["training"].split()}


def test_only_jobs_and_commands_know_a_request() -> None:
    assert {room for room, arrows in ALLOWED.items() if "jobs" in arrows.split()} == {
        "commands",
        "window",
        "__init__",
    }


def test_plots_know_no_science_but_where_the_peak_is() -> None:
    assert {*ALLOWED["plots"].split()} == {"scan", "peak"}


@pytest.mark.parametrize("engine", sorted(DOORS))
def test_every_door_exists_and_leads_to_its_engine(engine: str) -> None:
    for door in DOORS[engine]:
        behind = [path for name, path in MODULES.items() if f"{name}.".startswith(f"{door}.")]
        assert behind, f"{door} does not exist"
        assert any(engine in path.read_text() for path in behind), f"{door} never opens {engine}"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_module_is_too_long(module: str) -> None:
    n_lines = len(MODULES[module].read_text().splitlines())
    assert n_lines <= LONGEST, f"{n_lines} lines: several ideas, give each a module"


def test_at_most_ten_modules_at_the_top() -> None:
    assert len([*(REPOSITORY / "bcdi_inpaint").glob("*.py")]) <= 10


@pytest.mark.parametrize("module", sorted(LAZY))
def test_what_importing_a_module_must_not_load(module: str) -> None:
    code = f"import sys, {module}; print(*{sorted(LAZY[module])} & sys.modules.keys())"
    code = code.replace("*[", "*{").replace("]", "}")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_an_installation_has_every_package() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["setuptools"]
    taken = settings["packages"]["find"]["include"]
    for folder in {path.parent for path in MODULES.values()}:
        name = ".".join(folder.relative_to(REPOSITORY).parts)
        assert (folder / "__init__.py").exists(), f"{name} would not be found"
        assert any(fnmatch.fnmatchcase(name, pattern) for pattern in taken), name


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bcdi_inpaint.scan.scan", "from bcdi_inpaint.files import read_scan"),
        ("bcdi_inpaint.scan.scan", "import bcdi_inpaint.files"),
        ("bcdi_inpaint.scan.scan", "from bcdi_inpaint import files"),
        ("bcdi_inpaint.scan.scan", "def f():\n    from bcdi_inpaint.filling import inpainting"),
        ("bcdi_inpaint.files.cxi", "from bcdi_inpaint.gaps.gap import Gap"),
        ("bcdi_inpaint.files", "from bcdi_inpaint import inpaint"),
        ("bcdi_inpaint.files", "from .errors import InputError"),
        ("bcdi_inpaint.photons", "from bcdi_inpaint.scan.boxes import Box"),
        ("bcdi_inpaint.training.slabs", "from simulation.shapes import random_shape"),
        ("bcdi_inpaint.training.slabs", "def f():\n    import simulation.shapes"),
        ("bcdi_inpaint.training.slabs", "from bcdi_inpaint.evaluation.scores import score"),
        ("bcdi_inpaint.jobs.predict", "from simulation.campaign import run"),
        ("bcdi_inpaint.commands.predict", "import simulation.campaign"),
        ("bcdi_inpaint.cli", "def f():\n    import simulation.campaign"),
        ("bcdi_inpaint.commands.predict", "from bcdi_inpaint.cli import main"),
        ("bcdi_inpaint.plots.slices", "import h5py"),
        ("bcdi_inpaint.phasing.handover", "def f():\n    from pynx.cdi import CDI"),
        ("bcdi_inpaint.jobs.phase", 'def f():\n    cdi = require("lightning", "train", "x")'),
        ("simulation.shapes", "import lammps"),
        ("simulation.shapes", "from simulation.recipe import Recipe"),
        ("simulation.demo", "from bcdi_inpaint.cli import main"),
    ],
)
def test_a_forbidden_import_is_found(module: str, source: str) -> None:
    assert len(find_faults(module, "import numpy\n" + source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bcdi_inpaint.files.cxi", "import h5py\nfrom bcdi_inpaint.errors import InputError"),
        ("bcdi_inpaint.files.cxi", "from bcdi_inpaint.files.layout import DETECTOR"),
        ("bcdi_inpaint.commands.simulate", "def f():\n    from simulation.campaign import run"),
        ("bcdi_inpaint.training.engine", "import lightning.pytorch as pl"),
        ("simulation.diffraction", "from bcdi_inpaint import pynx_engine"),
        ("simulation.demo", "from bcdi_inpaint import inpaint"),
    ],
)
def test_an_allowed_import_passes(module: str, source: str) -> None:
    assert find_faults(module, source) == []
