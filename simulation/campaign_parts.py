"""Where the parts of a campaign lie: patterns and particles that are made already.

While a campaign runs, each relaxed particle and each finished pattern is a small file of its own in
``patterns.h5.parts``, which one process has for itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.patterns import Contents, read_contents, recipe_sha256
from bcdi_inpaint.safe_files import lock
from simulation.recipe import Recipe


@dataclass
class Stock:
    """The files of a recipe's patterns and particles that are made already.

    Attributes
    ----------
    folder : where new parts are written.
    patterns : the file of each pattern, by its index in the recipe.
    particles : the file of each particle, by its number in the recipe.
    """

    folder: Path
    patterns: dict[int, Path] = field(default_factory=dict)
    particles: dict[int, Path] = field(default_factory=dict)

    def pattern_path(self, index: int) -> Path:
        """The part that a pattern is written to."""
        return self.folder / f"pattern-{index:07d}.h5"

    def particle_path(self, number: int) -> Path:
        """The part that a particle is written to."""
        return self.folder / f"particle-{number:05d}.h5"

    def add(self, path: Path, contents: Contents) -> None:
        """Add what the file at `path` holds."""
        self.patterns |= dict.fromkeys(contents.row_of, path)
        self.particles |= dict.fromkeys(contents.particles, path)


def read_stock(recipe: Recipe, path: Path, force: bool) -> Stock:
    """Find what an earlier run left in a finished file and in its parts.

    Parameters
    ----------
    recipe : whose patterns are wanted.
    path : the finished file; its parts lie in ``NAME.parts`` beside it.
    force : pass over a finished file of another recipe, instead of refusing it.

    Returns
    -------
    What is there of this recipe. A damaged part is left out, so that it is made again.

    Raises
    ------
    InputError
        `path` was made by another recipe, or holds more patterns than the recipe's count.
    """
    sha256 = hash_recipe(recipe)
    stock = Stock(path.with_name(f"{path.name}.parts"))
    with suppress(InputError) if force else nullcontext():
        if path.exists():
            _add_finished(stock, path, sha256, recipe.count, force)
    for part in sorted(stock.folder.glob("*.h5")):
        with suppress(InputError):
            contents = read_contents(part)
            if contents.recipe_sha256 == sha256:
                stock.add(part, contents)
    return stock


def hash_recipe(recipe: Recipe) -> str:
    """The SHA-256 that files of its patterns carry."""
    return recipe_sha256(recipe.model_dump(mode="json"))


def _add_finished(stock: Stock, path: Path, sha256: str, count: int, force: bool) -> None:
    """Add a finished file to the stock; InputError if it belongs to another recipe."""
    contents = read_contents(path)
    if contents.recipe_sha256 != sha256:
        raise InputError(
            f"{path} was made by another recipe, expected this one: give another path, or "
            "replace it with --force"
        )
    if max(contents.row_of, default=0) >= count and not force:
        raise InputError(
            f"{path} holds {len(contents.row_of)} patterns, expected at most the count of "
            f"{count}: give another path, or cut it with --force"
        )
    stock.add(path, contents)


@contextmanager
def parts_folder(recipe: Recipe, folder: Path, force: bool) -> Iterator[None]:
    """Hold the folder of parts for this process alone, and write into it whose parts they are.

    Parameters
    ----------
    recipe : whose parts it holds.
    folder : made if it is not there. What killed processes left unfinished is removed.
    force : remove the parts of another recipe, instead of refusing them.

    Raises
    ------
    InputError
        The folder holds other files or another recipe's parts, another process uses it, or it
        cannot be written.
    """
    owner = folder / "recipe.json"
    try:
        folder.mkdir(exist_ok=True)
        if not owner.exists() and any(folder.glob("*")):
            raise InputError(
                f"{folder} holds other files, expected the parts of a campaign: give another path"
            )
        with open(owner, "a+") as stream:
            _lock(stream.fileno(), folder)
            stream.seek(0)
            _take_over(folder, stream.read().strip(), hash_recipe(recipe), force)
            _remove_unfinished(folder)
            stream.truncate(0)
            stream.write(hash_recipe(recipe))
            stream.flush()
            yield
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror or error}), expected space and "
            "permission: make room or give another path"
        ) from error


def _take_over(folder: Path, owner_sha256: str, sha256: str, force: bool) -> None:
    """Remove the parts of another recipe where `force` allows it."""
    if owner_sha256 in ("", sha256):
        return
    if not force:
        raise InputError(
            f"{folder} holds the parts of another recipe, expected this one's: give "
            "another path, or replace them with --force"
        )
    for part in folder.glob("*.h5"):
        part.unlink()


def _remove_unfinished(folder: Path) -> None:
    """Remove what processes that were killed left half written."""
    unfinished = f".{folder.name.removesuffix('.parts')}-*.tmp"
    for rest in (*folder.glob(".*.tmp"), *folder.parent.glob(unfinished)):
        rest.unlink(missing_ok=True)


def _lock(descriptor: int, folder: Path) -> None:
    """Keep a second campaign off."""
    try:
        lock(descriptor, wait=False)
    except BlockingIOError:
        raise InputError(
            f"another process is making {folder.name.removesuffix('.parts')}, expected none: "
            "wait for it, or give another path"
        ) from None
