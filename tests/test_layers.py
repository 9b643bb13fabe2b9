"""The import directions: data flows one way, and each outside engine has one door."""

from __future__ import annotations

import ast
import fnmatch
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

# A module imports only from rows above its own.
LAYERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "bcdi_inpaint": (
        ("errors",),
        ("scan", "engines", "calibration", "progress", "crop", "workers", "parallel"),
        ("files", "detectors", "runner"),
        ("gaps", "scan_list", "pattern_file"),
        ("scaling",),
        ("patches", "interpolation", "scores", "symmetry", "shells"),
        ("losses", "likelihood", "reach", "stitching", "statistics", "kriging", "ranks", "bounds"),
        ("features", "projections", "light", "advice"),
        ("regions",),
        ("network",),
        ("weights",),
        ("inpainting",),
        ("dataset", "baselines", "handover"),
        ("config", "plots", "reliability", "measured_slabs", "decision"),
        ("slab_store", "slab_stream", "comparison"),
        ("training",),
        ("retrieval", "finetuning"),
        ("refinement",),
        ("ways",),
        ("prediction", "phasing", "evaluation", "crystal_scores"),
        ("batch", "plan"),
        ("__init__",),
        ("commands",),
        ("cli",),
        ("__main__",),
    ),
    "simulation": (
        ("__init__",),
        ("shapes", "fields", "defects"),
        ("continuum", "diffraction", "relaxation", "realism"),
        ("particles",),
        ("recipe", "crystals"),
        ("campaign", "feed", "single"),
        ("demo",),
    ),
}

# Who may import what comes from outside.
DOORS: dict[str, set[str]] = {
    "h5py": {"bcdi_inpaint.files", "bcdi_inpaint.pattern_file"},
    "hdf5plugin": {"bcdi_inpaint.files"},
    "silx": {"bcdi_inpaint.files"},
    "pynx": {
        "bcdi_inpaint.engines",
        "bcdi_inpaint.bounded",
        "bcdi_inpaint.retrieval",
        "simulation.diffraction",
    },
    "fabio": {"bcdi_inpaint.files"},
    "tifffile": {"bcdi_inpaint.files"},
    "pyopencl": {"bcdi_inpaint.engines"},
    "lammps": {"simulation.relaxation"},
    "finufft": {"simulation.diffraction"},
    "cufinufft": {"simulation.diffraction"},
    "wulffpack": {"simulation.shapes"},
    "ase": {"simulation.shapes"},
    "distributed": {"bcdi_inpaint.runner"},
    "lightning": {"bcdi_inpaint.training"},
}

# What `bcdi-inpaint --help` must not wait for.
HEAVY = {"torch", "lightning"}


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
        else:
            yield from _imports(child, is_late=is_late or _defers(child))


