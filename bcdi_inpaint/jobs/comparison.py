"""A study of methods that can begin: its folders, and where what it judged is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bcdi_inpaint.files.patterns import recipe_sha256
from bcdi_inpaint.jobs.result_folder import check_free, make_folder
from bcdi_inpaint.jobs.study_subjects import judged_on
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.studies.cache import cache_folder, key_of
from bcdi_inpaint.studies.config import StudyConfig

WRITTEN = ("methods.md", "scores.csv", "cases.csv")
"""Files of results that are not replaced unasked."""


@dataclass(frozen=True)
class Comparison:
    """A study that can begin.

    Attributes
    ----------
    config : what is compared.
    source : the file that it is from.
    folder : of tables, pictures and parts; it exists.
    cache : of patterns, slabs and weights; it exists.
    patterns : paths of the patterns to train and to judge on, ``patterns`` and ``held_out``.
    device : where networks compute: ``auto``, ``cpu`` or ``cuda``.
    quiet : nothing is said of the progress.
    workers : processes that prepare what networks learn from; 0 for none but this one.
    """

    config: StudyConfig
    source: str
    folder: Path
    cache: Path
    patterns: dict[str, Path]
    device: str = "auto"
    quiet: bool = False
    workers: int = 0

    def say(self, text: str) -> None:
        """A line on the terminal, unless it is to be quiet."""
        if not self.quiet:
            print(text, flush=True)

    def part(self, name: str, *made_of: Any) -> Path:
        """Where parts are kept that are made of these values, the study's seed and patterns."""
        both = [recipe_sha256(self.config.held_out), self.config.seed, *made_of]
        return self.folder / "parts" / f"{name}-{key_of(both)}"


def prepare_comparison(
    config: StudyConfig,
    source: str,
    folder: Path,
    *,
    device: str = "auto",
    force: bool = False,
    quiet: bool = False,
    workers: int = 0,
) -> Comparison:
    """Check what can fail, and make the folders.

    Parameters
    ----------
    config : what is compared.
    source : the file that it is from.
    folder : of tables and pictures; it is made.
    device : where networks compute: ``auto``, ``cpu`` or ``cuda``.
    force : whether results that exist may be replaced.
    quiet : nothing is said of the progress.
    workers : processes that prepare what networks learn from; 0 for none but this one.

    Returns
    -------
    What `compare_methods.compare_methods` takes.

    Raises
    ------
    InputError
        Results exist, the device is not there, or a folder cannot be made.
    """
    check_free(folder, WRITTEN, force)
    choose_device(device)
    make_folder(folder)
    cache = cache_folder() / "methods"
    make_folder(cache, "what a study makes")
    recipes = {"patterns": config.patterns, "held_out": config.held_out}
    paths = {
        name: cache / f"patterns-{recipe_sha256(values)[:12]}-{values.get('count')}.h5"
        for name, values in recipes.items()
    }
    return Comparison(config, source, folder, cache, paths, device, quiet, workers)


def where_parts_are(comparison: Comparison) -> dict[str, Path]:
    """The folders of what was judged, ``gaps`` and ``cubes``: others for what is judged on.

    In both every method has records of its own, with the hash of its weights.
    """
    config = comparison.config
    cubes = config.cubes and config.cubes.model_dump(exclude={"bins"})  # of the means alone
    return {
        "gaps": part_of_gaps(comparison),
        "cubes": comparison.part("cubes", judged_on(config), cubes),
    }


def part_of_gaps(comparison: Comparison) -> Path:
    """The folder of what was judged in gaps."""
    return comparison.part("gaps", judged_on(comparison.config))
