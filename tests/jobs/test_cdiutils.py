"""cdiutils' own pipeline, unchanged, with our command in PyNX's place."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scan_files import filled_arrays

from bcdi_inpaint.files import input_sha256, write_filled_cxi
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.scan.scan import Scan

SCRIPT = """
import json, sys, warnings
warnings.simplefilter("ignore")
from cdiutils.pipeline import BcdiPipeline

folder, command = sys.argv[1:]
pipeline = BcdiPipeline(params={"beamline_setup": "ID01", "scan": 7, "dump_dir": folder})
runs = dict(nb_run=3, nb_run_keep=2, nb_raar=12, nb_hio=4, nb_er=4)
pipeline.phase_retrieval(cmd=command, **runs)
pipeline.analyse_phasing_results(plot=False)
try:
    pipeline.phase_retrieval(cmd=command, **runs, nb_runs=3)
    failure = ""
except Exception as error:
    failure = str(error)
kept = list(pipeline.result_analyser.sorted_phasing_results)
print(json.dumps({"kept": kept, "failure": failure}))
"""


@pytest.mark.skipif(
    importlib.util.find_spec("cdiutils") is None,
    reason="cdiutils is not installed (pip install 'bcdi-inpaint[programs]')",
)
def test_the_pipeline_runs_our_command_and_analyses_its_results(
    tmp_path: Path, counts: np.ndarray, pynx: str
) -> None:
    folder = tmp_path / "pynx_phasing"
    folder.mkdir()
    middle = counts[8:40, 8:40, 8:40].astype(np.float32)
    gap = np.zeros(middle.shape, bool)
    gap[:, :, 20:24] = True
    data = folder / "S7_pynx_input_data.npz"
    np.savez(data, data=np.where(gap, 0, middle))
    np.savez(folder / "S7_pynx_input_mask.npz", data=gap.astype(np.int8))
    scan = Scan(np.where(gap, 0, middle), gap)
    fill = np.where(gap, np.maximum(middle, 0.1), middle).astype(np.float32)
    arrays = filled_arrays(scan, gap, fill, trusted=np.zeros_like(gap))
    record = {f"calibration_{name}": value for name, value in Calibration()}
    record |= {"written_for": "prior", "input_sha256": input_sha256(data)}
    write_filled_cxi(folder / "S7_pynx_input_data_inpainted.cxi", scan, arrays, record)

    command = f"{sys.executable} -m bcdi_inpaint pynx-cdi-id01 pynx-cdi-inputs.txt"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), command],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found["kept"]) == 2
    assert all("_Run000" in name and "_LLKf" in name for name in found["kept"])
    assert f"{gap.sum()} filled voxels in" in done.stderr  # the pipeline logs what it reads
    assert "unrecognized arguments: --nb_runs 3" in found["failure"]
    assert len(found["failure"].splitlines()) == 2  # cdiutils' line and ours
    before_the_failure = done.stderr.split("unrecognized arguments", 1)[0]
    assert "[ERROR]" not in before_the_failure.rpartition("\n")[0]
