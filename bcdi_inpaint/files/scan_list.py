"""The scans that a user means by files, folders, lists of files and scan numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import (
    SCAN_SUFFIXES,
    chosen_scans,
    is_frames,
    is_output,
    is_pair_mask,
    master_of,
    names_mask,
    parse_scans,
    split_spec,
)
from bcdi_inpaint.files.stacks import refuse_single_frames


@dataclass(frozen=True)
class ScanList:
    """Scans by their specs, each once; and how many files were none but outputs, masks or parts."""

    scans: tuple[str, ...]
    passed_over: int = 0


def is_many(arguments: Sequence[str], numbers: str | None) -> bool:
    """Whether a user asks for a batch; a file by its name, or a folder of frames, is none."""
    if not all(argument.strip() for argument in arguments):
        raise InputError(
            "a scan is '', expected the name of a file: give one, or see what the shell made of it"
        )
    first = arguments[0]
    is_one = len(arguments) == 1 and numbers is None and not first.startswith("@")
    return not is_one or _is_folder(first)


def list_scans(arguments: Iterable[str], numbers: str | None = None) -> ScanList:
    """Every scan that is meant.

    Parameters
    ----------
    arguments : files or specs, folders, and ``@list.txt`` with one of them a line (``#`` begins a
        comment). Our own outputs, the masks of pairs and parts of a master that is meant as well
        are passed over, as ``*`` catches them too.
    numbers : ``1-200,205``, scan numbers in BLISS files.

    Raises
    ------
    InputError
        For a list or folder that cannot be read, or where there is no scan at all.
    """
    found: list[str] = []
    passed_over = 0
    for argument in _with_lists(arguments):
        if numbers is not None:
            path, _ = split_spec(argument)
            chosen = chosen_scans(path, parse_scans(numbers))
            found += [f"{path}:/{inner}" for inner in chosen.values()]
            continue
        in_folder = _is_folder(argument)
        candidates = _in_folder(Path(argument)) if in_folder else [argument]
        scans = [spec for spec in candidates if not _is_no_scan(spec, in_folder)]
        passed_over += len(candidates) - len(scans)
        found += scans
        if not scans and in_folder:
            raise InputError(
                f"folder {argument} holds no scan, expected files that end in "
                f"{', '.join(SCAN_SUFFIXES)}: give the name of a file, or another folder"
            )
    files = {path for path, inner in map(split_spec, found) if inner is None}
    scans = [spec for spec in found if not _is_part(spec, files)]
    passed_over += len(found) - len(scans)
    refuse_single_frames(scans)
    if not scans:
        raise InputError("no scan is left, expected one: outputs and masks of pairs are no scans")
    return ScanList(tuple(dict.fromkeys(scans)), passed_over)


def _is_folder(argument: str) -> bool:
    """Whether it is a folder of scans; one of frames is a scan itself."""
    return Path(argument).is_dir() and not is_frames(Path(argument))


def _with_lists(arguments: Iterable[str]) -> Iterable[str]:
    for argument in arguments:
        if argument.startswith("@"):
            yield from _lines(Path(argument[1:]))
        else:
            yield argument


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"list {path} cannot be read ({error}), expected a text with one scan a line: check it"
        ) from error
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line]


def _in_folder(folder: Path) -> list[str]:
    try:
        files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"folder {folder} cannot be read ({error}), expected scans") from error
    return [str(p) for p in files if p.name.lower().endswith(SCAN_SUFFIXES) and p.is_file()]


def _is_part(spec: str, files: Set[Path]) -> bool:
    """Whether it is a file of frames of an EIGER master that is among the files."""
    path, inner = split_spec(spec)
    return inner is None and master_of(path) in files


def _is_no_scan(spec: str, in_folder: bool) -> bool:
    """Whether it is an output or a mask; the user's own word is taken for a name with "mask"."""
    path, inner = split_spec(spec)
    if inner is not None or not path.is_file():
        return False
    return is_pair_mask(path) or (in_folder and names_mask(path)) or is_output(path)
