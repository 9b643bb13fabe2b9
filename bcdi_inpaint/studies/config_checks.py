"""What of a study does not go together: found before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bcdi_inpaint.evaluation.fills import SIMULATED
from bcdi_inpaint.filling.learned_fill import OPTIMISED, LearningOptions
from bcdi_inpaint.gaps.artificial import SETTINGS
from bcdi_inpaint.network.kinds import KINDS, config_keys
from bcdi_inpaint.selftaught.adversaries import ENLARGED
from bcdi_inpaint.studies.first_guess import FIRST_GUESS

if TYPE_CHECKING:
    from bcdi_inpaint.studies.config import StudyConfig

OF_SCANS = ("released", "cubes", "measured", "measured_widths")
"""Keys that mean something in three dimensions alone."""
SAID_ELSEWHERE = ("kind", "n_dim", "inputs")
"""Of a network's configuration, what a study says in other keys."""


def check_fit(config: StudyConfig, networks: Sequence[str]) -> None:
    """Check what one key says against the others.

    Parameters
    ----------
    config : a study whose keys are valid each by itself.
    networks : names of those that are trained.

    Raises
    ------
    ValueError
        Two do not go together; the message has the value, what was expected and the fix.
    """
    _check_dimensions(config)
    _check_measured(config)
    _check_widths(config)
    _check_cubes(config)
    _check_frames(config)
    _check_latent(config, networks)


def _sides(recipe: Mapping[str, Any]) -> tuple[int, ...]:
    """The sides of a recipe's patterns; none where it does not say them as it should."""
    sides = recipe.get("shape")
    if isinstance(sides, list | tuple) and all(isinstance(side, int) for side in sides):
        return tuple(sides)
    return ()


def check_all_alike(config: StudyConfig) -> None:
    """Check, before networks are made, what a study says of all of them, and of a kind's form.

    Raises ValueError; the message has the value, what was expected and the fix.
    """
    training = config.training
    if training.last_step is not None:
        raise ValueError(
            "training.last_step would be of all networks, expected none: give last_step beside "
            "training, for ours"
        )
    if training.start is not None:
        raise ValueError(
            f"training.start is {training.start!r}, which are weights of one network, expected "
            "none, as all begin alike: leave it out"
        )
    _check_shapes(config)


def _check_shapes(config: StudyConfig) -> None:
    """A network's form is said in keys that it has, which do not say what it is."""
    if unknown := {*config.shapes} - {*KINDS}:
        raise ValueError(
            f"shapes has {', '.join(sorted(unknown))}, expected some of {', '.join(KINDS)}"
        )
    for kind, shape in config.shapes.items():
        for key in SAID_ELSEWHERE:
            if key in shape:
                raise ValueError(
                    f"shapes.{kind}.{key} is {shape[key]!r}, expected none, as kinds, columns and "
                    "the patterns' shape say it: leave it out"
                )
        valid = [key for key in config_keys(kind) if key not in SAID_ELSEWHERE]
        for key in shape:
            if key not in valid:
                raise ValueError(
                    f"shapes.{kind}.{key} is {shape[key]!r}, and no such key is known, expected "
                    f"some of {', '.join(valid)}: mend its name or leave it out"
                )


def _check_dimensions(config: StudyConfig) -> None:
    """Patterns to train and to judge on have as many sides, and patches fit both."""
    for name, recipe in (("patterns", config.patterns), ("held_out", config.held_out)):
        sides = _sides(recipe)
        n_dim = len(sides) or 3  # a recipe that does not say it is of scans
        if n_dim != config.n_dim or n_dim not in (2, 3):
            raise ValueError(
                f"{name}.shape is {sides or 'not given'}, expected {config.n_dim} sides, as "
                "patterns to train and to judge on have: give both two, or both three"
            )
        if sides and config.patches.size > min(sides):
            raise ValueError(
                f"patches.size is {config.patches.size}, expected at most the {min(sides)} of "
                f"{name}.shape: make patches smaller, or patterns larger"
            )
    if config.n_dim == 2:
        for key in OF_SCANS:
            if getattr(config, key):
                raise ValueError(
                    f"{key} is for scans, and these patterns are images, expected none: leave it "
                    "out, or give patterns three sides"
                )
    elif config.latent is not None:
        raise ValueError(
            "latent is for images, and these patterns have three sides, expected none: leave it "
            "out, or give patterns two sides"
        )


