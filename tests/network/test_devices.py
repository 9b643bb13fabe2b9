"""Where the network runs."""

import pytest
import torch

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.network import devices


def test_auto_is_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for is_there, device in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda is_there=is_there: is_there)
        assert devices.choose_device("auto") == torch.device(device)


def test_a_device_that_is_not_there_or_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="expected a GPU that torch sees"):
        devices.choose_device("cuda")
    with pytest.raises(InputError, match="device is 'tpu', expected auto, cpu or cuda"):
        devices.choose_device("tpu")


@pytest.mark.parametrize("is_there", [True, False])
def test_a_processor_has_fast_bfloat16_where_torch_says_so(
    monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: is_there, raising=False)
    assert devices.fast_bfloat16(torch.device("cpu")) is is_there
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    assert not devices.fast_bfloat16(torch.device("cpu"))
