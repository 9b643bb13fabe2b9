"""The light of a series of frames: where it jumps, or comes twice, another scan may begin."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from bcdi_inpaint.files.numbered import series_in
from bcdi_inpaint.scan.remarks import Remark, Remarks


@dataclass(frozen=True)
class LightSettings:
    """When the light of a series of frames is said to jump, or to come twice.

    Chosen by hand; no committed command.

    Attributes
    ----------
    smallest_ratio : of the light of the frames on both sides of a jump; a rocking curve that is
        fine enough for phase retrieval changes by less from one frame to the next.
    over_others : how many times as large as the steps beside it a jump is, in logarithms.
    frames_beside : on each side, that all have to lie on their side of the jump; fringes make
        single frames dark.
    peak : share of the strongest frame's light from which on frames are a Bragg peak; the first
        fringe of a cube has 0.05.
    valley : share of it that the light falls below between two peaks.
    """

    smallest_ratio: float = 3.0
    over_others: float = 3.0
    frames_beside: int = 3
    peak: float = 0.25
    valley: float = 0.02


SETTINGS = LightSettings()
_MOST_NAMED = 3


def jumps_in_light(counts: np.ndarray, files: list[Path]) -> Remarks:
    """A remark where the light of a series jumps or comes twice, as where another scan begins.

    `counts` is (n_frames, n_y, n_x), of which each of the `files` holds a frame.
    """
    light = np.array([np.sum(frame, where=frame > 0, dtype=np.float64) for frame in counts])
    jumps, valleys = find_jumps(light), find_valleys(light)
    if not (jumps or valleys):
        return ()
    cuts = sorted({*jumps, *valleys})
    seen = [f"jumps from {light[i]:.3g} to {light[i + 1]:.3g} counts" for i in jumps]
    seen += ["rises and falls again"] * bool(valleys)
    places = ", ".join(f"{files[i].name}" for i in cuts[:_MOST_NAMED])
    text = (
        f"the light {', '.join(seen[:_MOST_NAMED])} after {places}: if another scan begins there, "
        f"give one, {_ranges(files, cuts)}"
    )
    return (Remark("light-jumps", text),)


def find_jumps(light: np.ndarray) -> list[int]:
    """The frames after which the light (n_frames,) is of another strength.

    Examples
    --------
    >>> find_jumps(np.array([9.0, 9, 9, 9, 90, 90, 90, 90]))
    [3]
    """
    n = SETTINGS.frames_beside
    return [i for i in range(n - 1, len(light) - n) if _is_jump(light[i - n + 1 : i + n + 1])]


def _is_jump(light: np.ndarray) -> bool:
    """Whether the light of an even number of frames jumps in their middle."""
    middle = len(light) // 2
    logs = np.log1p(light)
    before, after = logs[:middle], logs[middle:]
    apart = max(after.min() - before.max(), before.min() - after.max())
    steps = np.abs(np.diff(logs))
    others = np.delete(steps, middle - 1).max()
    is_large = apart > np.log(SETTINGS.smallest_ratio)
    return bool(is_large and steps[middle - 1] > SETTINGS.over_others * others)


def find_valleys(light: np.ndarray) -> list[int]:
    """The frames at which the light (n_frames,) is least between two Bragg peaks.

    Examples
    --------
    >>> find_valleys(np.array([1.0, 90, 5, 1, 0, 3, 80, 2]))
    [4]
    """
    if light.size == 0 or light.max() < SETTINGS.smallest_ratio * light.min():
        return []
    above = light - light.min()
    strong = np.flatnonzero(above >= SETTINGS.peak * above.max())
    pairs = pairwise(strong)
    lowest = [int(a + np.argmin(above[a : b + 1])) for a, b in pairs if b > a + 1]
    return [i for i in lowest if above[i] < SETTINGS.valley * above.max()]


def _ranges(files: list[Path], cuts: list[int]) -> str:
    """The parts of a series between cuts, as a user gives them."""
    series = series_in(file.name for file in files)[0][0]
    edges = [-1, *cuts, len(files) - 1]
    parts = [
        f"{files[0].with_name(series.pattern)}:{series.numbers[a + 1]}-{series.numbers[b]}"
        for a, b in pairwise(edges)
        if b > a
    ]
    return " or ".join(parts[: _MOST_NAMED + 1])
