"""Train the last step of a fill, which knows how symmetric a scan is, behind a trained network.

    python -m benchmarks.symmetry_step --folder build/step                    # minutes on a core
    python -m benchmarks.symmetry_step --folder build/step -o new.safetensors # writes weights too

Crystals of our simulator, in coherent and partly coherent beams, even ones and others, with phases
that range over 0 to 10 rad; their seed is none that anything else was made with or is reported on.
Each has a gap of each width beside its peak, and a part of its voxels counts, with their noise-free
truth. What was found stays in the folder, one file a gap. Of every fifth crystal nothing is
learned: there the errors are told, before and after.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors import safe_open

from bcdi_inpaint.network.symmetry_step import INPUTS, SymmetryStep
from bcdi_inpaint.network.weights import Model, default_path, load_model, save_weights
from bcdi_inpaint.safe_files import replace_file
from bcdi_inpaint.tables import format_table
from bcdi_inpaint.training import last_step
from bcdi_inpaint.training.last_step import PLACEMENTS, Case, hide, learn, rms_errors
from bcdi_inpaint.training.plan import LastStepConfig
from benchmarks.coverage import WIDTHS
from benchmarks.telling import tell
from simulation.crystals import Crystal, CrystalConfig, draw_crystals

SEED = 9100
"""Of the crystals and of the training."""
CRYSTALS = CrystalConfig(
    count=80, atomistic=0, size=64, strain_rad=(0.0, 10.0), flux=(3e3, 1e8), background_share=0.3
)
SETTINGS = LastStepConfig()
"""Voxels of a gap, and how long and how fast is learned."""
HELD_OUT = 5
"""Of every so many crystals one is not learned from."""


def look_at(crystal: Crystal, index: int, width: int, model: Model) -> Case | None:
    """What the step sees of a gap, and the truth; None where a gap of that width has no place.

    Parameters
    ----------
    crystal : with its expectation.
    index : of the crystal, which draws the gap.
    width : of the gap in voxels.
    model : the network that fills; its own last step plays no role.
    """
    rng = np.random.default_rng([SEED, index, width])
    placement = PLACEMENTS[index % len(PLACEMENTS)]
    hidden = hide(crystal.counts, crystal.expectation, placement, width, rng)
    if hidden is None:
        return None
    return last_step.look_at(hidden, model, rng, SETTINGS.voxels, "cpu")


def cases(folder: Path, config: CrystalConfig, model: Model) -> Iterator[tuple[int, int, Case]]:
    """The number of the crystal, the width and the case of each gap, from the folder if there.

    Parameters
    ----------
    folder : where they are kept.
    config : of the crystals.
    model : fills the gaps.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for index, crystal in enumerate(draw_crystals(config, SEED)):
        for width in WIDTHS:
            path = folder / f"{model.sha256[:8]}_{index}_{width}.npz"
            if not path.exists():
                case = look_at(crystal, index, width, model)
                if case is None:
                    continue
                stream = io.BytesIO()
                np.savez(stream, inputs=case.inputs, truth=case.truth)
                replace_file(path, stream.getbuffer())
                print(f"crystal {index}, {width} px", file=sys.stderr, flush=True)
            with np.load(path) as stored:
                yield index, width, Case(stored["inputs"], stored["truth"])


def table(found: list[tuple[int, int, Case]], step: SymmetryStep) -> Iterator[dict[str, object]]:
    """Errors before and after the step, by width and by how symmetric the scans are.

    Parameters
    ----------
    found : cases that nothing was learned from.
    step : what was learned.
    """
    column = INPUTS.index("symmetry")
    for width in WIDTHS:
        for name, low, high in (("below 0.2", -1.0, 0.2), ("to 0.6", 0.2, 0.6), ("above", 0.6, 1)):
            own = [
                case
                for _, at, case in found
                if at == width and low <= case.inputs[0, column] < high
            ]
            if own:
                before, after = zip(*(rms_errors(case, step) for case in own), strict=True)
                yield {
                    "gap (px)": width,
                    "symmetry": name,
                    "gaps": len(own),
                    "RMS log error before": float(np.mean(before)),
                    "after": float(np.mean(after)),
                }


def write_weights(path: Path, model: Model, step: SymmetryStep, crystals: int) -> None:
    """Write the model's weights with this step.

    Parameters
    ----------
    path : the file.
    model : whose weights they are.
    step : what was learned behind it.
    crystals : that it was learned from, and those it was not.
    """
    begin = default_path() if model.name == "default" else Path(model.name)
    with safe_open(begin, framework="pt") as file:
        card = json.loads(file.metadata()["training"])
    card["last_step"] = {"crystals": crystals, "seed": SEED, "steps": SETTINGS.steps}
    save_weights(path, model.network, card, model.calibration, step)


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("build/step"))
    parser.add_argument("--crystals", type=int, default=CRYSTALS.count)
    parser.add_argument("--model", default="default")
    parser.add_argument("-o", "--out", type=Path, help="write the weights with the step")
    given = parser.parse_args()
    model = load_model(given.model)
    config = CRYSTALS.model_copy(update={"count": given.crystals})
    found = list(cases(given.folder, config, model))
    step = learn([case for index, _, case in found if index % HELD_OUT], SETTINGS, SEED)
    rows = list(table([one for one in found if not one[0] % HELD_OUT], step))
    tell(format_table(rows, list(rows[0])) + "\n")
    if given.out is not None:
        write_weights(given.out, model, step, given.crystals)
        print(f"{given.out}: sha256 {load_model(given.out).sha256}", file=sys.stderr)


if __name__ == "__main__":
    main()
