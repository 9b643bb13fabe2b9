"""Behind a link lies what it leads to, never what the first file has at that path."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from linked_files import frames, read_both_ways

LINKS = ("data set", "group", "entry", "soft to external", "external to soft", "external twice")


def mixed(folder: Path, way: str) -> Path:
    """A file whose 2.1 lies in another file as 1.1; both have a 1.1, with other counts."""
    for name, first in (("a.h5", 0), ("b.h5", 50), ("c.h5", 90)):
        with h5py.File(folder / name, "w") as file:
            file["1.1/measurement/mpx1x4"] = frames(4, first)
            file["1.1/instrument/mpx1x4/pixel_mask"] = np.full((6, 5), first, "u1")
            file["1.1/instrument/mpx1x4/distance"] = float(first)
    inner = "1.1/measurement/mpx1x4"
    with h5py.File(folder / "a.h5", "a") as a, h5py.File(folder / "b.h5", "a") as b:
        if way in ("data set", "group"):
            a["2.1/instrument"] = h5py.ExternalLink("b.h5", "1.1/instrument")
        if way == "data set":
            a["2.1/measurement/mpx1x4"] = h5py.ExternalLink("b.h5", inner)
        elif way == "group":
            a["2.1/measurement"] = h5py.ExternalLink("b.h5", "/1.1/measurement")
        elif way == "entry":
            a["2.1"] = h5py.ExternalLink("b.h5", "1.1")
        elif way == "soft to external":
            a["there"] = h5py.ExternalLink("b.h5", "/1.1")
            a["2.1"] = h5py.SoftLink("there")
        elif way == "external to soft":
            b["there"] = h5py.SoftLink("/1.1")
            a["2.1"] = h5py.ExternalLink("b.h5", "there")
        else:
            a["2.1"] = h5py.ExternalLink("c.h5", "there")
            with h5py.File(folder / "c.h5", "a") as c:
                c["there"] = h5py.ExternalLink("b.h5", "1.1")
    return folder / "a.h5"


@pytest.mark.parametrize("way", LINKS)
def test_what_is_behind_a_link_is_read(tmp_path: Path, way: str) -> None:
    path = mixed(tmp_path, way)
    for number, first in ((1, 0), (2, 50)):
        scan = read_both_ways(f"{path}:/{number}.1/measurement/mpx1x4")
        np.testing.assert_array_equal(scan.counts, frames(4, first))
        assert scan.bad_mask.all() == (first == 50)
        assert scan.metadata.distance_m == first
        assert scan.source == path


@pytest.mark.parametrize("way", LINKS)
def test_a_group_of_a_scan_is_enough(tmp_path: Path, way: str) -> None:
    path = mixed(tmp_path, way)
    for inner in ("2.1", "2.1/measurement"):
        np.testing.assert_array_equal(read_both_ways(f"{path}:/{inner}").counts, frames(4, 50))


def test_files_in_folders_below_name_others_from_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    path = mixed(tmp_path / "raw", "external twice")
    with h5py.File(tmp_path / "all.h5", "w") as file:
        file["S_2.1"] = h5py.ExternalLink("raw/a.h5", "/2.1")
    scan = read_both_ways(f"{tmp_path}/all.h5:/S_2.1/measurement/mpx1x4")
    np.testing.assert_array_equal(scan.counts, frames(4, 50))
    assert path.exists()
