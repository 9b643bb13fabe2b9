"""Trained weights in a file: safetensors, with what is needed to use them rightly.

Nothing in such a file is ever executed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.network.channels import CHANNEL_ORDER
from bcdi_inpaint.network.gap_network import GapNetwork
from bcdi_inpaint.network.kinds import make_network, read_stored_config
from bcdi_inpaint.network.symmetry_step import StepConfig, SymmetryStep
from bcdi_inpaint.network.units import LOG_UNIT
from bcdi_inpaint.safe_files import replace_file

FORMAT_VERSION = "2"
LAST_STEP = "last_step."
"""Begins the names of its tensors."""
MAX_BYTES = 500_000_000  # far above any network of ours: a stranger's file must not fill the memory


@dataclass(frozen=True)
class Model:
    """A network ready to fill, where it came from, and the sha256 of its file.

    `calibration` turns its scales into intervals. `last_step` follows it voxel by voxel; None in
    weights that have none. `patch` is the side of the patches that it was trained on, in voxels;
    None where that is not told.
    """

    network: GapNetwork
    name: str
    sha256: str
    calibration: Calibration = field(default_factory=Calibration)
    last_step: SymmetryStep | None = None
    patch: int | None = None

    @property
    def own_patch(self) -> int | None:
        """The side of the only patches that it may be shown; None where others are as well.

        A network as published sees a patch in 0..1, so what is bright in it depends on its size,
        and its convolutions have learned the zeros around patches of one.
        """
        inputs = getattr(self.network.config, "inputs", "ours")
        return self.patch if inputs == "published" else None


def _expected() -> dict[str, str]:
    return {
        "format_version": FORMAT_VERSION,
        "channel_order": ",".join(CHANNEL_ORDER),
        "log_unit": str(LOG_UNIT),
    }


def save_weights(
    path: Path,
    network: GapNetwork,
    training: dict[str, object],
    calibration: Calibration | None = None,
    last_step: SymmetryStep | None = None,
) -> None:
    """Write the network's weights, its configuration, its calibration and how it was trained.

    Written beside its final name, then renamed.

    Parameters
    ----------
    path : the file, ``*.safetensors``.
    network : the network.
    training : how it was trained, in values that JSON holds.
    calibration : what turns its scales into intervals; by default a Laplace distribution.
    last_step : that follows the network; by default none.

    Raises
    ------
    InputError
        Where the file cannot be written.
    """
    metadata = _expected() | {
        "network": network.config.model_dump_json(),
        "training": json.dumps(training),
        "calibration": (calibration or Calibration()).model_dump_json(),
    }
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    if last_step is not None:
        metadata["last_step"] = last_step.config.model_dump_json()
        own = last_step.state_dict().items()
        tensors |= {LAST_STEP + name: tensor.contiguous() for name, tensor in own}
    replace_file(path, save(tensors, metadata=metadata))


def default_path() -> Path:
    """The weights that come with the package."""
    return Path(str(files("bcdi_inpaint") / "models" / "default.safetensors"))


def load_model(model: str | Path = "default") -> Model:
    """The network of a weights file, or the package's own for ``default``.

    Raises InputError for a file that is absent, too large, not safetensors, or made for another
    format version, channel order or scaling.
    """
    path = default_path() if model == "default" else Path(model)
    if not path.is_file():
        raise InputError(f"model {path} is not there, expected 'default' or a .safetensors file")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(
            f"model {path} has {path.stat().st_size} bytes, expected at most {MAX_BYTES}: "
            "it is not one of this program's"
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        _check(path, metadata)
        with torch.device("meta"):  # takes no memory, whatever a stranger's file claims
            network = make_network(read_stored_config(metadata["network"]))
        calibration = Calibration.model_validate_json(metadata["calibration"])
        tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
        last_step = _last_step(metadata, tensors)
        patch = _trained_patch(metadata)
        network.load_state_dict(tensors, assign=True)
    except InputError:
        raise
    except (SafetensorError, RuntimeError, ValueError, KeyError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"model {path} cannot be loaded ({reason}): expected weights that "
            "`bcdi-inpaint train` wrote"
        ) from error
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Model(network.eval(), str(model), sha256, calibration, last_step, patch)


def _trained_patch(metadata: dict[str, str]) -> int | None:
    """The side of the patches of the training, of what a file says of it."""
    plan = json.loads(metadata.get("training", "{}")).get("plan", {})
    size = plan.get("patches", {}).get("size")
    return None if size is None else int(size)


def _last_step(metadata: dict[str, str], tensors: dict[str, torch.Tensor]) -> SymmetryStep | None:
    """The step in a file, whose tensors are taken out of those of the network."""
    own = {name: tensors.pop(name) for name in [*tensors] if name.startswith(LAST_STEP)}
    if "last_step" not in metadata:
        return None
    step = SymmetryStep(StepConfig.model_validate_json(metadata["last_step"]))
    step.load_state_dict({name.removeprefix(LAST_STEP): tensor for name, tensor in own.items()})
    return step.eval()


def _check(path: Path, metadata: dict[str, str]) -> None:
    for key, value in _expected().items():
        if metadata.get(key) != value:
            raise InputError(
                f"model {path} has {key} {metadata.get(key)!r}, expected {value!r}: use weights "
                "trained with this version"
            )
