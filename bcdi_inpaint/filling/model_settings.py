"""How patches are laid for a model: as large as it has to see them."""

from __future__ import annotations

from dataclasses import replace

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.network.weights import Model


def own_stride(side: int) -> int:
    """Voxels between patches of a side: three quarters of it, as `FillingSettings` has it."""
    return max(1, 3 * side // 4)


def settings_for(model: Model, settings: FillingSettings) -> FillingSettings:
    """The settings with patches as large as a model has to see, and gaps as wide as they cover.

    Across a gap of more than one and a half patches, some would see no known voxel: a network as
    published says then what has nothing to do with the scan.

    Parameters
    ----------
    model : that will fill a scan.
    settings : how patches are laid for others.

    Raises
    ------
    InputError
        The model does not take the patches of a scan.
    """
    side = model.own_patch
    if side not in (None, settings.patch):
        settings = replace(
            settings,
            patch=side,
            stride=min(settings.stride, own_stride(side)),
            widest=min(settings.widest, side + side // 2),
        )
    config = model.network.config
    if config.n_dim != 3:
        raise InputError(
            f"model {model.name} has {config.n_dim} dimensions, expected 3 for a scan: use weights "
            "of a plan with network.n_dim 3"
        )
    if settings.patch % config.divisor:
        raise InputError(
            f"model {model.name} takes patches of a multiple of {config.divisor} voxels, expected "
            f"one that takes {settings.patch}: use weights of a network with fewer levels"
        )
    return settings
