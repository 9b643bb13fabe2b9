"""Go on along the way that the average of a training's weights has gone, and write the weights.

    python tools/stretch_average.py stage4.safetensors --by 1.3 -o stretched.safetensors

An average over thousands of steps lags behind the weights that it averages, so a short training
ends with an average that has gone a part of the way. These are start + by * (average - start),
where start are the weights that the training began with (`training.start` of its plan). Which `by`
is best is for held-out patterns to say.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from safetensors import safe_open

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.network.weights import Model, load_model, save_weights


def stretch(average: Model, start: Model, by: float) -> None:
    """Move the weights of `average` to `by` times their distance from `start`, in place."""
    first = start.network.state_dict()
    moved = {
        name: first[name] + by * (tensor - first[name])
        for name, tensor in average.network.state_dict().items()
    }
    average.network.load_state_dict(moved)


def main() -> None:
    """Read the arguments, stretch, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("average", type=Path, help="weights that `bcdi-inpaint train` wrote")
    parser.add_argument("--start", default="default", help="weights that the training began with")
    parser.add_argument("--by", type=float, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    average, start = load_model(given.average), load_model(given.start)
    with safe_open(given.average, framework="pt") as file:
        training = json.loads(file.metadata()["training"])
    if training.get("start_sha256") != start.sha256:
        raise InputError(
            f"{given.average} began with weights {training.get('start_sha256')}, expected those of "
            f"{given.start}, {start.sha256}: give --start"
        )
    stretch(average, start, given.by)
    training |= {"stretched_by": given.by, "average_sha256": average.sha256}
    save_weights(given.output, average.network, training)


if __name__ == "__main__":
    main()
