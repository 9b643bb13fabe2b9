"""Whether a network fills better that also sees the intensity which a short retrieval calculates.

    python -m benchmarks.computed_channel --keep /tmp/computed --report docs/reports/NAME.md

Two small networks, alike but for one input channel, which holds that intensity for one and zeros
for the other, with the same crystals, patches, seeds and steps. Both are judged on crystals that
neither saw, by width of the gap, and with them kriging and the calculated intensity alone. Twenty
minutes on a core; scans are kept in a folder, and made once.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bcdi_inpaint.arrays import Float32Array
from bcdi_inpaint.evaluation.fills.averages import Bootstrap
from bcdi_inpaint.evaluation.fills.records import Record, distinct
from bcdi_inpaint.evaluation.scores import pearson_log
from bcdi_inpaint.network.channels import CHANNEL_ORDER
from bcdi_inpaint.network.unet import GapUNet, NetworkConfig
from bcdi_inpaint.network.units import from_network
from bcdi_inpaint.tables import format_table
from bcdi_inpaint.training.gap_loss import LossWeights, gap_loss
from bcdi_inpaint.training.patch_dataset import draw_patch
from bcdi_inpaint.training.plan import PatchConfig
from benchmarks.computed_scans import Example, kept_example
from benchmarks.telling import tell, with_interval

NETWORK = NetworkConfig(channels=(8, 16, 32, 64), dilations=((1, 1), (1, 2), (1, 2), (1, 2)))
PATCHES = PatchConfig(flux_factor=(1.0, 1.0))
BATCH, RATE = 8, 2e-3


WITHOUT, WITH = "network without it", "network with it"


def make_network(seed: int) -> GapUNet:
    """A small network with one input channel more."""
    torch.manual_seed(seed)
    network = GapUNet(NETWORK)
    first = network.encoder[0][0]
    assert isinstance(first, nn.Conv3d)
    network.encoder[0][0] = nn.Conv3d(
        len(CHANNEL_ORDER) + 1, first.out_channels, 3, padding=1, bias=False
    )
    return network


def shown(channels: Tensor, *, computed: bool) -> Tensor:
    """The channels (batch, n_channels, *spatial), the last of them zero unless it is `computed`."""
    if not computed:
        channels = channels.clone()
        channels[:, -1] = 0
    return channels


def train(examples: Sequence[Example], steps: int, seed: int, *, computed: bool) -> GapUNet:
    """A network that was trained on examples.

    Parameters
    ----------
    examples : what patches are cut from.
    steps : of AdamW; the rate falls along a cosine.
    seed : of the weights and the patches.
    computed : whether it sees the calculated intensity.
    """
    network, rng = make_network(seed), np.random.default_rng([seed, 1])
    optimizer = torch.optim.AdamW(network.parameters(), RATE, betas=(0.9, 0.99), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        drawn = [
            draw_patch(examples[int(rng.integers(len(examples)))].slab, PATCHES, rng)
            for _ in range(BATCH)
        ]
        channels, truth, gap = (
            torch.from_numpy(np.stack([np.ascontiguousarray(one[part]) for one in drawn]))
            for part in range(3)
        )
        prediction, scale = network(shown(channels.float(), computed=computed))
        loss = gap_loss(prediction, scale, truth[:, None].float(), gap[:, None], LossWeights())
        optimizer.zero_grad()
        loss["loss"].backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            print(f"step {step}, loss {float(loss['loss'].detach()):.3f}", file=sys.stderr)
    return network.eval()


@torch.inference_mode()
def fill(network: GapUNet, example: Example, *, computed: bool) -> Float32Array:
    """What a network expects of a scan, (n, n, n) counts: the mean of overlapping patches."""
    slab, size = example.slab, PATCHES.size
    total, number = np.zeros(slab.gap.shape), np.zeros(slab.gap.shape)
    corners = [range(0, n - size + 1, size // 2) for n in slab.gap.shape]
    for corner in np.stack(np.meshgrid(*corners, indexing="ij"), -1).reshape(-1, 3):
        box = tuple(slice(int(c), int(c) + size) for c in corner)
        if slab.gap[box].any():
            channels = torch.from_numpy(slab.channels[(slice(None), *box)].astype(np.float32))
            prediction, _ = network(shown(channels[None], computed=computed))
            total[box] += prediction[0, 0].numpy()
            number[box] += 1
    return from_network((total / np.maximum(number, 1)).astype(np.float32))


def fills_of(example: Example, networks: dict[bool, GapUNet]) -> Iterator[tuple[str, np.ndarray]]:
    """By name, every fill of a scan that is judged."""
    channels = example.slab.channels.astype(np.float32)
    yield "linear", example.linear
    yield "kriging", from_network(channels[0])
    yield "calculated intensity", from_network(channels[-1])
    yield WITHOUT, fill(networks[False], example, computed=False)
    yield WITH, fill(networks[True], example, computed=True)


def score(examples: Sequence[Example], networks: dict[bool, GapUNet]) -> Iterator[Record]:
    """A record for every scan and fill: Pearson of logarithms with the expectation."""
    for number, example in enumerate(examples):
        gap, truth = example.slab.gap, from_network(example.slab.truth.astype(np.float32))
        for name, counts in fills_of(example, networks):
            yield {
                "crystal": str(number),
                "width": example.width,
                "beam": example.beam,
                "fill": name,
                "pearson": pearson_log(truth, counts, gap),
            }


def rows(records: Sequence[Record]) -> Iterator[Record]:
    """A row for every width, all widths, and every beam: per cent of the way from linear to 1."""
    cells = [("gap of", "width", width) for width in sorted(distinct(records, "width"))]
    cells += [("all gaps", "", None)]
    cells += [("beam", "beam", beam) for beam in distinct(records, "beam")]
    for words, column, value in cells:
        own = [record for record in records if not column or record[column] == value]
        unit = " px" if column == "width" else ""
        yield {"scans": words if value is None else f"{words} {value}{unit}"} | _row(own)


def _row(records: Sequence[Record]) -> Record:
    names = distinct(records, "fill")
    of = {name: [r["pearson"] for r in records if r["fill"] == name] for name in names}
    crystals = [r["crystal"] for r in records if r["fill"] == WITH]
    bootstrap = Bootstrap(crystals, resamples=2000, seed=0)
    means = {name: bootstrap.means(values) for name, values in of.items()}
    linear = means.pop("linear")
    shares = {name: 100 * (mean - linear) / (1 - linear) for name, mean in means.items()}
    gain = bootstrap.interval(shares[WITH] - shares[WITHOUT])
    told = {name: f"{share[0]:.1f}" for name, share in shares.items()}
    return {"crystals": len(crystals)} | told | {"gain": with_interval(gain)}


def report(given: argparse.Namespace) -> str:
    """Make the scans, train both networks, judge them; the table in Markdown."""
    given.keep.mkdir(parents=True, exist_ok=True)
    examples = [kept_example(n, given.keep) for n in range(given.crystals + given.held_out)]
    seen, unseen = examples[: given.crystals], examples[given.crystals :]
    records: list[Record] = []
    for seed in range(given.seeds):
        started = time.process_time()
        networks = {
            computed: train(seen, given.steps, seed, computed=computed)
            for computed in (False, True)
        }
        print(f"seed {seed}: {time.process_time() - started:.0f} s", file=sys.stderr, flush=True)
        records += score(unseen, networks)
    table = list(rows(records))
    command = (
        f"python -m benchmarks.computed_channel --crystals {given.crystals} --held-out "
        f"{given.held_out} --steps {given.steps} --seeds {given.seeds}"
    )
    return (
        f"`{command}`: per cent of the way from linear interpolation to the noise-free "
        "expectation, in Pearson; the gain is of the network with the intensity over that without, "
        f"with its 95 % interval over crystals.\n\n"
        f"{format_table(table, list(table[0]), 'markdown')}"
    )


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crystals", type=int, default=64, help="to train on")
    parser.add_argument("--held-out", type=int, default=24, help="to judge on")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=1, help="of the networks, judged together")
    parser.add_argument("--keep", type=Path, required=True, help="folder for the scans")
    parser.add_argument("--report", type=Path, help="file for the table")
    given = parser.parse_args()
    tell(report(given), given.report)


if __name__ == "__main__":
    main()
