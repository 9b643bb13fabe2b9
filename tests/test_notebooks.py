"""Every notebook is stripped and runs from top to bottom, one of them as Jupyter runs it.

That one is run by nbmake, see pyproject.toml. The others load what trainings take: they run in
IPython's shell, in a process that has loaded it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from processes import Template

REPOSITORY = Path(__file__).resolve().parents[1]
IN_A_KERNEL = "notebooks/01_fill_a_scan.ipynb"
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
IN_A_SHELL = [path for path in NOTEBOOKS if path != REPOSITORY / IN_A_KERNEL]

SHELL = """
import json, os, sys
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

class Shell(InteractiveShell):
    def enable_gui(self, gui=None):
        pass

path, folder = {path!r}, {folder!r}
os.environ["IPYTHONDIR"] = folder
shell = Shell.instance(config=Config({{"HistoryManager": {{"enabled": False}}}}))
shell.enable_matplotlib("inline")
for cell in json.loads(Path(path).read_text())["cells"]:
    if cell["cell_type"] == "code" and not shell.run_cell("".join(cell["source"])).success:
        sys.exit(1)
sys.exit(0)
"""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_carries_no_outputs(path: Path) -> None:
    cells = [c for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code"]
    assert cells
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells)


def test_a_notebook_is_run_by_a_kernel_with_the_tests(pytestconfig: pytest.Config) -> None:
    assert IN_A_KERNEL in pytestconfig.getini("testpaths")
    assert pytestconfig.getoption("nbmake")


@pytest.mark.parametrize("path", IN_A_SHELL, ids=lambda path: path.stem)
def test_the_notebook_runs_from_top_to_bottom(
    path: Path, template: Template, tmp_path: Path
) -> None:
    cells = SHELL.format(path=str(path), folder=str(tmp_path))
    with template.running(tmp_path, [], before=cells) as process:
        assert process.wait(300) == 0, process.output[-5000:] + process.errors[-5000:]


def test_a_notebook_that_fails_is_found(template: Template, tmp_path: Path) -> None:
    cells = [{"cell_type": "code", "source": [line]} for line in ("display(1)", "1 / 0", "2")]
    path = tmp_path / "bad.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    program = SHELL.format(path=str(path), folder=str(tmp_path))
    with template.running(tmp_path, [], before=program) as process:
        assert process.wait(60) == 1
    assert "ZeroDivisionError" in process.output
