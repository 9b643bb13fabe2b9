"""How fast the network trains and fills, how much of the machine that uses, and against whom.

python -m benchmarks.network            # minutes on a CPU
python -m benchmarks.network --quick    # about one
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bcdi_inpaint.filling.inpainting import inpaint_scan
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.gaps.masks import GapRegion
from bcdi_inpaint.network import unet
from bcdi_inpaint.network.channels import CHANNEL_ORDER
from bcdi_inpaint.network.unet import GapUNet, NetworkConfig
from bcdi_inpaint.network.weights import load_model
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.tables import format_table
from bcdi_inpaint.training.gap_loss import LossWeights, gap_loss
from benchmarks.published import PublishedNetwork, count_patches
from benchmarks.stacks import draw_frames, maxipix

BATCH, PATCH = FillingSettings.batch, FillingSettings.patch
SEED = 31
STACK = (256, 512, 512)
"""Of the comparison: frames, rows and columns, with a cross of `WIDTH` lines in the middle."""
WIDTH = 6
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


# --- measuring ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Machine:
    """One device, and how often a thing is timed on it."""

    device: torch.device
    repeats: int

    def timed(self, call: Callable[[], object], repeats: int | None = None) -> float:
        """The shortest of some runs in seconds, after one that is not timed."""
        seconds = []
        for _ in range((repeats or self.repeats) + 1):
            started = time.perf_counter()
            call()
            if self.device.type == "cuda":
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - started)
        return min(seconds[1:])

    def peak(self, precision: str, side: int) -> float:
        """FLOP/s of a product of two matrices (side, side)."""
        matrix = torch.randn(side, side, device=self.device, dtype=PRECISIONS[precision])
        return 2 * side**3 / self.timed(lambda: matrix @ matrix, 8)

    def autocast(self, precision: str) -> AbstractContextManager[None]:
        """As training does it: single precision kept where it matters."""
        enabled = precision != "float32"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)


@dataclass(frozen=True)
class Work:
    """A thing to time, and the patches and the FLOPs in it."""

    what: str
    run: Callable[[], object]
    n_patches: int
    flops: float


def flops_of(call: Callable[[], object]) -> float:
    """The FLOPs of a call, counted by torch."""
    with FlopCounterMode(display=False) as counter:
        call()
    return float(counter.get_total_flops())


def patches(n_batch: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Channels, truth and gap of a batch: random numbers, and `WIDTH` lines in the middle."""
    generator = torch.Generator().manual_seed(SEED)
    channels = torch.rand(n_batch, len(CHANNEL_ORDER), *(PATCH,) * 3, generator=generator)
    gap = torch.zeros(n_batch, 1, *(PATCH,) * 3, dtype=torch.bool)
    gap[:, :, (PATCH - WIDTH) // 2 : (PATCH + WIDTH) // 2] = True
    return channels.to(device), channels[:, :1].clone().to(device), gap.to(device)


def filling(network: nn.Module, images: Tensor) -> Work:
    """The network alone, on one batch."""

    @torch.inference_mode()
    def run() -> None:
        network(images)

    return Work("filling", run, len(images), flops_of(run))


def training(network: GapUNet, n_batch: int, device: torch.device) -> Work:
    """One step: forward, the loss, backward, the optimiser."""
    channels, truth, gap = patches(n_batch, device)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-6)

    def run() -> None:
        optimizer.zero_grad()
        prediction, scale = network(channels)
        gap_loss(prediction, scale, truth, gap, LossWeights())["loss"].backward()
        optimizer.step()

    return Work("training", run, n_batch, flops_of(run))


def channels_last(work: Work) -> Work:
    """The same with the channels last in memory, whatever is quickest."""

    def run() -> None:
        with mock.patch.object(unet, "in_quickest_layout", _last):
            work.run()

    return replace(work, what=f"{work.what}, channels last", run=run)


def _last(features: Tensor) -> Tensor:
    return features.contiguous(memory_format=torch.channels_last_3d)


def speeds(machine: Machine, peaks: dict[str, float]) -> Iterator[dict[str, object]]:
    """One row for each work, batch size and precision on a machine with these FLOP/s at best."""
    torch.manual_seed(SEED)
    network = GapUNet(NetworkConfig()).to(machine.device)
    if machine.device.type == "cuda":  # as a training has it
        network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    for precision, peak in peaks.items():
        for n_batch in (1, BATCH):
            channels, _, _ = patches(n_batch, machine.device)
            learning = training(network, n_batch, machine.device)
            works = (learning, channels_last(learning), filling(network, channels))
            for work in works:
                yield _row(machine, work, precision, peak)


