"""What our phasing asks of PyNX's own runner: its parameters, and how they are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bcdi_inpaint.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Parameters of PyNX's runner for ID01, by PyNX's names where it has one.

    What is not here is PyNX's own default.

    Attributes
    ----------
    hio, raar, er : cycles of each run (``nb_hio``, ``nb_raar``, ``nb_er``). With HIO before,
        strongly strained crystals converge (`benchmarks/convergence.py`); but on a measured scan
        of ordinary size its support grew out of bounds, so it is for the user to ask for.
    runs : random starts (``nb_run``).
    support_threshold : range from which each run draws its own. PyNX's documentation advises it.
    """

    hio: int = 0
    raar: int = 600
    er: int = 200
    runs: int = 5
    support_threshold: tuple[float, float] = (0.2, 0.3)

    def arguments(self) -> list[str]:
        """As PyNX's command line takes them.

        The masked voxels are free, the scan is taken as it was cut, and the object is not cut, so
        that those of several runs lie on each other.

        Examples
        --------
        >>> Preset(runs=2).arguments()[:2]
        ['--nb_run', '2']
        """
        values: dict[str, int | str | tuple[float, ...]] = {
            "nb_run": self.runs,
            "nb_hio": self.hio,
            "nb_raar": self.raar,
            "nb_er": self.er,
            "support_threshold": self.support_threshold,
            "zero_mask": 0,
            "roi": "full",
            "crop_output": 0,
        }
        return [word for name, value in values.items() for word in _words(name, value)]


def _words(name: str, value: int | str | tuple[float, ...]) -> Iterator[str]:
    yield f"--{name}"
    yield from map(str, value) if isinstance(value, tuple) else [str(value)]


def check_runs(preset: Preset) -> None:
    """Refuse fewer than one start and runs without a cycle, with an InputError."""
    if preset.runs < 1:
        raise InputError(f"runs is {preset.runs}, expected at least 1: give a positive number")
    cycles = (preset.hio, preset.raar, preset.er)
    if min(cycles) < 0 or not sum(cycles):
        raise InputError(
            f"cycles are {','.join(map(str, cycles))}, expected HIO,RAAR,ER, none below 0 "
            "and some above: for example 400,600,200"
        )


def parameter_lines(arguments: Sequence[str]) -> list[str]:
    """Arguments as the lines of a parameter file of PyNX's; a later one overrides an earlier.

    Examples
    --------
    >>> parameter_lines(["--nb_run", "5", "--support_threshold", "0.2", "0.3", "--positivity"])
    ['nb_run = 5', 'support_threshold = 0.2,0.3', 'positivity = True']
    """
    named: dict[str, list[str]] = {}
    name = ""
    for word in arguments:
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            named[name] = [value] if value else []
        else:
            named.setdefault(name, []).append(word)
    return [f"{name} = {','.join(values) or 'True'}" for name, values in named.items()]
