"""Particles as LAMMPS relaxes them: forces, and where atoms move."""

import numpy as np
import pytest
from pydantic import ValidationError

from bcdi_inpaint.errors import InputError, MissingEngineError
from simulation import particles
from simulation.particles import ParticleConfig, make_particle, tied_layers
from simulation.relaxation import ELEMENTS, FORCE_TOLERANCE_EV_PER_NM, element, load_lammps, relax
from simulation.shapes import SHAPES

PERFECT = {"dislocation": 0.0, "twin": 0.0, "vacancies": 0.0}


@pytest.fixture(scope="module", autouse=True)
def _lammps() -> None:
    try:
        load_lammps()
    except MissingEngineError as error:
        pytest.skip(str(error))


def small(**changes: object) -> ParticleConfig:
    return ParticleConfig.model_validate(PERFECT | {"n_atoms": (1500, 2500)} | changes)


def test_a_particle_is_the_same_from_the_same_generator() -> None:
    first, again = (make_particle(small(), np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first.relaxed.positions_nm, again.relaxed.positions_nm)
    assert first.parameters == again.parameters


@pytest.mark.parametrize("symbol", ELEMENTS)
def test_every_element_relaxes(symbol: str) -> None:
    config = small(elements=(symbol,), shapes=("wulff",), n_atoms=(600, 700))
    made = make_particle(config, np.random.default_rng(0))
    assert made.element == made.parameters["element"] == symbol
    assert made.relaxed.max_force_ev_per_nm <= FORCE_TOLERANCE_EV_PER_NM
    assert made.parameters["n_atoms"] == len(made.relaxed.positions_nm)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_relaxed_particle_stays_relaxed_and_moved_most_outside(shape: str) -> None:
    """A second relaxation from where the first ended finds the forces it left."""
    made = make_particle(small(shapes=(shape,), substrate_strain=(0, 0)), np.random.default_rng(1))
    relaxed = made.relaxed
    again = relax(relaxed.positions_nm, element(made.element), tied=relaxed.tied, max_iterations=0)
    assert again.max_force_ev_per_nm <= FORCE_TOLERANCE_EV_PER_NM
    np.testing.assert_allclose(again.positions_nm, relaxed.positions_nm, atol=1e-9)
    moved_nm = np.linalg.norm(relaxed.displacement_nm, axis=1)
    radius_nm = np.linalg.norm(relaxed.reference_nm - relaxed.reference_nm.mean(axis=0), axis=1)
    outer, inner = radius_nm > np.quantile(radius_nm, 0.8), radius_nm < np.quantile(radius_nm, 0.2)
    assert moved_nm[outer].mean() > 1.3 * moved_nm[inner].mean()


def test_a_strained_substrate_shows_at_the_interface() -> None:
    """Displacements fall off with the distance from the interface, layer by layer."""
    config = small(shapes=("winterbottom",), substrate_strain=(0.02, 0.02), n_atoms=(6000, 6000))
    made = make_particle(config, np.random.default_rng(2))
    relaxed = made.relaxed
    assert made.parameters["substrate_strain"] == pytest.approx(0.02)
    up = np.ones(3) / np.sqrt(3)
    height_nm = relaxed.reference_nm @ up
    height_nm = height_nm - height_nm.min()
    layer_nm = element(made.element).lattice_constant_nm / np.sqrt(3)
    assert relaxed.tied.sum() == (height_nm < 1.5 * layer_nm).sum() > 50
    from_axis_nm = relaxed.reference_nm - np.outer(relaxed.reference_nm @ up, up)
    radius_nm = np.linalg.norm(from_axis_nm - from_axis_nm[relaxed.tied].mean(axis=0), axis=1)
    ring = (radius_nm > 1.0) & (radius_nm < 2.0)  # the same distance from the axis in every layer
    moved_nm = relaxed.positions_nm - relaxed.reference_nm
    sideways_nm = np.linalg.norm(moved_nm - np.outer(moved_nm @ up, up), axis=1)
    low = sideways_nm[ring & (height_nm < 1.5 * layer_nm)].mean()
    middle = sideways_nm[ring & (height_nm > 3 * layer_nm) & (height_nm < 6 * layer_nm)].mean()
    assert low == pytest.approx(0.02 * radius_nm[ring & relaxed.tied].mean(), rel=0.05)
    assert low > 1.5 * middle


def test_layers_are_tied_at_the_interface_only(rng: np.random.Generator) -> None:
    gold = element("Au")
    free = SHAPES["wulff"](rng)
    positions_nm = rng.normal(size=(100, 3))
    assert not tied_layers(positions_nm, free, gold).any()


def test_defects_are_drawn_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    config = small(dislocation=1, twin=1, vacancies=1, vacancy_fraction=(0.01, 0.01))
    made = make_particle(config, np.random.default_rng(5))
    assert made.parameters["twin"] is True
    assert made.parameters["dislocation"] is True
    assert made.parameters["vacancy_fraction"] == pytest.approx(0.01)


def test_a_particle_that_does_not_relax_is_replaced_by_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def failing_once(*args: object, **options: object) -> object:
        calls.append(1)
        if len(calls) == 1:
            raise InputError("a force of 3 eV/nm is left")
        return relax(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(particles, "relax", failing_once)
    assert make_particle(small(), np.random.default_rng(0)).parameters["tries"] == 2

    def failing(*_args: object, **_options: object) -> object:
        raise InputError("a force of 3 eV/nm is left")

    monkeypatch.setattr(particles, "relax", failing)
    with pytest.raises(InputError, match="3 eV/nm"):
        make_particle(small(), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"elements": ("Fe",)}, "'Fe', expected one of Au"),
        ({"elements": ()}, "element is ''"),
        ({"shapes": ("ball",)}, "'ball'"),
        ({"n_atoms": (0, 10)}, "n_atoms is 0, 10"),
        ({"n_atoms": (500, 200)}, "n_atoms is 500, 200"),
        ({"substrate_strain": (-1, 0)}, "substrate_strain"),
        ({"vacancy_fraction": (0.1, 0.9)}, "vacancy_fraction"),
        ({"twin": 2}, "twin"),
        ({"colour": 1}, "colour"),
    ],
)
def test_impossible_values_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ParticleConfig.model_validate(values)
