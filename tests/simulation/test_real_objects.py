"""Files of published objects."""

from pathlib import Path

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from simulation.real_objects import find_objects, read_object


def test_objects_that_are_not_there_are_left_out_with_a_line(tmp_path: Path) -> None:
    (tmp_path / "one.npz").write_bytes(b"")
    found, lines = find_objects(["one.npz", "two.npz"], tmp_path)
    assert found == [tmp_path / "one.npz"]
    assert len(lines) == 1
    assert "two.npz" in lines[0]
    assert find_objects([str(tmp_path / "one.npz")])[0] == found


def test_what_is_no_object_is_refused_in_a_line(tmp_path: Path) -> None:
    path, cube = tmp_path / "wrong.npz", np.ones((4, 4, 4))
    whole = {"real": cube, "imag": cube, "grid": np.array([8, 8, 8])}
    for change in ({"grid": np.array([2, 2, 2])}, {"real": 0 * cube, "imag": 0 * cube}):
        np.savez(path, **(whole | change))
        with pytest.raises(InputError, match="expected"):
            read_object(path)
    np.savez(path, real=cube)
    with pytest.raises(InputError, match="is no object"):
        read_object(path)
    np.savez(path, **whole)
    with pytest.raises(InputError, match="size smaller"):
        read_object(path).amplitude(32)


def test_the_real_object_reads(real_data: Path) -> None:
    path = real_data / "S11_object.npz"
    if not path.is_file():
        pytest.skip("no S11 here")
    real = read_object(path)
    assert (real.obj.shape, real.grid) == ((86, 118, 122), (252, 420, 392))
    brightest = np.argmax(np.abs(real.amplitude(32)))
    assert max(abs(np.subtract(np.unravel_index(brightest, (32, 32, 32)), 16))) <= 2
