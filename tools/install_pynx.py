"""Put PyNX into this Python environment.

PyNX is not on the public package index: the project called `pynx` there is an unrelated tool for
nginx. Debian 13 carries it as `python3-pynx`. This script fetches that package through the system's
own apt, in private folders (no root needed, the system's sources stay as they are), checks it by
hash and unpacks the `pynx` package alone into the environment's site-packages. A PyNX that imports
already, for example from a facility's module, is left as it is.

    .venv/bin/python tools/install_pynx.py [--deb python3-pynx_2025.1-2_amd64.deb]

Uses the standard library alone, so that it runs in a bare environment.
"""

from __future__ import annotations

import argparse
import configparser
import hashlib
import importlib.util
import io
import lzma
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PACKAGE = "python3-pynx"
PACKAGE_VERSION = "2025.1-2"
SUITE = "trixie"
SHA256 = {
    "amd64": "b36f5e99a00e2103bb36421ca1baada62c1abc023b76d1d904964fdbd986b393",
    "arm64": "3758cd80b300ab27f22d431a5e895a3b0250cf156a59f8bc30c211666d80f43a",
}
PACKAGE_ROOT = PurePosixPath("usr/lib/python3/dist-packages")
IMPORT_CHECK = "import pynx.cdi, pynx.scattering.fhkl, pynx.version as v; print(v.__version__)"
IMPORT_TIMEOUT_S = 300
APT_TIMEOUT_S = 300


class InstallError(Exception):
    """PyNX could not be installed; the message is one line that says what to do."""


FAULTS = (InstallError, OSError, subprocess.TimeoutExpired, tarfile.TarError, lzma.LZMAError)


# --- what is there already ----------------------------------------------------------------------


def pynx_folder() -> Path | None:
    """Where `import pynx` would look, or None if nothing of that name is there."""
    spec = importlib.util.find_spec("pynx")
    if spec is None:
        return None
    places = list(spec.submodule_search_locations or [])
    return Path(places[0] if places else str(spec.origin))


def is_wrong_pynx(folder: Path) -> bool:
    """Whether a `pynx` is something else than PyNX, which has both `cdi` and `scattering`."""
    return not all((folder / name / "__init__.py").is_file() for name in ("cdi", "scattering"))


def imported_version(first_on_path: Path | None = None) -> str:
    """The version of the PyNX that imports, tried in a process of its own.

    `first_on_path` is searched before everything else. Raises InstallError with the reason if the
    import fails.
    """
    environment = {**os.environ, "PYNX_PU": "cpu", "MPLBACKEND": "Agg"}
    if first_on_path is not None:
        paths = [str(first_on_path), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IMPORT_CHECK],
        env=environment,
        capture_output=True,
        text=True,
        timeout=IMPORT_TIMEOUT_S,
    )
    if result.returncode != 0:
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise InstallError(
            f"PyNX does not import ({reason}): install what it needs with "
            f"`{sys.executable} -m pip install -e '.[pynx]'` and run this again"
        )
    return result.stdout.strip().splitlines()[-1]


# --- fetching the package -----------------------------------------------------------------------


def system_codename(os_release: str) -> str:
    """The code name of this Debian, from the text of /etc/os-release."""
    pairs = re.findall(r'^(\w+)="?([^"\n]*)"?$', os_release, flags=re.MULTILINE)
    fields = dict(pairs)
    if fields.get("ID") != "debian":
        raise InstallError(
            f"this system is {fields.get('PRETTY_NAME', 'unknown')}, not Debian: get "
            f"{PACKAGE}_{PACKAGE_VERSION} (.deb) from Debian 13 and pass it with --deb FILE, "
            "or load your site's PyNX module"
        )
    return fields.get("VERSION_CODENAME", "stable")


def one_line_source(line: str, suites: set[str]) -> str | None:
    """One `deb [options] URI suite components` line with its suite changed, or None."""
    match = re.match(r"\s*deb\s+(\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]*)", line)
    if match is None or match[3] not in suites or "main" not in match[4].split():
        return None
    return f"deb {match[1] or ''}{match[2]} {SUITE} main"


