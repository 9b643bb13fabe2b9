"""The command line of PyNX's runners, as programs and people write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.jobs import pynx_runner
from bcdi_inpaint.jobs.pynx_arguments import check_named_files, modern_spelling
from bcdi_inpaint.phasing.pynx_faults import as_program
from bcdi_inpaint.pynx_engine import import_pynx, quiet

GWAIHIR = """# Parameters
data = "S1_pynx_input_data.npz"
mask = "S1_pynx_input_mask.npz"

support_threshold= 0.23,0.30
support_post_expand = (1,-2,1)
support_threshold_method = rms
support_autocorrelation_threshold = (0.09, 0.11)
psf = "pseudo-voigt,0.5,0.05"
data2cxi = True
auto_center_resize = False
nb_raar = 20
nb_run = 3
zero_mask = 1
crop_output= 0 # set to 0 to avoid cropping the output in the .cxi
mask_interp=(16, 2)
confidence_interval_factor_mask=0.5,1.2
detwin = True
rebin = 1,1,1
output_format= 'cxi'
live_plot = False
mpi=run
"""


def runner(*arguments: str) -> Any:
    """The runner of a command line."""
    module = import_pynx("cdi.runner.id01")
    with as_program("pynx-cdi-id01", arguments), quiet():
        return pynx_runner._runner_class(module)(["pynx-cdi-id01"], None)


@pytest.mark.usefixtures("pynx")
def test_a_parameter_file_of_gwaihir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pynx_run.txt").write_text(GWAIHIR)
    read = runner("pynx_run.txt")
    found = read.params
    assert found["data"] == "S1_pynx_input_data.npz"
    assert found["mask"] == ["S1_pynx_input_mask.npz"]
    assert found["mask_interp"] == [16, 2]
    assert found["confidence_interval_factor_mask_min"] == 0.5
    assert found["confidence_interval_factor_mask_max"] == 1.2
    assert found["support_autocorrelation_threshold"] == [0.09, 0.11]
    assert found["support_post_expand"] == [1, -2, 1]
    assert found["psf"] == "pseudo-voigt,0.5,0.05"
    assert read.zero_mask_said


@pytest.mark.usefixtures("pynx")
def test_old_style_arguments_are_pynxs_own() -> None:
    read = runner("data=a.cxi", "nb_run=3", "support_threshold=0.2,0.3")
    found = read.params
    assert (found["data"], found["nb_run"]) == ("a.cxi", 3)
    assert found["support_threshold"] == [0.2, 0.3]
    assert not read.zero_mask_said


@pytest.mark.usefixtures("pynx")
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "the following arguments are required: --data"),
        (("--data", "a.cxi", "--nb_runs", "3"), "unrecognized arguments: --nb_runs 3"),
        (("--data", "a.cxi", "--nb_run", "many"), "invalid int value: 'many'"),
        (("--data", "a.cxi", "--psf", "pseudo-voigt,one"), "psf is pseudo-voigt,one"),
        (("nothing.txt",), "nothing.txt cannot be read"),
        (("broken.txt",), "invalid int value: '3 4'"),
    ],
)
def test_what_pynx_refuses_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.txt").write_text("data = a.cxi\nnb_run = 3 4\n= 7\nno sign\n")
    with pytest.raises(InputError, match=line) as caught:
        runner(*arguments)
    assert "\n" not in str(caught.value)


def test_other_brackets_stay() -> None:
    kept = ["--algorithm", "(Sup*RAAR**50)**4,ER**5", "--support_formula", "(ix**2)", "(a)"]
    assert modern_spelling(kept) == kept


def test_files_that_are_not_there_are_named_before_pynx_looks(tmp_path: Path) -> None:
    here = tmp_path / "a.cxi"
    here.write_bytes(b"counts")
    check_named_files({"data": f"{here}:/entry_1/data", "mask": ["zero", str(here)]})
    check_named_files({"data": "scan%04d.cxi", "mask": None})
    with pytest.raises(InputError, match=r"nope\.cxi does not exist"):
        check_named_files({"data": str(tmp_path / "nope.cxi")})
    with pytest.raises(InputError, match=r"m\.npz does not exist"):
        check_named_files({"data": str(here), "mask": ["zero", str(tmp_path / "m.npz")]})


@pytest.mark.usefixtures("pynx")
def test_a_parameter_file_in_another_coding_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("latin.txt").write_bytes(b"# \xe9t\xe9\ndata = a.cxi\n")
    with pytest.raises(InputError, match="no UTF-8"):
        runner("latin.txt")
