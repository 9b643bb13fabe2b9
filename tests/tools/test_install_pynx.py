"""The installer of PyNX, without a network: sources, hashes, the wrong `pynx`, unpacking."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "install_pynx.py"

DEB822 = """\
# the main archive
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""

ONE_LINE = """\
# deb http://comment.example/debian bookworm main
deb-src http://source.example/debian bookworm main
deb [signed-by=/k.gpg arch=amd64] http://mirror.example/debian bookworm main contrib # ours
deb http://mirror.example/debian bookworm-updates main
deb http://vendor.example/linux bookworm stable
"""


@pytest.fixture(scope="module")
def installer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("install_pynx", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def deb_file(path: Path, files: dict[str, str], compression: str = "xz") -> Path:
    """Write a small .deb: an `ar` archive of three members, the last with the files."""

    def tar(contents: dict[str, str]) -> bytes:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode=f"w:{compression}") as archive:
            for name, text in contents.items():
                info = tarfile.TarInfo(name)
                info.size = len(text.encode())
                archive.addfile(info, io.BytesIO(text.encode()))
        return stream.getvalue()

    members = {
        "debian-binary": b"2.0\n",
        f"control.tar.{compression}": tar({"./control": "Package: python3-pynx\n"}) + b"",
        f"data.tar.{compression}": tar(files),
    }
    content = b"!<arch>\n"
    for name, body in members.items():
        content += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(body):<10}`\n".encode()
        content += body + b"\n" * (len(body) % 2)
    path.write_bytes(content)
    return path


ROOT = "./usr/lib/python3/dist-packages"
PYNX_FILES = {
    f"{ROOT}/pynx/__init__.py": "",
    f"{ROOT}/pynx/version.py": "__version__ = '2025.1'\n",
    f"{ROOT}/pynx/cdi/__init__.py": "",
    f"{ROOT}/pynx/scattering/__init__.py": "",
    f"{ROOT}/pynx/scattering/fhkl.py": "",
    f"{ROOT}/PyNX-2025.1.dist-info/entry_points.txt": (
        "[console_scripts]\npynx-cdi-id01 = pynx.cdi.runner:main\n"
        "pynx-ptycho-id01 = pynx.ptycho:main\n"
    ),
    "./usr/share/doc/python3-pynx/copyright": "somebody\n",
    f"{ROOT}/pynx/../../escaped.py": "",
    "./etc/passwd": "nobody\n",
}


def accept(installer: ModuleType, monkeypatch: pytest.MonkeyPatch, deb: Path) -> None:
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    monkeypatch.setattr(installer, "SHA256", {"amd64": digest})


# --- sources --------------------------------------------------------------------------------------


def test_deb822_sources_keep_the_archive_and_change_the_suite(installer: ModuleType) -> None:
    ending, text = installer.rewritten_sources({"debian.sources": DEB822}, "bookworm")
    assert ending == ".sources"
    assert text == (
        "types: deb\nuris: http://mirror.example/debian\nsuites: trixie\ncomponents: main\n"
        "signed-by: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )


def test_deb822_inline_keys_are_kept(installer: ModuleType) -> None:
    key = "Signed-By:\n -----BEGIN KEY-----\n .\n abc\n -----END KEY-----\n"
    stanza = "Types: deb\nURIs: http://m.example/d\nSuites: bookworm\nComponents: main\n" + key
    _, text = installer.rewritten_sources({"a.sources": stanza}, "bookworm")
    assert text.endswith("signed-by: \n -----BEGIN KEY-----\n .\n abc\n -----END KEY-----\n")


def test_one_line_sources_keep_the_archive_and_change_the_suite(installer: ModuleType) -> None:
    ending, text = installer.rewritten_sources({"sources.list": ONE_LINE}, "bookworm")
    assert ending == ".list"
    assert text == "deb [signed-by=/k.gpg arch=amd64] http://mirror.example/debian trixie main\n"


def test_no_usable_source_says_what_to_do(installer: ModuleType) -> None:
    files = {"sources.list": "deb http://vendor.example/linux bookworm stable\n"}
    with pytest.raises(installer.InstallError, match=r"bookworm main .*--deb FILE"):
        installer.rewritten_sources(files, "bookworm")


def test_codename_is_read_and_another_system_is_refused(installer: ModuleType) -> None:
    debian = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n'
    assert installer.system_codename(debian) == "bookworm"
    with pytest.raises(installer.InstallError, match=r"Fedora 40, not Debian.*--deb FILE"):
        installer.system_codename('PRETTY_NAME="Fedora 40"\nID=fedora\n')


def test_apt_writes_only_below_the_private_folder(installer: ModuleType, tmp_path: Path) -> None:
    options = installer.private_apt(tmp_path, ".list", "deb http://m.example/d trixie main\n")
    settings = dict(option.split("=", 1) for option in options if option != "-o")
    for key in ("Dir::Etc::sourceparts", "Dir::State::lists", "Dir::Cache"):
        assert Path(settings[key]).is_relative_to(tmp_path)
        assert Path(settings[key]).is_dir()
    assert settings["Dir::Etc::sourcelist"] == "/dev/null"


# --- hash and content -----------------------------------------------------------------------------


def test_an_unknown_hash_is_refused_and_leaves_nothing(
    installer: ModuleType, tmp_path: Path
) -> None:
    deb = deb_file(tmp_path / "p.deb", PYNX_FILES)
    site = tmp_path / "site"
    site.mkdir()
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    with pytest.raises(installer.InstallError, match=f"sha256 {digest}, expected b36f5e99"):
        installer.install(deb, site, tmp_path)
    assert list(site.iterdir()) == []


@pytest.mark.parametrize("compression", ["xz", "gz"])
def test_unpacking_writes_the_package_tree_alone(
    installer: ModuleType, tmp_path: Path, compression: str
) -> None:
    deb = deb_file(tmp_path / "p.deb", PYNX_FILES, compression)
    target = tmp_path / "a" / "b" / "site"
    installer.unpack(deb, target)
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {
        "p.deb",
        "a/b/site/pynx/__init__.py",
        "a/b/site/pynx/version.py",
        "a/b/site/pynx/cdi/__init__.py",
        "a/b/site/pynx/scattering/__init__.py",
        "a/b/site/pynx/scattering/fhkl.py",
        "a/b/site/PyNX-2025.1.dist-info/entry_points.txt",
    }
    assert (target / "pynx/version.py").read_text() == "__version__ = '2025.1'\n"


def test_members_of_odd_length_are_found(installer: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "odd.deb"
    header = "{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n"
    first = header.format("one/", 0, 0, 0, 644, 3).encode() + b"abc\n"
    second = header.format("two", 0, 0, 0, 644, 2).encode() + b"de"
    path.write_bytes(b"!<arch>\n" + first + second)
    assert list(installer.archive_members(path)) == [("one", b"abc"), ("two", b"de")]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"PK\x03\x04 a zip", "is not a .deb file"), (b"!<arch>\n", "has no data.tar.xz")],
)
def test_a_file_of_another_kind_is_refused(
    installer: ModuleType, tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "p.deb"
    path.write_bytes(content)
    with pytest.raises(installer.InstallError, match=message):
        installer.unpack(path, tmp_path / "site")


def test_a_package_without_pynx_is_refused(installer: ModuleType, tmp_path: Path) -> None:
    deb = deb_file(tmp_path / "p.deb", {f"{ROOT}/pynx/__init__.py": ""})
    with pytest.raises(installer.InstallError, match="does not hold PyNX"):
        installer.unpack(deb, tmp_path / "site")


# --- installing -----------------------------------------------------------------------------------


def test_installing_moves_the_tree_and_writes_the_commands(
    installer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deb = deb_file(tmp_path / "p.deb", PYNX_FILES)
    accept(installer, monkeypatch, deb)
    site, scripts = tmp_path / "site", tmp_path / "bin"
    site.mkdir()
    scripts.mkdir()
    assert installer.install(deb, site, scripts) == "2025.1"
    assert [path.name for path in site.iterdir()] == ["pynx"]
    assert [path.name for path in scripts.iterdir()] == ["pynx-cdi-id01"]
    command = (scripts / "pynx-cdi-id01").read_text()
    assert command.startswith(f"#!{sys.executable}\n")
    assert "from pynx.cdi.runner import main" in command


def test_a_package_that_does_not_import_leaves_nothing(
    installer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {**PYNX_FILES, f"{ROOT}/pynx/cdi/__init__.py": "import a_module_that_is_missing\n"}
    deb = deb_file(tmp_path / "p.deb", broken)
    accept(installer, monkeypatch, deb)
    site = tmp_path / "site"
    site.mkdir()
    with pytest.raises(installer.InstallError, match=r"a_module_that_is_missing.*\[pynx\]"):
        installer.install(deb, site, tmp_path)
    assert list(site.iterdir()) == []


# --- what is there already ------------------------------------------------------------------------


def packages(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").touch()
    return folder


def test_the_wrong_pynx_is_recognised(
    installer: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrong = packages(tmp_path / "wrong", "pynx", "pynx/nginx")
    monkeypatch.setattr(installer, "pynx_folder", lambda: wrong / "pynx")
    assert installer.main([]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert str(wrong / "pynx") in message
    assert "pip uninstall pynx" in message


def test_a_pynx_of_the_site_is_left_alone(
    installer: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    site = packages(tmp_path / "site", "pynx", "pynx/cdi", "pynx/scattering")
    (site / "pynx/version.py").write_text("__version__ = '2024.9'\n")
    (site / "pynx/scattering/fhkl.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setattr(installer, "pynx_folder", lambda: site / "pynx")
    before = sorted(site.rglob("*.py"))
    assert installer.main(["--deb", "/nowhere.deb"]) == 0
    assert "PyNX 2024.9 is there already" in capsys.readouterr().out
    assert sorted(site.rglob("*.py")) == before


def test_a_missing_file_is_one_line(
    installer: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(installer, "pynx_folder", lambda: None)
    assert installer.main(["--deb", "/nowhere.deb"]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "/nowhere.deb does not exist" in message
