import json
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.network import weights
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.network.channels import CHANNEL_ORDER
from bcdi_inpaint.network.kinds import make_network
from bcdi_inpaint.network.published.partial_convolution import PartialConfig
from bcdi_inpaint.network.symmetry_step import StepConfig, SymmetryStep
from bcdi_inpaint.network.unet import GapUNet, NetworkConfig
from bcdi_inpaint.network.weights import default_path, load_model, save_weights

TINY = NetworkConfig(channels=(8, 8), dilations=((1, 1), (1, 2)))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_weights(path, GapUNet(TINY), {"steps": 3})
    return path


def test_weights_come_back_as_they_were(tmp_path: Path) -> None:
    torch.manual_seed(4)
    network, path = GapUNet(TINY), tmp_path / "tiny.safetensors"
    save_weights(path, network, {"steps": 3})
    loaded = load_model(path)
    assert loaded.network.config == TINY
    assert not loaded.network.training
    assert loaded.sha256 == sha256(path.read_bytes()).hexdigest()
    example = torch.rand(1, len(CHANNEL_ORDER), 8, 8, 8)
    for found, expected in zip(loaded.network(example), network(example), strict=True):
        assert torch.equal(found, expected)
    for name, tensor in network.state_dict().items():
        assert torch.equal(loaded.network.state_dict()[name], tensor)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_the_calibration_comes_with_the_weights(tmp_path: Path) -> None:
    path, measured = tmp_path / "tiny.safetensors", Calibration(sigma_per_scale=((0.7,),))
    save_weights(path, GapUNet(TINY), {}, measured)
    assert load_model(path).calibration == measured
    save_weights(path, GapUNet(TINY), {})
    assert load_model(path).calibration == Calibration()


def test_a_last_step_comes_with_the_weights_and_is_none_in_files_of_before(saved: Path) -> None:
    assert load_model(saved).last_step is None
    step = SymmetryStep(StepConfig(hidden=5))
    torch.nn.init.normal_(step.layers[-1].weight)
    save_weights(saved, GapUNet(TINY), {}, last_step=step)
    loaded = load_model(saved)
    assert loaded.network.config == TINY
    assert loaded.last_step is not None
    assert not loaded.last_step.training
    for name, tensor in step.state_dict().items():
        assert torch.equal(loaded.last_step.state_dict()[name], tensor)


@pytest.mark.parametrize("wrong", ["other", '{"hidden": 6}', '{"hidden": 5, "more": 1}'])
def test_a_last_step_that_does_not_fit_is_refused(saved: Path, wrong: str) -> None:
    save_weights(saved, GapUNet(TINY), {}, last_step=SymmetryStep(StepConfig(hidden=5)))
    with safe_open(saved, "pt") as file:
        metadata = file.metadata()
    save_file(load_file(saved), saved, metadata=metadata | {"last_step": wrong})
    with pytest.raises(InputError, match="cannot be loaded") as error:
        load_model(saved)
    assert "\n" not in str(error.value)


def test_weights_of_the_first_form_are_refused_in_one_line(saved: Path) -> None:
    """They were of the same tensors but for the first and the last layer, under format 1."""
    with safe_open(saved, "pt") as file:
        metadata = file.metadata()
    del metadata["calibration"]
    old = {"format_version": "1", "channel_order": "log_counts,unknown"}
    save_file(load_file(saved), saved, metadata=metadata | old)
    with pytest.raises(InputError, match="has format_version '1', expected '2'") as error:
        load_model(saved)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "key", ["format_version", "channel_order", "log_unit", "network", "calibration"]
)
def test_weights_that_do_not_fit_are_refused(saved: Path, key: str) -> None:
    with safe_open(saved, "pt") as file:
        metadata = file.metadata()
    save_file(load_file(saved), saved, metadata=metadata | {key: "other"})
    unread = key in ("network", "calibration")
    said = "cannot be loaded" if unread else f"has {key} 'other', expected"
    with pytest.raises(InputError, match=said) as error:
        load_model(saved)
    assert "\n" not in str(error.value)


def test_tensors_of_another_network_are_refused(saved: Path) -> None:
    with safe_open(saved, "pt") as file:
        metadata = file.metadata()
    other = TINY.model_copy(update={"channels": (8, 16)})
    save_file(load_file(saved), saved, metadata=metadata | {"network": other.model_dump_json()})
    with pytest.raises(InputError, match="cannot be loaded"):
        load_model(saved)


def test_weights_of_a_network_that_changed_since_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    config = PartialConfig(n_dim=2, inputs="ours", base=4, depth=2)
    save_weights(path, make_network(config), {})
    assert load_model(path).network.config == config
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    stored = json.loads(metadata["network"])
    del stored["revision"]  # as files of before have none
    save_file(load_file(path), path, metadata=metadata | {"network": json.dumps(stored)})
    said = "revision of partial_conv is 1, expected 2.*train it anew"
    with pytest.raises(InputError, match=said) as error:
        load_model(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 64])
def test_what_is_no_safetensors_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be loaded"):
        load_model(path)


def test_a_truncated_file_is_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-100])
    with pytest.raises(InputError, match="cannot be loaded"):
        load_model(saved)


def test_an_absurd_size_is_refused_unread(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "MAX_BYTES", 1000)
    with pytest.raises(InputError, match="at most 1000"):
        load_model(saved)


def test_the_packages_own_weights_tell_how_they_were_made() -> None:
    model = load_model()
    with safe_open(default_path(), "pt") as file:
        training = json.loads(file.metadata()["training"])
    assert training["plan"]["patterns"]["seed"] != training["plan"]["held_out"]["seed"]
    assert model.sha256 in (default_path().with_suffix(".md")).read_text()


def test_a_network_that_claims_to_be_enormous_takes_no_memory(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices: set[str] = set()

    def built(config: NetworkConfig) -> GapUNet:
        network = GapUNet(config)
        devices.update(parameter.device.type for parameter in network.parameters())
        return network

    monkeypatch.setattr(weights, "make_network", built)
    with safe_open(saved, "pt") as file:
        metadata = file.metadata()
    claim = {"channels": [80_000, 80_000], "dilations": [[1, 1], [1, 2]]}  # 2 TB
    save_file(load_file(saved), saved, metadata=metadata | {"network": json.dumps(claim)})
    with pytest.raises(InputError, match="cannot be loaded"):
        load_model(saved)
    assert devices == {"meta"}


def test_a_file_without_our_metadata_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"a": torch.zeros(3)}, path)
    with pytest.raises(InputError, match="has format_version None, expected '2'"):
        load_model(path)
