"""What an evaluation of crystals is read from."""

import pytest
from pydantic import ValidationError

from bcdi_inpaint.evaluation.crystals.config import CrystalScoresConfig, PhasingConfig


@pytest.mark.parametrize("key", ["treatments", "ways"])
def test_treatments_are_read_under_both_names(key: str) -> None:
    config = PhasingConfig.model_validate({"scores": {key: ["mask", "soft"]}})
    assert config.scores.treatments == ("mask", "soft")
    assert "treatments" in config.scores.model_dump()


def test_treatments_cannot_be_given_twice() -> None:
    with pytest.raises(ValidationError):
        CrystalScoresConfig.model_validate({"treatments": ["mask"], "ways": ["mask", "soft"]})
