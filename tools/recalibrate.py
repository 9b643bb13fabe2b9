"""Calibrate a network's intervals anew, on all patterns of a file that it was not trained on.

    python tools/recalibrate.py held_out.h5 -o recalibrated.safetensors --workers 2

Each pattern gets a gap of every width and is filled; what was found of it is kept in the folder of
the output, so that the same command goes on after an interruption. Training calibrates by itself
(`training.calibration_patterns`), on as many patterns as its time allows.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import astuple
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open

from bcdi_inpaint.arrays import Float64Array
from bcdi_inpaint.files import sha256
from bcdi_inpaint.files.patterns import n_patterns, read_pattern
from bcdi_inpaint.network.calibration import CENTRES, EDGES, Calibration, calibrate
from bcdi_inpaint.network.weights import default_path, load_model, save_weights
from bcdi_inpaint.running.progress import with_progress
from bcdi_inpaint.safe_files import replace_file
from bcdi_inpaint.training.calibrating import WIDTHS, Errors, measure_errors
from bcdi_inpaint.training.streams import Stream


def found_in(model: str, patterns: Path, number: int, seed: int, folder: Path) -> Float64Array:
    """The errors of one pattern, from the seed and its number alone; kept in the folder.

    (5, n): errors, scales, log counts, widths, and the pattern's number.
    """
    kept = folder / f"{number:04d}.npy"
    if not kept.exists():
        torch.set_num_threads(1)
        logs = np.log1p(read_pattern(patterns, number).expectation).astype(np.float16)[None]
        rng = Stream.CALIBRATION.generator(seed, number)
        own: Errors = measure_errors(load_model(model), logs, rng)
        stream = io.BytesIO()
        np.save(stream, np.stack([*astuple(own)[:4], np.full(own.errors.size, number)]))
        replace_file(kept, stream.getbuffer())
    whole: Float64Array = np.load(kept)
    return whole


def lines(calibration: Calibration, found: Float64Array) -> Iterator[str]:
    """How much the 68 and 95 % intervals hold of what they were made from, by width and counts."""
    error, scales, log_counts, widths, _ = found
    counts = np.expm1(log_counts)
    decade = np.digitize(counts, EDGES)
    yield "gap (px)  " + "  ".join(f"{centre:>7g}" for centre in CENTRES) + "   expected counts"
    sigma = calibration.sigma(scales.astype(np.float32), widths, counts)
    inside = [
        np.abs(error) <= sigma * calibration.half_width(level, counts) for level in (0.68, 0.95)
    ]
    for width in WIDTHS:
        cells = [(widths == width) & (decade == d) for d in range(len(CENTRES))]
        shares = [
            " / ".join(f"{100 * hit[cell].mean():.0f}" for hit in inside) if cell.any() else "-"
            for cell in cells
        ]
        yield f"{width:8}  " + "  ".join(f"{share:>7}" for share in shares)


def main() -> None:
    """Fill, calibrate, write the weights, and say what the intervals hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("patterns", type=Path, help="held-out patterns (bcdi-inpaint simulate)")
    parser.add_argument("-o", "--out", type=Path, required=True, help="weights to write")
    parser.add_argument("--model", default="default", help="weights to calibrate")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    model = load_model(given.model)
    folder = given.out.with_suffix(f".{model.sha256[:12]}")
    folder.mkdir(parents=True, exist_ok=True)
    count = n_patterns(given.patterns)
    with ProcessPoolExecutor(given.workers) as pool:
        jobs = [
            pool.submit(found_in, given.model, given.patterns, number, given.seed, folder)
            for number in range(count)
        ]
        for job in with_progress(as_completed(jobs), "patterns", count, False):
            job.result()
    found = np.concatenate([job.result() for job in jobs], axis=1)
    error, scales, log_counts, widths, _ = found
    calibration = calibrate(error, scales, widths, np.expm1(log_counts))
    path = default_path() if given.model == "default" else Path(given.model)
    with safe_open(path, framework="pt") as file:
        card = json.loads(file.metadata()["training"])
    card["calibrated_anew"] = {
        "patterns_sha256": sha256(given.patterns),
        "count": count,
        "seed": given.seed,
    }
    save_weights(given.out, model.network, card, calibration, model.last_step)
    print("\n".join(lines(calibration, found)))
    print(f"{given.out}: sha256 {load_model(given.out).sha256}")


if __name__ == "__main__":
    main()