def _row(machine: Machine, work: Work, precision: str, peak: float) -> dict[str, object]:
    with machine.autocast(precision):
        seconds = machine.timed(work.run)
    return {
        "device": machine.device.type,
        "what": work.what,
        "precision": precision,
        "batch": work.n_patches,
        "ms / patch": 1e3 * seconds / work.n_patches,
        "GFLOP / patch": work.flops / work.n_patches / 1e9,
        "TFLOP/s": work.flops / seconds / 1e12,
        "of the peak": f"{100 * work.flops / seconds / peak:.0f} %",
    }


# --- against the published procedure --------------------------------------------------------------


def stack_seconds(device: torch.device) -> tuple[float, int]:
    """Seconds that filling the stack in memory takes us, and patches for the network."""
    stack = maxipix(STACK[0], STACK[1])
    counts, hidden = (np.stack(arrays) for arrays in zip(*draw_frames(stack), strict=True))
    started = time.perf_counter()
    scan, gap = Scan(counts, np.zeros_like(hidden)), GapRegion(stack.shape, stack.gaps)
    filled = inpaint_scan(scan, gap, device=device.type)
    return time.perf_counter() - started, filled.report.n_patches


def comparison(machine: Machine) -> list[dict[str, object]]:
    """Both procedures, as each is used: theirs patch by patch, for all voxels of the gaps' planes.

    A patch is timed for both in single precision. The stack is measured for us, with all that is
    done before and after the network; for them it is the time of a patch times their number.
    """
    torch.manual_seed(SEED)
    ours = load_model().network.to(machine.device)
    theirs = PublishedNetwork().to(machine.device)
    channels, _, _ = patches(BATCH, machine.device)
    works = {"published": filling(theirs, channels[:1, :1]), "ours": filling(ours, channels)}
    each = {name: machine.timed(work.run) / work.n_patches for name, work in works.items()}
    seconds, n_ours = stack_seconds(machine.device)
    n_patches = {
        "published": count_patches(STACK, maxipix(STACK[0], STACK[1]).gaps),
        "ours": n_ours,
    }
    stack = {"published": n_patches["published"] * each["published"], "ours": seconds}
    rows: list[dict[str, object]] = [
        {
            "procedure": name,
            "device": machine.device.type,
            "parameters": sum(p.numel() for p in network.parameters()),
            "GFLOP / patch": works[name].flops / works[name].n_patches / 1e9,
            "batch": works[name].n_patches,
            "ms / patch": 1e3 * each[name],
            "patches": n_patches[name],
            "stack (s)": stack[name],
        }
        for name, network in (("published", theirs), ("ours", ours))
    ]
    ratio = {
        "procedure": "published / ours",
        "ms / patch": each["published"] / each["ours"],
        "patches": n_patches["published"] / n_patches["ours"],
        "stack (s)": stack["published"] / stack["ours"],
    }
    return [*rows, ratio]


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--threads", type=int, help="of the CPU; default: all")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads or len(os.sched_getaffinity(0)))
    repeats, side = (1, 2048) if arguments.quick else (5, 4096)
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    if "cuda" not in devices:
        print("there is no GPU: not timed")
    machines = [Machine(torch.device(device), repeats) for device in devices]
    for machine in machines:
        name = torch.cuda.get_device_name() if machine.device.type == "cuda" else "CPU"
        peaks = {precision: machine.peak(precision, side) for precision in PRECISIONS}
        told = ", ".join(f"{peak / 1e12:.3g} TFLOP/s in {key}" for key, peak in peaks.items())
        print(f"{name}, {torch.get_num_threads()} threads; a product of {side}^2 matrices: {told}")
        print(format_table(list(speeds(machine, peaks)), SPEED_COLUMNS))
        print(f"A cross of {WIDTH} lines in {' x '.join(map(str, STACK))}:")
        print(format_table(comparison(machine), COMPARISON_COLUMNS))


SPEED_COLUMNS = [
    "device",
    "what",
    "precision",
    "batch",
    "ms / patch",
    "GFLOP / patch",
    "TFLOP/s",
    "of the peak",
]
COMPARISON_COLUMNS = [
    "procedure",
    "device",
    "parameters",
    "GFLOP / patch",
    "batch",
    "ms / patch",
    "patches",
    "stack (s)",
]


if __name__ == "__main__":
    main()
