"""What is a scan among files and folders, and what is a part of one."""

from __future__ import annotations

from pathlib import Path

from linked_files import eiger_master

from bcdi_inpaint.files.scan_list import list_scans


def test_parts_whose_master_is_meant_too_are_no_scans_of_their_own(tmp_path: Path) -> None:
    master = eiger_master(tmp_path)
    parts = sorted(map(str, tmp_path.glob("S_data_*.h5")))
    assert len(parts) == 3
    other = tmp_path / "T_data_000001.h5"  # its master is not here
    other.write_bytes(Path(parts[0]).read_bytes())
    expected = (str(master), str(other))
    for arguments in ([str(tmp_path)], [*parts, str(master), str(other)]):
        listed = list_scans(arguments)
        assert (listed.scans, listed.passed_over) == (expected, 3)
    assert list_scans(parts[:2]).scans == tuple(parts[:2])  # the user's own word
    within = f"{parts[0]}:/entry/data/data"
    assert list_scans([str(master), within]).scans == (str(master), within)
