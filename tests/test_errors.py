import pytest
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bcdi_inpaint.errors import (
    InputError,
    MissingEngineError,
    brief,
    is_out_of_memory,
    memory_errors,
    one_line,
    require,
)
from bcdi_inpaint.network.kinds import AnyNetworkConfig


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    low: int = Field(0, ge=0)
    high: int = 9

    @model_validator(mode="after")
    def _order(self) -> "Inner":
        if self.low > self.high:
            raise ValueError("expected low <= high")
        return self


class Outer(BaseModel):
    inner: Inner
    some: tuple[Inner, ...] = ()
    named: dict[str, Inner | None] = {}
    network: AnyNetworkConfig | None = None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"inner": {"low": -3}}, "plan.yaml: inner.low is -3: Input should be greater than"),
        (
            {"inner": {"lwo": 3}},
            "plan.yaml: inner.lwo is 3, and no such key is known, expected one of low, high: mend",
        ),
        ({}, "plan.yaml: inner is missing"),
        ({"inner": {"low": 10}}, "plan.yaml: inner is {'low': 10}: expected low <= high"),
        ({"inner": {"low": "a\nb"}}, r"plan.yaml: inner.low is 'a\nb': Input should be"),
        ([1], "plan.yaml: Input should be a valid dictionary"),
    ],
)
def test_one_line_names_the_key_its_value_and_the_reason(content: object, expected: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(content)
    error = one_line(caught.value, "plan.yaml", Outer)
    assert str(error).startswith(expected)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        ({"some": [{}, {"lwo": 3}]}, "one of low, high"),
        ({"named": {"a": {"lwo": 3}}}, "one of low, high"),
        (
            {"network": {"kind": "tunet", "dept": 3}},
            "one of n_dim, inputs, guess, kind, depth, base, growth",
        ),
    ],
)
def test_an_unknown_key_is_told_with_those_that_are_known(content: dict, keys: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"inner": {}, **content})
    said = str(one_line(caught.value, "x", Outer))
    assert said.endswith(
        f" is 3, and no such key is known, expected {keys}: mend its name or leave it out"
    )
    assert "expected none of this name: mend" in str(one_line(caught.value, "x"))


def test_every_error_a_user_can_mend_is_caught_as_one_kind() -> None:
    assert issubclass(MissingEngineError, InputError)
    assert issubclass(InputError, ValueError)


def test_a_library_that_is_missing_is_answered_with_the_command_that_installs_it() -> None:
    with pytest.raises(MissingEngineError) as caught:
        require("nowhere_to_be_found.inner", "train", "training")
    assert str(caught.value) == (
        "nowhere_to_be_found is not installed, expected it for training: "
        "pip install 'bcdi-inpaint[train]'"
    )


def test_a_library_that_is_there_is_returned() -> None:
    assert require("json.decoder", "train", "training").__name__ == "json.decoder"


def test_what_a_library_itself_lacks_is_not_hidden(tmp_path, monkeypatch) -> None:
    (tmp_path / "half_installed.py").write_text("import nowhere_to_be_found\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found"):
        require("half_installed", "train", "training")


def test_what_torch_says_without_memory_is_a_memory_error_and_nothing_else_is() -> None:
    with pytest.raises(MemoryError), memory_errors():
        torch.zeros(2**50)
    with pytest.raises(RuntimeError, match="size of tensor") as caught, memory_errors():
        torch.zeros(2) + torch.zeros(3)
    assert not is_out_of_memory(caught.value)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KeyError("nb_run"), "nb_run"),
        (
            TypeError("'NoneType' object is not\n subscriptable"),
            "'NoneType' object is not subscriptable",
        ),
        (OSError("no file 'a.npy'"), "no file 'a.npy'"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_a_librarys_error_is_brief_and_keeps_its_quotes(error: Exception, text: str) -> None:
    assert brief(error) == text
