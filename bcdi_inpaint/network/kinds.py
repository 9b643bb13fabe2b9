"""The kinds of networks by name: how each is configured and built."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, Discriminator, Tag, TypeAdapter

from bcdi_inpaint.network.gap_network import GapNetwork
from bcdi_inpaint.network.published.adapter import (
    REVISION,
    PublishedConfig,
    PublishedNetwork,
)
from bcdi_inpaint.network.published.chavez import (
    AutoencoderConfig,
    MsdNetChavezConfig,
    TuNetConfig,
)
from bcdi_inpaint.network.published.partial_convolution import PartialConfig
from bcdi_inpaint.network.published.patch_unet import PatchUNetConfig
from bcdi_inpaint.network.published.thesis import MsdNetConfig, UNetConfig
from bcdi_inpaint.network.unet import GapUNet, NetworkConfig

KINDS = (
    "gap_unet",
    "unet",
    "msdnet",
    "unet_dilated",
    "patch_unet",
    "autoencoder",
    "tunet",
    "partial_conv",
    "msdnet_chavez",
)
"""What `network.kind` may be; the first is ours."""


def _kind(values: Any) -> str:
    """The kind of a configuration or of a mapping, which older files do not name."""
    if isinstance(values, BaseModel):
        return str(getattr(values, "kind", ""))
    return str(values.get("kind", KINDS[0])) if isinstance(values, dict) else ""


AnyNetworkConfig = Annotated[
    Annotated[NetworkConfig, Tag("gap_unet")]
    | Annotated[UNetConfig, Tag("unet")]
    | Annotated[UNetConfig, Tag("unet_dilated")]
    | Annotated[MsdNetConfig, Tag("msdnet")]
    | Annotated[PatchUNetConfig, Tag("patch_unet")]
    | Annotated[AutoencoderConfig, Tag("autoencoder")]
    | Annotated[TuNetConfig, Tag("tunet")]
    | Annotated[PartialConfig, Tag("partial_conv")]
    | Annotated[MsdNetChavezConfig, Tag("msdnet_chavez")],
    Discriminator(
        _kind,
        custom_error_type="network_kind",
        custom_error_message=f"expected a kind of {', '.join(KINDS)}",
    ),
]
"""The configuration of a network of any kind, by its key `kind`; ours where it has none."""
_ADAPTER: TypeAdapter[AnyNetworkConfig] = TypeAdapter(AnyNetworkConfig)


def read_config(text: str) -> AnyNetworkConfig:
    """The configuration of a network as text; pydantic's ValidationError for what is none.

    Examples
    --------
    >>> read_config('{"kind": "tunet", "depth": 2}').divisor
    2
    >>> type(read_config("{}")).__name__
    'NetworkConfig'
    """
    return _ADAPTER.validate_python(json.loads(text))


def config_keys(kind: str) -> tuple[str, ...]:
    """The keys that the configuration of a kind has.

    Examples
    --------
    >>> config_keys("tunet")
    ('n_dim', 'inputs', 'guess', 'kind', 'depth', 'base', 'growth')
    """
    return tuple(type(_ADAPTER.validate_python({"kind": kind})).model_fields)


def read_stored_config(text: str) -> AnyNetworkConfig:
    """The configuration beside stored weights; ValueError where they are of another revision.

    Examples
    --------
    >>> read_stored_config('{"kind": "partial_conv", "inputs": "ours"}')
    Traceback (most recent call last):
    ValueError: revision of partial_conv is 1, expected 2: ...
    """
    config = read_config(text)
    if isinstance(config, PublishedConfig):
        config.check_revision(json.loads(text).get(REVISION, 1))
    return config


def make_network(config: AnyNetworkConfig) -> GapNetwork:
    """An untrained network of this configuration.

    Examples
    --------
    >>> from bcdi_inpaint.network.published.chavez import TuNetConfig
    >>> network = make_network(TuNetConfig(n_dim=2))
    >>> sum(parameter.numel() for parameter in network.parameters())
    8556353
    """
    if isinstance(config, NetworkConfig):
        return GapUNet(config)
    return PublishedNetwork(config)
