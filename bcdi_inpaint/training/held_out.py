"""How good a network is in artificial gaps of the part of a scan that it did not learn from."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader

from bcdi_inpaint.arrays import Float64Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.network.gap_network import GapNetwork
from bcdi_inpaint.network.units import logs_from_network
from bcdi_inpaint.photons import LEAST_COUNTS, mean_log_counts, photon_deviance
from bcdi_inpaint.training.patch_dataset import PatchDataset
from bcdi_inpaint.training.plan import Plan
from bcdi_inpaint.training.slabs import Slab
from bcdi_inpaint.training.streams import FinetuneStream


@dataclass(frozen=True)
class HeldOutScore:
    """How good a network is in the artificial gaps of what was held out; 0 is best of both.

    Attributes
    ----------
    mse_log : mean squared error of log(1 + counts). What is compared with is the mean logarithm of
        Poisson counts about the expectation, which is less than the logarithm of their mean:
        otherwise a fill that is too low would win.
    poisson_deviance : mean Poisson deviance of the counts.
    n_voxels : how many counts these are means of.
    """

    mse_log: float
    poisson_deviance: float
    n_voxels: int

    def __str__(self) -> str:
        return f"mse of log {self.mse_log:.4g}, mean Poisson deviance {self.poisson_deviance:.4g}"

    def beats(self, other: HeldOutScore) -> bool:
        """Whether one score is better than the other's, and none worse.

        Examples
        --------
        >>> HeldOutScore(0.1, 3.0, 9).beats(HeldOutScore(0.2, 3.0, 9))
        True
        >>> HeldOutScore(0.1, 3.1, 9).beats(HeldOutScore(0.2, 3.0, 9))
        False
        """
        pairs = (
            (self.mse_log, other.mse_log),
            (self.poisson_deviance, other.poisson_deviance),
        )
        return all(mine <= its for mine, its in pairs) and any(mine < its for mine, its in pairs)


def score_held_out(
    network: GapNetwork, slabs: Sequence[Slab], plan: Plan, device: torch.device, n_patches: int
) -> HeldOutScore:
    """Score a network on patches of held-out slabs, the same patches every time.

    Parameters
    ----------
    network : to be judged; not changed.
    slabs : with measured counts as their truth.
    plan : of the fine-tuning: its seed, its patches and its batches.
    device : what computes.
    n_patches : how many patches are drawn.

    Returns
    -------
    The scores, nan or infinite where a training failed.

    Raises
    ------
    InputError
        No patch has a voxel to judge.
    """
    patches = PatchDataset(
        slabs, plan.patches, n_patches, (plan.training.seed, FinetuneStream.HELD_OUT_PATCHES)
    )
    found = list(_fill_gaps(network, patches, plan.training.batch_size, device))
    log_expected, log_counts = (np.concatenate(each) for each in zip(*found, strict=True))
    if not len(log_counts):
        raise InputError(
            "no artificial gap meets what is held out, expected some: take another --seed, or a "
            "larger crop of the scan"
        )
    with np.errstate(over="ignore"):  # of a training that failed
        mean = np.clip(np.expm1(log_expected), LEAST_COUNTS, None)
    return HeldOutScore(
        float(((log_counts - mean_log_counts(mean)) ** 2).mean()),
        float(photon_deviance(np.expm1(log_counts), mean).mean()),
        len(log_counts),
    )


@torch.inference_mode()
def _fill_gaps(
    network: GapNetwork, patches: PatchDataset, batch_size: int, device: torch.device
) -> Iterator[tuple[Float64Array, Float64Array]]:
    """For each batch the expected and the measured log(1 + counts) in its gaps, (n_voxels,)."""
    on_device = copy.deepcopy(network).eval().to(device)
    for channels, truth, gap in DataLoader(patches, batch_size):
        prediction, _ = on_device(channels.to(device))
        expected = logs_from_network(prediction.float().cpu()[gap].double().numpy())
        yield expected, logs_from_network(truth[gap].double().numpy())
