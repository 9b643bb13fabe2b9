import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals.treatments import (
    TREATMENTS,
    parse_treatment,
    treatment_place,
)


def test_every_treatment_is_read_as_it_is_written() -> None:
    for name in TREATMENTS:
        found = parse_treatment(name)
        assert found.name == name
        assert found.refined == name.startswith("refined")
        assert not found.knowledge
    assert parse_treatment("mask + density").knowledge == {"density"}


@pytest.mark.parametrize("name", ["magic", "prior + luck", "prior + psf + psf", "+ psf"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="expected") as caught:
        parse_treatment(name)
    assert "\n" not in str(caught.value)


def test_tables_have_treatments_beside_their_like() -> None:
    names = ["prior", "refined prior", "mask + psf", "zero", "prior + density", "mask"]
    assert sorted(names, key=treatment_place) == [
        "mask",
        "mask + psf",
        "zero",
        "prior",
        "prior + density",
        "refined prior",
    ]
