"""Whether PyNX is there and works: absent, the wrong one, and the probe of OpenCL."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bcdi_inpaint import pynx_engine as engines
from bcdi_inpaint.errors import InputError, MissingEngineError


@pytest.fixture
def fresh_probe() -> Iterator[None]:
    """The probe's answer is kept for the process: forget it before and after."""
    engines.opencl_works.cache_clear()
    yield
    engines.opencl_works.cache_clear()


def test_absent_pynx_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_pynx_folder", lambda: None)
    with pytest.raises(MissingEngineError, match="make setup") as caught:
        engines.import_pynx("cdi")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, InputError)
    assert engines.pynx_version() is None


def test_the_wrong_pynx_is_recognised_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = tmp_path / "pynx"
    wrong.mkdir()
    (wrong / "__init__.py").write_text("raise RuntimeError('the wrong one was imported')\n")
    for name in [name for name in sys.modules if name.split(".")[0] == "pynx"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(MissingEngineError, match=r"is not PyNX.*pip uninstall pynx") as caught:
        engines.import_pynx("cdi")
    assert str(wrong) in str(caught.value)


def test_pynx_that_does_not_import_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_checked_pynx_folder", lambda: tmp_path)
    with pytest.raises(MissingEngineError, match=r"ModuleNotFoundError.*make setup"):
        engines.import_pynx("no_such_part")


@pytest.mark.skipif(importlib.util.find_spec("pycuda") is not None, reason="there is PyCUDA")
def test_a_processing_unit_that_is_not_there_is_one_line(pynx: str) -> None:
    """In a process of its own: PyNX looks at the environment once."""
    done = subprocess.run(
        [sys.executable, "-c", "from bcdi_inpaint.pynx_engine import import_pynx as i; i('cdi')"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYNX_PU": "cuda"},
    )
    line = done.stderr.splitlines()[-1]
    assert "PYNX_PU is cuda, but there is no such thing here" in line
    assert line.endswith("expected cuda, opencl or cpu: unset it")


def test_version_and_import(pynx: str) -> None:
    assert pynx.startswith("20")
    assert engines.import_pynx("cdi").CDI.__module__ == "pynx.cdi.cdi"


def test_what_is_loaded_is_given_at_once(pynx: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing the pipes that PyNX leaves takes 0.3 s, and it was done for every operator."""
    cdi = engines.import_pynx("cdi")

    def collect() -> None:
        raise AssertionError("once is enough")

    monkeypatch.setattr(engines.gc, "collect", collect)
    assert engines.import_pynx("cdi") is cdi


def test_import_is_silent(pynx: str) -> None:
    code = "from bcdi_inpaint.pynx_engine import import_pynx; import_pynx('cdi')"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == ""
    assert result.stderr == ""


def test_a_users_choice_of_processing_unit_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYNX_PU", "opencl.titan")
    engines._choose_processing_unit()
    assert engines.os.environ["PYNX_PU"] == "opencl.titan"


@pytest.mark.parametrize("driver", [None, "raise RuntimeError('no driver')", "no GPU", "one GPU"])
def test_without_a_gpu_the_cpu_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: str | None
) -> None:
    """PyCUDA may be installed where there is no GPU: a stand-in for it is all there is here."""
    monkeypatch.setenv("PYNX_PU", "to be restored")
    monkeypatch.delenv("PYNX_PU")
    monkeypatch.setattr(engines, "_has_opencl_gpu", lambda: False)
    if driver is not None:
        package = tmp_path / "pycuda"
        package.mkdir()
        (package / "__init__.py").touch()
        count = f"init = print\nclass Device:\n    count = lambda: {int(driver == 'one GPU')}\n"
        (package / "driver.py").write_text(driver if "raise" in driver else count)
        monkeypatch.syspath_prepend(str(tmp_path))
    engines._choose_processing_unit()
    for name in ("pycuda.driver", "pycuda"):
        sys.modules.pop(name, None)
    assert engines.os.environ.get("PYNX_PU") == (None if driver == "one GPU" else "cpu")


@pytest.mark.usefixtures("fresh_probe")
def test_a_probe_that_hangs_is_given_up(pynx: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_OPENCL_PROBE", "import time; time.sleep(60)")
    assert engines.opencl_works(timeout_s=0.5) is False


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        ("print('wrong')", False),
        ("raise RuntimeError('no device')", False),
        ("print('works')", True),
    ],
)
@pytest.mark.usefixtures("fresh_probe")
def test_only_a_right_sum_counts(
    pynx: str, monkeypatch: pytest.MonkeyPatch, probe: str, expected: bool
) -> None:
    monkeypatch.setattr(engines, "_OPENCL_PROBE", probe)
    assert engines.opencl_works() is expected


@pytest.mark.usefixtures("fresh_probe")
def test_the_probe_compares_with_the_direct_sum(pynx: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # PyNX's CPU sum in place of OpenCL's: right, but not computed by an OpenCL device.
    cpu = engines._OPENCL_PROBE.replace(repr(engines.OPENCL), "{'language': 'cpu'}")
    assert cpu != engines._OPENCL_PROBE
    monkeypatch.setattr(engines, "_OPENCL_PROBE", cpu)
    assert engines.opencl_works() is False
    engines.opencl_works.cache_clear()
    ignoring_device = cpu.replace("len(fhkl.gputhreads.cl_devices) > 0 and ", "")
    monkeypatch.setattr(engines, "_OPENCL_PROBE", ignoring_device)
    assert engines.opencl_works() is True
    engines.opencl_works.cache_clear()
    monkeypatch.setattr(engines, "_OPENCL_PROBE", ignoring_device.replace("-2j", "2j"))
    assert engines.opencl_works() is False


@pytest.mark.usefixtures("fresh_probe")
def test_the_answer_is_kept(pynx: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_OPENCL_PROBE", "print('works')")
    assert engines.opencl_works() is True
    monkeypatch.setattr(engines, "_OPENCL_PROBE", "print('wrong')")
    assert engines.opencl_works() is True


@pytest.mark.usefixtures("fresh_probe")
def test_opencl_does_not_work_without_pynx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_pynx_folder", lambda: None)
    assert engines.opencl_works() is False
