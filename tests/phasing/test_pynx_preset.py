"""The preset's parameters, as PyNX takes them."""

from __future__ import annotations

import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.pynx_preset import Preset, check_runs, parameter_lines


def test_pynx_parses_what_the_preset_says(pynx: str) -> None:
    from bcdi_inpaint.pynx_engine import import_pynx

    preset = Preset(hio=1, raar=2, er=3, runs=4, support_threshold=(0.1, 0.4))
    parser = import_pynx("cdi.runner.id01").CDIRunnerID01.make_parser()
    given = vars(parser.parse_args(["--data", "x.cxi", *preset.arguments()]))
    assert [given[f"nb_{name}"] for name in ("hio", "raar", "er", "run")] == [1, 2, 3, 4]
    assert list(given["support_threshold"]) == [0.1, 0.4]
    assert str(given["zero_mask"]) == "0"
    assert given["crop_output"] == 0


def test_a_later_argument_overrides_an_earlier_line() -> None:
    lines = parameter_lines(["--nb_run", "5", "--beta=0.8", "--nb_run", "7"])
    assert lines == ["nb_run = 7", "beta = 0.8"]


@pytest.mark.parametrize(
    ("preset", "message"),
    [
        (Preset(runs=0), "runs is 0, expected at least 1"),
        (Preset(hio=0, raar=0, er=0), "cycles are 0,0,0, expected HIO,RAAR,ER"),
        (Preset(hio=-1), "cycles are -1,600,200"),
    ],
)
def test_presets_without_work_are_refused(preset: Preset, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_runs(preset)
