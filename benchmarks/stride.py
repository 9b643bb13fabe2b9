"""What the stride between patches costs and brings: accuracy in the gap and seconds, by stride.

python -m benchmarks.stride held_out.h5 --patterns 6
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

from bcdi_inpaint.evaluation.scores import pearson_log, poisson_deviance
from bcdi_inpaint.files.patterns import n_patterns, read_pattern
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.gaps.artificial import place_cross
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.scan.boxes import as_shape
from bcdi_inpaint.tables import format_table

STRIDES = (4, 8, 16, 24, 32)


def row(path: Path, number: int, stride: int, model: Model) -> dict[str, object]:
    """The scores of one pattern against its noise-free expectation, and what they took."""
    pattern = read_pattern(path, number)
    truth = pattern.expectation.astype(np.float64)
    gap = gap_mask(place_cross(pattern.expectation), as_shape(truth.shape))
    wall, cpu = time.perf_counter(), time.process_time()
    fill = inpaint(
        np.where(gap, 0, pattern.counts), gap, model, bad_mask=pattern.bad, stride=stride
    )
    return {
        "stride": stride,
        "Pearson": pearson_log(truth, fill.counts, gap),
        "deviance": poisson_deviance(truth, fill.counts, gap),
        "patches": fill.report.n_patches,
        "seconds": time.perf_counter() - wall,
        "CPU (s)": time.process_time() - cpu,
    }


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("patterns_file", type=Path, help="held-out patterns")
    parser.add_argument("--patterns", type=int, default=6, help="how many of them")
    parser.add_argument("--model", default="default")
    arguments = parser.parse_args()
    numbers = range(min(arguments.patterns, n_patterns(arguments.patterns_file)))
    model = load_model(arguments.model)
    print(f"{len(numbers)} patterns, load average {os.getloadavg()[0]:.1f}")
    means = []
    for stride in STRIDES:
        rows = [row(arguments.patterns_file, number, stride, model) for number in numbers]
        means.append({key: float(np.mean([float(str(r[key])) for r in rows])) for key in rows[0]})
        print(means[-1], file=sys.stderr, flush=True)
    print(format_table(means, list(means[0])))


if __name__ == "__main__":
    main()
