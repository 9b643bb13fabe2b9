"""Commands that `benchmarks.kills` cuts short: their inputs, and whether an output is whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

SHAPE = (8, 48, 44)
GAP = slice(20, 26)
VARYING = ("date", "command", "job_sha256", "input_sha256")


RECIPE = """{count: %d, seed: %d, shape: [32, 40, 40], atomistic_share: 0,
  oversampling: [2.0, 2.5], realism: {flux: [1.0e5, 1.0e6]}}"""
PLAN = f"""
name: small
patterns: {RECIPE % (3, 0)}
held_out: {RECIPE % (2, 1)}
patches: {{size: 16, widths: [[2, 6]], shares: [1.0]}}
network: {{channels: [8, 8], dilations: [[1, 1], [1, 2]]}}
training: {{steps: 12, steps_per_epoch: 3, batch_size: 2, validation_patches: 2, slabs: 3,
  validation_slabs: 2, calibration_patterns: 1, warmup_steps: 1}}
"""


@dataclass(frozen=True)
class Job:
    """A command, its inputs, and what is right of its outputs.

    Attributes
    ----------
    write : makes the inputs in a folder.
    arguments : of the command in that folder; told whether an earlier run has left something.
    content : what an output says that has its final name, by name; raises where it is not whole.
    done : the outputs after which the same command has nothing left to do, and says so.
    """

    name: str
    write: Callable[[Path], None]
    arguments: Callable[[Path, bool], list[str]]
    content: Callable[[Path], dict[str, np.ndarray]]
    done: Callable[[Path], bool]


def _counts(seed: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """A peak with fringes, Poisson counts of shape (n_rock, n_y, n_x)."""
    z, y, x = np.meshgrid(*[np.arange(n) - n / 2 for n in shape], indexing="ij")
    peak = 3000 / (1 + 0.02 * (z**2 + y**2 + x**2)) ** 1.5
    rng = np.random.default_rng(seed)
    return rng.poisson(peak * (1.2 + np.cos(0.9 * (y + x - z)))).astype(np.int32)


def _write_scan(path: Path, seed: int, shape: tuple[int, ...] = SHAPE, gap: slice = GAP) -> None:
    from bcdi_inpaint.files import write_scan

    counts = _counts(seed, shape)
    mask = np.zeros(shape, dtype=bool)
    mask[:, gap] = True
    write_scan(path, np.where(mask, 0, counts), mask)


def _write_model(folder: Path) -> None:
    import torch

    from bcdi_inpaint.network.unet import GapUNet, NetworkConfig
    from bcdi_inpaint.network.weights import save_weights

    torch.manual_seed(0)
    network = GapUNet(NetworkConfig(channels=(8, 8), dilations=((1, 1), (1, 2))))
    save_weights(folder / "in.safetensors", network, {})


def _write_one(folder: Path) -> None:
    _write_model(folder)
    _write_scan(folder / "scan.cxi", 0)


def _write_many(folder: Path) -> None:
    _write_model(folder)
    (folder / "night").mkdir()
    for number in range(3):
        _write_scan(folder / "night" / f"s{number}.cxi", number)


def _write_to_adapt(folder: Path) -> None:
    _write_model(folder)
    _write_scan(folder / "scan.cxi", 0, (34, 40, 40), slice(30, 33))


def _write_recipe(folder: Path) -> None:
    (folder / "recipe.yaml").write_text(RECIPE % (4, 0))


def _write_plan(folder: Path) -> None:
    (folder / "plan.yaml").write_text(PLAN)


def _predict(folder: Path, _: bool) -> list[str]:
    scan, model = str(folder / "scan.cxi"), str(folder / "in.safetensors")
    output = str(folder / "out" / "filled.cxi")
    return ["predict", scan, "--model", model, "--device", "cpu", "-o", output]


def _batch(folder: Path, _: bool) -> list[str]:
    model, output = str(folder / "in.safetensors"), str(folder / "out")
    options = ["--device", "cpu", "--format", "npz", "--plot", "--jobs", "2"]
    return ["predict", str(folder / "night"), "--model", model, "-o", output, *options]


def _simulate(folder: Path, _: bool) -> list[str]:
    output = str(folder / "out" / "patterns.h5")
    return ["simulate", str(folder / "recipe.yaml"), "-o", output, "--workers", "2"]


def _train(folder: Path, again: bool) -> list[str]:
    run = folder / "out"
    resume = ["--resume"] if again and (run / "last.ckpt").exists() else []
    options = ["--device", "cpu", "--workers", "1", *resume]
    return ["train", str(folder / "plan.yaml"), "-o", str(run), *options]


def _finetune(folder: Path, _: bool) -> list[str]:
    scan, model = str(folder / "scan.cxi"), str(folder / "in.safetensors")
    options = ["--steps", "12", "--device", "cpu"]
    return [
        "finetune", scan, "--model", model, "-o", str(folder / "out" / "mine.safetensors"), *options
    ]  # fmt: skip


def _arrays_of_cxi(path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}

    def take(name: str, node: object) -> None:
        is_array = isinstance(node, h5py.Dataset) and node.shape is not None
        if is_array and name.rsplit("/", 1)[-1] not in VARYING and node.dtype.kind in "biuf":
            found[name] = node[()]

    with h5py.File(path, "r") as file:
        file.visititems(take)
    return found


def _arrays_of_npz(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: a for name, a in archive.items() if a.dtype.kind in "biuf"}


def _arrays_of_patterns(path: Path) -> dict[str, np.ndarray]:
    from bcdi_inpaint.files.patterns import n_patterns, read_pattern

    found = {}
    for row in range(n_patterns(path)):
        pattern = read_pattern(path, row)
        found |= {f"{row}/{n}": getattr(pattern, n) for n in ("counts", "expectation", "bad")}
    return found


def _arrays_of_weights(path: Path) -> dict[str, np.ndarray]:
    from bcdi_inpaint.network.weights import load_model

    state = load_model(path).network.state_dict()
    return {name: tensor.numpy() for name, tensor in state.items()}


def _arrays_of_picture(path: Path) -> dict[str, np.ndarray]:
    from PIL import Image

    with Image.open(path) as picture:
        picture.load()
    return {}  # whole; matplotlib's metadata differ


def _arrays_of_checkpoint(path: Path) -> dict[str, np.ndarray]:
    import torch

    torch.load(path, map_location="cpu", weights_only=True)
    return {}


def _arrays_of_npy(path: Path) -> dict[str, np.ndarray]:
    return {"": np.load(path)}


_READERS: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {
    ".cxi": _arrays_of_cxi,
    ".npz": _arrays_of_npz,
    ".npy": _arrays_of_npy,
    ".h5": _arrays_of_patterns,
    ".png": _arrays_of_picture,
    ".ckpt": _arrays_of_checkpoint,
    ".safetensors": _arrays_of_weights,
}


def whole(folder: Path) -> dict[str, np.ndarray]:
    """All arrays of the outputs that have their final name; raises where one is not whole."""
    found = {}
    for path in sorted((folder / "out").rglob("*")):
        if path.name.startswith(".") or path.suffix not in _READERS or _is_part(path):
            continue
        found |= {
            f"{path.relative_to(folder)}:{name}": array
            for name, array in _READERS[path.suffix](path).items()
        }
    return found


def _is_part(path: Path) -> bool:
    """Whether a file is in a folder of parts, which the next run looks through by itself."""
    return any(parent.name.endswith(".parts") for parent in path.parents)


def _there(*names: str) -> Callable[[Path], bool]:
    return lambda folder: all((folder / "out" / name).exists() for name in names)


def never_done(_: Path) -> bool:
    """Whether the command has nothing left to do: it always looks."""
    return False


JOBS = {
    job.name: job
    for job in (
        Job("predict", _write_one, _predict, whole, _there("filled.cxi")),
        Job("batch", _write_many, _batch, whole, never_done),
        Job("simulate", _write_recipe, _simulate, whole, never_done),
        Job("train", _write_plan, _train, whole, never_done),
        Job("finetune", _write_to_adapt, _finetune, whole, _there("mine.safetensors")),
    )
}
