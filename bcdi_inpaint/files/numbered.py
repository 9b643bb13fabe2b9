"""Numbered files, of which each holds a frame: series such as ``frames_%04d.edf``, and folders."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.siblings import names_mask

_NUMBER = re.compile(r"%0?(\d*)d")
_MOST_NAMED = 4
Runs = list[tuple[int, int]]


def is_series(path: Path) -> bool:
    """Whether a name stands for many files, as ``frames_%04d.edf`` does."""
    return _NUMBER.search(path.name) is not None and not path.exists()


def series_files(pattern: Path, numbers: str | None = None) -> list[Path]:
    """The files of a series by number.

    Parameters
    ----------
    pattern : such as ``frames_%04d.edf``.
    numbers : ``100-199`` for those alone; None for all.

    Raises
    ------
    InputError
        For no files, and where one between them is missing.
    """
    before, after = _NUMBER.split(pattern.name, maxsplit=1)[::2]
    form = re.compile(rf"{re.escape(before)}(\d+){re.escape(after)}")
    folder = pattern.parent
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    found = {int(m[1]): folder / m[0] for name in names if (m := form.fullmatch(name))}
    if not found:
        raise InputError(f"{pattern} stands for no file, expected frames: check the folder")
    first, last = (min(found), max(found)) if numbers is None else _range(numbers, pattern)
    lost = [number for number in range(first, last + 1) if number not in found]
    if lost:
        raise InputError(_lost(pattern, lost, _runs(sorted(found)), first, last))
    return [found[number] for number in range(first, last + 1)]


def _lost(pattern: Path, lost: list[int], runs: Runs, first: int, last: int) -> str:
    """What is said where numbers are missing: which, and the ranges that are whole."""
    shown = ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in _runs(lost)[:_MOST_NAMED])
    whole = " or ".join(f"{pattern.name}:{a}-{b}" for a, b in runs[:_MOST_NAMED])
    return (
        f"{pattern} lacks frame {shown}, expected {first} to {last}: bring the file, or, if these "
        f"are several scans, give one: {whole}"
    )


def _range(numbers: str, pattern: Path) -> tuple[int, int]:
    first, last = map(int, numbers.split("-"))
    if last < first:
        raise InputError(
            f"the range of {pattern} is {numbers}, expected the first and the last number: "
            f"give {pattern.name}:{last}-{first}"
        )
    return first, last


def _runs(numbers: list[int]) -> Runs:
    """Sorted numbers as runs without a hole, both ends in them."""
    breaks = [i + 1 for i, (a, b) in enumerate(pairwise(numbers)) if b != a + 1]
    edges = pairwise([0, *breaks, len(numbers)])
    return [(numbers[start], numbers[stop - 1]) for start, stop in edges]


@dataclass(frozen=True)
class Series:
    """Files of a folder that differ in one number: their pattern, and the numbers there."""

    pattern: str
    numbers: tuple[int, ...]
    files: tuple[str, ...]

    def __str__(self) -> str:
        runs = _runs(list(self.numbers))[:_MOST_NAMED]
        return " or ".join(f"{self.pattern}:{a}-{b}" for a, b in runs)


def series_in(names: Iterable[str]) -> tuple[list[Series], list[str]]:
    """Names of files as series of two or more, and the names that are in none.

    Examples
    --------
    >>> series_in(["s1_0001.tif", "s1_0002.tif", "dark.tif"])[0][0].pattern
    's1_%04d.tif'
    """
    alike: dict[tuple[str, ...], list[list[str]]] = defaultdict(list)
    for name in names:
        pieces = re.split(r"(\d+)", name)
        alike[tuple(pieces[::2])].append(pieces)
    found: list[Series] = []
    lone: list[str] = []
    for group in alike.values():
        series, others = _series_of(group)
        found += series
        lone += others
    return sorted(found, key=lambda series: series.pattern), sorted(lone)


def _series_of(group: list[list[str]]) -> tuple[list[Series], list[str]]:
    """Names of one form, in pieces: their last number that varies counts the frames."""
    varying = [i for i in range(1, len(group[0]), 2) if len({pieces[i] for pieces in group}) > 1]
    if not varying:
        return [], ["".join(pieces) for pieces in group]
    place = varying[-1]
    parts: dict[tuple[str, str], list[list[str]]] = defaultdict(list)
    for pieces in group:
        parts["".join(pieces[:place]), "".join(pieces[place + 1 :])].append(pieces)
    found: list[Series] = []
    lone: list[str] = []
    for (before, after), members in parts.items():
        members.sort(key=lambda pieces: int(pieces[place]))
        names = tuple("".join(pieces) for pieces in members)
        if len(members) == 1:
            lone += names
            continue
        widths = {len(pieces[place]) for pieces in members}
        form = f"%0{widths.pop()}d" if len(widths) == 1 else "%d"
        numbers = tuple(int(pieces[place]) for pieces in members)
        found.append(Series(f"{before}{form}{after}", numbers, names))
    return found, lone


def frames_in(folder: Path, is_frame: Callable[[Path], bool], suffixes: tuple[str, ...]) -> str:
    """The pattern of the frames that a folder holds as one scan; empty where it holds none.

    Parameters
    ----------
    folder : to look into; files that call themselves masks are no frames.
    is_frame : whether a file holds a single frame; asked of one file a series.
    suffixes : endings of the files that can hold a scan or a frame.

    Raises
    ------
    InputError
        Where it holds several series of frames, or frames and other scans.
    """
    names = [f.name for f in folder.iterdir() if _counts_here(f, suffixes)]
    series, _ = series_in(names)
    framed = [one for one in series if is_frame(folder / one.files[0])]
    if not framed:
        return ""
    of_frames = {name for one in framed for name in one.files}
    others = sorted(set(names) - of_frames)
    if len(framed) == 1 and not others:
        return framed[0].pattern
    what = f"{len(framed)} series of frames" if len(framed) > 1 else "a series of frames"
    besides = f" and {_listed(others)}" if others else ""
    ways = _listed([str(folder / str(one)) for one in framed])
    raise InputError(
        f"folder {folder} holds {what}{besides}, expected the frames of one scan alone: "
        f"give one scan at a time, {ways}"
    )


def _counts_here(file: Path, suffixes: tuple[str, ...]) -> bool:
    name = file.name.lower()
    is_ours = "_inpainted" in name
    return name.endswith(suffixes) and name[0] != "." and not (is_ours or names_mask(file))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