def _check_measured(config: StudyConfig) -> None:
    """Each measured scan has a name of its own."""
    names = [scan.name for scan in config.measured]
    for name in names:
        if name == SIMULATED or names.count(name) > 1:
            raise ValueError(
                f"measured has a scan {name!r}, expected a name for each, and none {SIMULATED!r}, "
                "as patterns are called: give it another name"
            )


def _across(config: StudyConfig, shape: str) -> int:
    """The least side that gaps of a shape lie across, of held-out patterns; 0 for not known."""
    sides = _sides(config.held_out)
    if config.n_dim == 2 and shape == "vertical":
        return max(sides[-1:], default=0)
    return min(sides[-2:], default=0)


def _check_widths(config: StudyConfig) -> None:
    """Gaps fit with the lines that stay known beside them."""
    side = max(_across(config, shape) for shape in config.shapes_of_gaps)
    widths = {"widths": config.widths}
    if config.learning is not None:
        widths["learning.widths"] = config.learning.widths
    if config.latent is not None:
        widths["latent.width"] = (config.latent.width,)
    if config.own_width not in (None, *config.widths, *config.measured_widths):
        raise ValueError(
            f"own_width is {config.own_width}, expected one of widths, "
            f"{', '.join(map(str, config.widths))}, as the network is judged at it alone: give one "
            "of these, or add it to them"
        )
    for name, some in widths.items():
        most = (_across(config, "vertical") if name == "latent.width" else side) - (
            2 * SETTINGS.known_beside
        )
        if side and max(some) > most:
            raise ValueError(
                f"{name} has {max(some)}, expected at most {most} in patterns of {side}: give "
                "narrower ones, or larger held_out.shape"
            )


def _check_cubes(config: StudyConfig) -> None:
    """Cubes of the published protocol fit the patterns, and their gaps the cubes."""
    cubes = config.cubes
    if cubes is None:
        return
    least = min(_sides(config.held_out), default=cubes.size)
    if cubes.size > least:
        raise ValueError(
            f"cubes.size is {cubes.size}, expected at most the {least} of held_out.shape: make "
            "cubes smaller, or patterns larger"
        )
    most = cubes.size - 2 * SETTINGS.known_beside
    for width in cubes.widths:
        if not 1 <= width <= most:
            raise ValueError(
                f"cubes.widths has {width}, expected 1 to {most} in a cube of {cubes.size}: take "
                "it out, or make cubes larger"
            )


def _check_frames(config: StudyConfig) -> None:
    """Adversarial networks look at a frame around a gap, which the patterns have to hold."""
    learning = config.learning
    if learning is None or not {*learning.methods} & {*OPTIMISED}:
        return
    side = _across(config, config.shapes_of_gaps[0])
    frame = LearningOptions().gan.frame
    needed = -(-(max(learning.widths) + 2 * frame) // ENLARGED) * ENLARGED
    if side and side // ENLARGED * ENLARGED < needed:
        raise ValueError(
            f"learning.widths has {max(learning.widths)}, expected patterns of at least {needed} "
            f"for it, {frame} on each side for {' and '.join(OPTIMISED)}, but they have {side}: "
            "leave these out of learning.methods, or give a larger held_out.shape"
        )


def _check_latent(config: StudyConfig, networks: Sequence[str]) -> None:
    """Autoencoders look at patterns and methods that there are."""
    latent = config.latent
    if latent is None:
        return
    for side in _sides(config.held_out):
        if side % latent.size:
            raise ValueError(
                f"latent.size is {latent.size}, expected a part of the patterns' side of {side}, "
                "which are binned to it: give a number that divides it"
            )
    count = config.held_out.get("count")
    if count is not None and latent.patterns > count:
        raise ValueError(
            f"latent.patterns is {latent.patterns}, expected at most the {count} of "
            "held_out.count: give fewer (and fewer neighbours), or make more held-out patterns"
        )
    there = (*config.classical, FIRST_GUESS, *networks)
    for name in latent.methods:
        if name not in there:
            raise ValueError(
                f"latent.methods has {name!r}, which is not judged here, expected some of "
                f"{', '.join(there)}: mend the name, or have it judged"
            )
