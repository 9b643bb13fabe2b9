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
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.classical.runs import shortest_runs
from bcdi_inpaint.filling.region_features import compute_region_features
from bcdi_inpaint.filling.region_filling import FillingRun, PatchCounter, stitch_lit, stitched_logs
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.filling.symmetry import measure_symmetry
from bcdi_inpaint.filling.voxel_inputs import LastStep
from bcdi_inpaint.filling.work import plan_work
from bcdi_inpaint.gaps.artificial import place_near_peak
from bcdi_inpaint.gaps.masks import as_region, gap_mask
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.network.symmetry_step import INPUTS, SymmetryStep
from bcdi_inpaint.network.weights import Model, default_path, load_model, save_weights
from bcdi_inpaint.peak.centre import find_centre, find_peak
from bcdi_inpaint.safe_files import replace_file
from bcdi_inpaint.scan.boxes import as_shape
from bcdi_inpaint.scan.scan import as_scan
from bcdi_inpaint.tables import format_table
from benchmarks.coverage import KINDS, WIDTHS
from benchmarks.telling import tell
from simulation.crystals import Crystal, CrystalConfig, draw_crystals

SEED = 9100
"""Of the crystals and of the training."""
CRYSTALS = CrystalConfig(
    count=80, atomistic=0, size=64, strain_rad=(0.0, 10.0), flux=(3e3, 1e8), background_share=0.3
)
VOXELS = 8000
"""Of a gap at most."""
HELD_OUT = 5
"""Of every so many crystals one is not learned from."""
STEPS, BATCH, RATE = 1500, 8192, 3e-3


@dataclass(frozen=True)
class Case:
    """Voxels of a gap.

    Attributes
    ----------
    inputs : (n, n_inputs) float32, what the step sees.
    truth : (n,) float32, log(1 + expected photons).
    """

    inputs: Float32Array
    truth: Float32Array


def look_at(crystal: Crystal, index: int, width: int, model: Model) -> Case | None:
    """What the step sees of a gap, and the truth; None where a gap of that width has no place.

    Parameters
    ----------
    crystal : with its expectation.
    index : of the crystal, which draws the gap.
    width : of the gap in voxels.
    model : the network that fills; its own last step plays no role.
    """
    shape = as_shape(crystal.counts.shape)
    peak = find_peak(crystal.counts, np.zeros(shape, dtype=bool))
    assert peak is not None
    rng = np.random.default_rng([SEED, index, width])
    gaps = place_near_peak(KINDS[index % 2], width, shape, peak, rng)
    if not gaps:
        return None
    mask = gap_mask(gaps, shape)
    found = [*_regions(np.where(mask, 0, crystal.counts), mask, crystal.expectation, model)]
    inputs, truth = (np.concatenate(part) for part in zip(*found, strict=True))
    chosen = rng.permutation(len(truth))[:VOXELS]
    return Case(inputs[chosen], truth[chosen])


def _regions(
    counts: np.ndarray, mask: BoolArray, expectation: np.ndarray, model: Model
) -> Iterator[tuple[Float32Array, Float32Array]]:
    """Inputs and truth of the lit voxels of each region."""
    scan, settings = as_scan(counts, None), FillingSettings()
    gap = as_region(mask, scan.shape)
    work = plan_work(scan, gap, settings=settings)
    log_counts = np.log1p(counts).astype(np.float32)
    centre = find_centre(log_counts, ~mask)
    symmetry = measure_symmetry(log_counts, mask, centre)
    run = FillingRun(model, choose_device("cpu"), settings, PatchCounter(None, 1, 0))
    for region in work.regions:
        guess = model.network.config.guess
        features = compute_region_features(scan, gap, region.box, centre, guess)
        stitcher = stitch_lit(features, region.lit, region.box, run)
        voxels = work.plan.fillable_in(region.box) & stitcher.covered
        widths = shortest_runs(gap.part(region.box), voxels)
        step = LastStep(SymmetryStep(), features, symmetry)
        inputs = step.inputs(voxels, widths, *stitched_logs(stitcher, voxels))
        yield inputs, np.log1p(expectation[region.box][voxels]).astype(np.float32)


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


def learn(those: list[Case], steps: int = STEPS) -> SymmetryStep:
    """Train a step on cases, each with as much weight as its voxels.

    Parameters
    ----------
    those : the cases.
    steps : of the optimizer.
    """
    torch.manual_seed(SEED)
    inputs = torch.from_numpy(np.concatenate([case.inputs for case in those]))
    truth = torch.from_numpy(np.concatenate([case.truth for case in those]))
    step = SymmetryStep()
    step.centre, step.spread = inputs.mean(dim=0), inputs.std(dim=0) + 1e-3
    optimizer = torch.optim.AdamW(step.parameters(), lr=RATE, weight_decay=1e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    drawn = torch.Generator().manual_seed(SEED)
    for _ in range(steps):
        chosen = torch.randint(0, len(truth), (BATCH,), generator=drawn)
        optimizer.zero_grad()
        loss(step, inputs[chosen], truth[chosen]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        rate.step()
    return step.eval()


def loss(step: SymmetryStep, inputs: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error of log counts, how far the counts are off for photon noise, and the scale.

    The second is in double standard deviations of the noise (Anscombe, *Biometrika* **35**, 246,
    1948), on logarithms: bright voxels count more, and do not rule. The last is the negative log
    likelihood of a Laplace distribution.

    Parameters
    ----------
    step : whose loss it is.
    inputs : (n, n_inputs).
    truth : (n,).
    """
    logs, log_scales = step(inputs)
    error = (logs.clamp(min=0) - truth).detach().abs()
    of_scale = error / log_scales.exp() + log_scales
    off = (_stabilised(logs.clamp(0, 20)) - _stabilised(truth)).abs()
    return ((logs - truth) ** 2).mean() + 0.2 * torch.log1p(off).mean() + 0.3 * of_scale.mean()


def _stabilised(log_counts: Tensor) -> Tensor:
    """The square root of counts, whose noise is the same everywhere."""
    return torch.sqrt(torch.expm1(log_counts) + 3 / 8)


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
                before, after = zip(*(_errors(case, step) for case in own), strict=True)
                yield {
                    "gap (px)": width,
                    "symmetry": name,
                    "gaps": len(own),
                    "RMS log error before": float(np.mean(before)),
                    "after": float(np.mean(after)),
                }


def _errors(case: Case, step: SymmetryStep) -> tuple[float, float]:
    after = step.apply_to(torch.from_numpy(case.inputs))[0].clamp(min=0).numpy()
    before = case.inputs[:, 0]
    return tuple(float(np.sqrt(np.mean((one - case.truth) ** 2))) for one in (before, after))


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
    card["last_step"] = {"crystals": crystals, "seed": SEED, "steps": STEPS}
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
    step = learn([case for index, _, case in found if index % HELD_OUT])
    rows = list(table([one for one in found if not one[0] % HELD_OUT], step))
    tell(format_table(rows, list(rows[0])) + "\n")
    if given.out is not None:
        write_weights(given.out, model, step, given.crystals)
        print(f"{given.out}: sha256 {load_model(given.out).sha256}", file=sys.stderr)


if __name__ == "__main__":
    main()