def _defers(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def ours(imported: str) -> str | None:
    """The module of ours that an imported name lives in, or None if it is from outside."""
    package, _, rest = imported.partition(".")
    if package not in LAYERS:
        return None
    module = rest.split(".")[0]
    known = {name for row in LAYERS[package] for name in row}
    return f"{package}.{module if module in known else '__init__'}"


def level(module: str) -> int:
    """The row of one of our modules."""
    package, name = module.split(".")
    return next(i for i, row in enumerate(LAYERS[package]) if name in row)


def violations(module: str, source: str) -> list[str]:
    """What a module's imports do against the table, one line each."""
    found = []
    for item in imports(source):
        fault = _fault(module, item)
        if fault:
            found.append(f"{module}:{item.line} imports {item.name}: {fault}")
    return found


def _fault(module: str, item: Import) -> str | None:
    if item.name.startswith("."):
        return "relative, name the package"
    target = ours(item.name)
    if target is None:
        door = DOORS.get(item.name.split(".")[0])
        return None if door is None or module in door else f"only {sorted(door)} may"
    package, target_package = module.split(".")[0], target.split(".")[0]
    if package == target_package:
        is_below = target == module or level(target) < level(module)  # a folder is one module
        return None if is_below else "from a layer that is not below"
    if package == "bcdi_inpaint":
        is_command = module == "bcdi_inpaint.commands" and item.is_late
        return None if is_command else "simulation, which only a command may, late"
    return "the command line" if target.endswith((".cli", ".__main__")) else None


def modules() -> dict[str, str]:
    """The source of all our modules by name; a folder of modules counts as one."""
    sources: dict[str, str] = {}
    for package in LAYERS:
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            inside = path.relative_to(REPOSITORY / package)
            name = f"{package}.{inside.parts[0].removesuffix('.py')}"
            sources[name] = sources.get(name, "") + path.read_text() + "\n"
    return sources


def loaded_with(start: str, sources: dict[str, str]) -> dict[str, set[str]]:
    """Our modules that importing `start` loads at once, each with the outside packages it loads.

    Importing a module loads its package's `__init__` first.
    """
    loaded: dict[str, set[str]] = {}
    waiting = [start]
    while waiting:
        module = waiting.pop()
        if module in loaded or module not in sources:
            continue
        now = [item.name for item in imports(sources[module]) if not item.is_late]
        loaded[module] = {name.split(".")[0] for name in now if ours(name) is None}
        waiting += [target for name in now if (target := ours(name))]
        waiting.append(module.split(".")[0] + ".__init__")
    return loaded


def heavy_modules(start: str, sources: dict[str, str]) -> set[str]:
    """Which of the modules that `start` loads at once load a heavy package."""
    return {name for name, outside in loaded_with(start, sources).items() if outside & HEAVY}


KNOWN = {f"{package}.{name}" for package, rows in LAYERS.items() for row in rows for name in row}


def test_every_module_has_a_place_in_the_table() -> None:
    missing = sorted(set(modules()) - KNOWN)
    assert not missing, f"give these a row in LAYERS: {missing}"


def test_an_installation_has_every_package() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["setuptools"]
    taken = settings["packages"]["find"]["include"]
    for folder in {path.parent for top in LAYERS for path in (REPOSITORY / top).rglob("*.py")}:
        name = ".".join(folder.relative_to(REPOSITORY).parts)
        assert (folder / "__init__.py").exists(), f"{name} would not be found"
        assert any(fnmatch.fnmatchcase(name, pattern) for pattern in taken), name


def test_no_module_is_listed_twice() -> None:
    for rows in LAYERS.values():
        names = [name for row in rows for name in row]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("module", sorted(KNOWN & set(modules())))
def test_module_imports_only_what_it_may(module: str) -> None:
    assert violations(module, modules()[module]) == []


def test_the_command_line_loads_nothing_heavy() -> None:
    assert heavy_modules("bcdi_inpaint.cli", modules()) == set()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bcdi_inpaint.scan", "from bcdi_inpaint.files import read_scan"),
        ("bcdi_inpaint.scan", "import bcdi_inpaint.files"),
        ("bcdi_inpaint.scan", "from bcdi_inpaint import files"),
        ("bcdi_inpaint.scan", "def f():\n    from bcdi_inpaint import inpainting"),
        ("bcdi_inpaint.files", "from bcdi_inpaint.detectors import DETECTORS"),
        ("bcdi_inpaint.files", "from bcdi_inpaint import inpaint"),
        ("bcdi_inpaint.files", "from .errors import InputError"),
        ("bcdi_inpaint.dataset", "from simulation.shapes import random_shape"),
        ("bcdi_inpaint.dataset", "def f():\n    import simulation.shapes"),
        ("bcdi_inpaint.commands", "import simulation.campaign"),
        ("bcdi_inpaint.cli", "def f():\n    import simulation.campaign"),
        ("bcdi_inpaint.commands", "from bcdi_inpaint.cli import main"),
        ("bcdi_inpaint.plots", "import h5py"),
        ("bcdi_inpaint.plots", "from silx.io import h5py_utils"),
        ("bcdi_inpaint.network", "def f():\n    from pynx.cdi import CDI"),
        ("simulation.shapes", "import lammps"),
        ("simulation.shapes", "from simulation.recipe import Recipe"),
        ("simulation.demo", "from bcdi_inpaint.cli import main"),
    ],
)
def test_a_forbidden_import_is_found(module: str, source: str) -> None:
    assert len(violations(module, "import numpy\n" + source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bcdi_inpaint.files", "import h5py\nfrom bcdi_inpaint.errors import InputError"),
        ("bcdi_inpaint.commands", "def f():\n    from simulation.campaign import Campaign"),
        ("bcdi_inpaint.cli", "from bcdi_inpaint import __version__"),
        ("simulation.diffraction", "import pynx.cdi\nfrom bcdi_inpaint import engines"),
        ("simulation.demo", "from bcdi_inpaint import inpaint"),
    ],
)
def test_an_allowed_import_passes(module: str, source: str) -> None:
    assert violations(module, source) == []


def test_heavy_packages_are_found_behind_other_modules() -> None:
    sources = {
        "bcdi_inpaint.__init__": "",
        "bcdi_inpaint.cli": "from bcdi_inpaint.gaps import find",
        "bcdi_inpaint.gaps": "from bcdi_inpaint.scaling import LOG_UNIT",
        "bcdi_inpaint.scaling": "import torch",
    }
    assert heavy_modules("bcdi_inpaint.cli", sources) == {"bcdi_inpaint.scaling"}
    sources["bcdi_inpaint.cli"] = "def f():\n    from bcdi_inpaint.gaps import find"
    assert heavy_modules("bcdi_inpaint.cli", sources) == set()
    sources["bcdi_inpaint.__init__"] = "from bcdi_inpaint.scaling import LOG_UNIT"
    assert heavy_modules("bcdi_inpaint.cli", sources) == {"bcdi_inpaint.scaling"}
