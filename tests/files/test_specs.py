"""How a user names what to read."""

from pathlib import Path

from scan_files import SHAPE, pynx_cxi

from bcdi_inpaint.files import read_scan, split_spec


def test_a_colon_in_a_name_is_no_path(tmp_path):
    pynx_cxi(tmp_path / "a.h5:b.cxi")
    assert read_scan(f"{tmp_path}/a.h5:b.cxi").shape == SHAPE
    assert split_spec("x/raw.h5:/1.1/data") == (Path("x/raw.h5"), "1.1/data")
    assert split_spec("x/raw.h5") == (Path("x/raw.h5"), None)
    assert split_spec("a:b.npz") == (Path("a:b.npz"), None)
