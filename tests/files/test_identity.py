"""What tells one file from another."""

from scan_files import refused

from bcdi_inpaint.files import sha256


def test_sha256_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
    assert sha256(tmp_path / "a") == expected
    with refused(tmp_path, "does not exist"):
        sha256(tmp_path / "b")
