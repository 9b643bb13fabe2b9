"""Lightning is for trainings alone: who fills scans needs none, and who lacks it is told how."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
MISSING = "lightning is not installed, expected it for training: pip install 'bcdi-inpaint[train]'"


def python(code: str) -> list[str]:
    """The lines that a fresh interpreter prints."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_what_fills_and_what_only_prepares_loads_no_lightning() -> None:
    said = python("""
import sys
import bcdi_inpaint.jobs.batch, bcdi_inpaint.jobs.predict
import bcdi_inpaint.training.calibrating, bcdi_inpaint.training.finetuning
import bcdi_inpaint.training.history, bcdi_inpaint.training.plan, bcdi_inpaint.training.slab_store
print("lightning" in sys.modules)
""")
    assert said == ["False"]


def test_without_lightning_a_training_says_in_a_line_how_to_get_it(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("{name: x, patterns: {count: 1, seed: 0}, held_out: {count: 1, seed: 1}}")
    said = python(f"""
import sys
sys.modules["lightning"] = None  # as if it were not installed
from click.testing import CliRunner
import numpy as np
from bcdi_inpaint.cli import main
from bcdi_inpaint.errors import MissingEngineError
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.training import finetune

counts = np.ones((4, 40, 40), dtype=np.int32)
scan = Scan(counts, counts < 0)
try:
    finetune(scan, widths=(4,))
except MissingEngineError as error:
    print(error)
try:
    from bcdi_inpaint.training import train
except MissingEngineError as error:
    print(error)
result = CliRunner().invoke(main, ["train", {str(plan)!r}, "-o", {str(tmp_path / "out")!r}])
print(result.exit_code, result.stderr.strip())
print(CliRunner().invoke(main, ["train", {str(plan)!r}, "--check"]).stdout.strip())
""")
    assert said[:2] == [MISSING, MISSING]
    assert said[2].startswith("2 ")
    assert said[2].endswith(MISSING)
    assert said[3] == f"{plan} is a valid plan"
    assert not (tmp_path / "out").exists()