def stanza_source(stanza: str, suites: set[str]) -> str | None:
    """One deb822 stanza (`Types:`, `URIs:`, `Suites:`, ...) with its suite changed, or None."""
    kept = [line for line in stanza.splitlines() if line.strip() and not line.startswith("#")]
    fields: dict[str, str] = {}
    name = ""
    for line in kept:
        if line[0] in " \t":  # a continuation, for example of an inline key
            fields[name] += "\n" + line
        else:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    is_ours = (
        "deb" in fields.get("types", "").split()
        and suites & set(fields.get("suites", "").split())
        and "main" in fields.get("components", "").split()
        and fields.get("enabled", "yes").lower() not in ("no", "false", "0", "off")
    )
    if not is_ours:
        return None
    fields |= {"types": "deb", "suites": SUITE, "components": "main"}
    return "\n".join(f"{key}: {value}" for key, value in fields.items())


def rewritten_sources(files: dict[str, str], codename: str) -> tuple[str, str]:
    """The system's apt sources with the suite changed, as (file ending, text).

    `files` maps the sources' file names to their texts; `codename` is the system's suite. Entries
    of other suites (security, updates, backports) and of other vendors are left out.
    """
    suites = {codename, "stable", "oldstable", "testing", SUITE}
    lines: list[str] = []
    stanzas: list[str] = []
    for name, text in files.items():
        if name.endswith(".sources"):
            found = (stanza_source(part, suites) for part in re.split(r"\n[ \t]*\n", text))
            stanzas += [part for part in found if part]
        else:
            found = (one_line_source(line, suites) for line in text.splitlines())
            lines += [line for line in found if line]
    if stanzas:
        return ".sources", "\n\n".join(dict.fromkeys(stanzas)) + "\n"
    if lines:
        return ".list", "\n".join(dict.fromkeys(lines)) + "\n"
    raise InstallError(
        f"no apt source for Debian {codename} main is set up here: get {PACKAGE}_{PACKAGE_VERSION} "
        "(.deb) from Debian 13 and pass it with --deb FILE"
    )


def system_sources() -> dict[str, str]:
    """The texts of the system's apt sources by file name."""
    parts = Path("/etc/apt/sources.list.d")
    paths = [Path("/etc/apt/sources.list"), *sorted(parts.glob("*.list"))]
    paths += sorted(parts.glob("*.sources"))
    return {str(path): path.read_text(errors="replace") for path in paths if path.is_file()}


def private_apt(folder: Path, ending: str, sources: str) -> list[str]:
    """Options that make apt read `sources` alone and write below `folder` alone."""
    parts = folder / "sources.list.d"
    for place in (parts, folder / "lists/partial", folder / "cache/archives/partial"):
        place.mkdir(parents=True)
    (parts / f"pynx{ending}").write_text(sources)
    settings = {
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": parts,
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",  # the private folders belong to whoever runs this
        "Acquire::Languages": "none",
    }
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def apt_download(folder: Path) -> Path:
    """Fetch the package into `folder` through apt; returns the .deb file."""
    apt = shutil.which("apt-get")
    if apt is None:
        raise InstallError(
            f"no apt-get on this system: get {PACKAGE}_{PACKAGE_VERSION} (.deb) from Debian 13 and "
            "pass it with --deb FILE, or load your site's PyNX module"
        )
    codename = system_codename(Path("/etc/os-release").read_text())
    options = private_apt(folder, *rewritten_sources(system_sources(), codename))
    wanted = f"{PACKAGE}={PACKAGE_VERSION}"
    outcome = None
    for words in (["update"], ["download", wanted]):
        # An unreachable extra source fails the update; the download tells whether it mattered.
        outcome = subprocess.run(
            [apt, "-q", *options, *words],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=APT_TIMEOUT_S,
        )
    found = sorted(folder.glob(f"{PACKAGE}_*.deb"))
    if not found:
        reasons = [] if outcome is None else outcome.stderr.strip().splitlines()
        reason = next((line for line in reasons if line.startswith("E:")), "no reason given")
        raise InstallError(
            f"apt could not fetch {wanted} ({reason}): check the network, or get the file "
            "elsewhere and pass it with --deb FILE"
        )
    return found[0]


# --- unpacking ----------------------------------------------------------------------------------


def check_hash(deb: Path) -> None:
    """Raise InstallError unless the file is one of the known packages."""
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    if digest not in SHA256.values():
        raise InstallError(
            f"{deb.name} has sha256 {digest}, expected {' or '.join(SHA256.values())}: get "
            f"{PACKAGE} {PACKAGE_VERSION} from Debian 13"
        )


