"""A first guess inside the unknown voxels of a batch of patches, for the network to correct."""

from __future__ import annotations

import torch
from torch import Tensor


def _neighbours(known: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Index along `dim` of the last known voxel at or before, and the first at or after.

    -1 and n where there is none. `known` is bool; both results are int64 of its shape.
    """
    n = known.shape[dim]
    shape = [1] * known.ndim
    shape[dim] = n
    index = torch.arange(n, device=known.device).view(shape).expand_as(known)
    before = torch.where(known, index, -1).cummax(dim).values
    after = torch.where(known, index, n).flip(dim).cummin(dim).values.flip(dim)
    return before, after


def _along(values: Tensor, known: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Linear interpolation along `dim`, and its weight 1 / run length squared, 0 where open."""
    n = known.shape[dim]
    before, after = _neighbours(known, dim)
    closed = (before >= 0) & (after < n)
    low = values.gather(dim, before.clamp(min=0))
    high = values.gather(dim, after.clamp(max=n - 1))
    length = (after - before).clamp(min=1)
    shape = [1] * known.ndim
    shape[dim] = n
    place = torch.arange(n, device=known.device).view(shape) - before
    line = low + (high - low) * (place / length)
    return line, closed / length.to(values.dtype) ** 2


def prefill(values: Tensor, unknown: Tensor) -> Tensor:
    """`values` with the unknown voxels interpolated linearly between known ones.

    Parameters
    ----------
    values : (batch, 1, *spatial) float, any number in unknown voxels.
    unknown : (batch, 1, *spatial) bool.

    A voxel takes the mean over the axes on which known voxels lie on both sides, the shorter run
    weighing more (inverse square). Where gaps cross no axis has any: there another pass starts
    from what the last one filled. What is still open then becomes 0.
    """
    filled = torch.where(unknown, 0, values)
    for _ in range(values.ndim - 2):  # as many planes can cross in one voxel
        lines, weights = zip(
            *(_along(filled, ~unknown, dim) for dim in range(2, values.ndim)), strict=True
        )
        total = torch.stack(weights).sum(0)
        mean = (torch.stack(lines) * torch.stack(weights)).sum(0) / total.clamp(min=1e-12)
        reached = unknown & (total > 0)
        filled = torch.where(reached, mean, filled)
        unknown = unknown & ~reached
        if not bool(unknown.any()):
            break
    return filled