def archive_members(deb: Path) -> Iterator[tuple[str, bytes]]:
    """The (name, content) pairs of a .deb file, which is an `ar` archive.

    Each member has a header of 60 bytes (name in 0:16, size in decimal in 48:58) and starts at an
    even offset.
    """
    content = deb.read_bytes()
    if not content.startswith(b"!<arch>\n"):
        raise InstallError(f"{deb.name} is not a .deb file: get {PACKAGE} from Debian 13")
    offset = 8
    while offset + 60 <= len(content):
        header = content[offset : offset + 60]
        size = int(header[48:58])
        start = offset + 60
        yield header[:16].decode().rstrip(" /"), content[start : start + size]
        offset = start + size + size % 2


def data_archive(deb: Path) -> tarfile.TarFile:
    """The archive of the files that a .deb installs."""
    for name, content in archive_members(deb):
        if name in ("data.tar.xz", "data.tar.gz", "data.tar"):
            return tarfile.open(fileobj=io.BytesIO(content))
    raise InstallError(f"{deb.name} has no data.tar.xz: get {PACKAGE} from Debian 13")


def unpack(deb: Path, folder: Path) -> None:
    """Write the package tree `pynx` and its entry points below `folder`, and nothing else."""
    with data_archive(deb) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if not member.isfile() or ".." in path.parts:
                continue
            if not path.is_relative_to(PACKAGE_ROOT):
                continue
            inside = path.relative_to(PACKAGE_ROOT)
            if inside.parts[0] != "pynx" and inside.name != "entry_points.txt":
                continue
            stream = archive.extractfile(member)
            target = folder / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(stream.read() if stream else b"")
    if is_wrong_pynx(folder / "pynx"):
        raise InstallError(f"{deb.name} does not hold PyNX: get {PACKAGE} from Debian 13")


def write_commands(unpacked: Path, scripts: Path) -> None:
    """Write PyNX's phasing commands (`pynx-cdi-id01`, ...) into the environment's `scripts`."""
    for entry_points in unpacked.glob("*.dist-info/entry_points.txt"):
        parser = configparser.ConfigParser()
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(entry_points.read_text())
        if not parser.has_section("console_scripts"):
            continue
        for command, place in parser.items("console_scripts"):
            if not command.startswith("pynx-cdi-") or command.endswith(".py"):
                continue
            module, _, function = place.partition(":")
            target = scripts / command
            target.write_text(
                f"#!{sys.executable}\nimport sys\n\nfrom {module} import {function}\n\n"
                f"sys.exit({function}())\n"
            )
            target.chmod(0o755)


def install(deb: Path, site_packages: Path, scripts: Path) -> str:
    """Check, unpack, try and only then move PyNX into `site_packages`; returns its version.

    A failure at any step leaves `site_packages` as it was.
    """
    check_hash(deb)
    target = site_packages / "pynx"
    if target.exists():
        raise InstallError(f"{target} is in the way: remove it and run this again")
    with tempfile.TemporaryDirectory(prefix=".pynx-", dir=site_packages) as name:
        unpacked = Path(name)
        unpack(deb, unpacked)
        version = imported_version(first_on_path=unpacked)
        write_commands(unpacked, scripts)
        (unpacked / "pynx").rename(target)
    return version


# --- the command --------------------------------------------------------------------------------


def run(deb: Path | None) -> str:
    """Install PyNX unless it is there; returns the line to print."""
    present = pynx_folder()
    if present is not None:
        if is_wrong_pynx(present):
            raise InstallError(
                f"the `pynx` in {present} is not PyNX but another project of that name: remove it "
                f"with `{sys.executable} -m pip uninstall pynx` and run this again"
            )
        return f"PyNX {imported_version()} is there already ({present})"
    site_packages = Path(sysconfig.get_path("purelib"))
    if not os.access(site_packages, os.W_OK):
        raise InstallError(
            f"{site_packages} is not writable: run this with the environment's own Python "
            "(.venv/bin/python)"
        )
    if deb is not None and not deb.is_file():
        raise InstallError(f"{deb} does not exist: give the path of a {PACKAGE} .deb file")
    with tempfile.TemporaryDirectory() as name:
        package = apt_download(Path(name)) if deb is None else deb
        version = install(package, site_packages, Path(sysconfig.get_path("scripts")))
    return f"PyNX {version} installed in {site_packages / 'pynx'}"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(description="Put PyNX into this Python environment.")
    parser.add_argument("--deb", type=Path, metavar="FILE", help=f"use this {PACKAGE} .deb file")
    options = parser.parse_args(arguments)
    try:
        print(run(options.deb))
    except FAULTS as fault:
        print(f"no PyNX: {fault}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
