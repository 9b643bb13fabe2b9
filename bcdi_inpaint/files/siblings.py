"""Masks in files of their own beside the counts: those that are used, and those that look so.

A mask is used unasked where a program's own rule says whose it is: cdiutils and bcdi write pairs,
and a TIFF may have ``<stem>_mask.tif``. What else looks like the mask of a scan is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from bcdi_inpaint.scan.remarks import Remark, Remarks

TIFF_SUFFIXES = (".tif", ".tiff")
MASK_SUFFIXES = (
    *(".npz", ".npy", ".cxi", ".h5", ".hdf5", ".hdf", ".nxs", ".nx5"),
    *(".tif", ".tiff", ".edf", ".cbf", ".msk", ".img"),
)
"""Of files that can be masks."""

_CDIUTILS = ("_pynx_input_data", "_pynx_input_mask")
_BCDI = re.compile(r"(?P<scan>.+_)(?P<mask>mask)?pynx(?P<comment>.*)\.npz", re.IGNORECASE)
"""``S11_pynx_96_96_96_1_1_1.npz``, ``S11_maskpynx_96_96_96_1_1_1.npz``, or without a comment."""

_NO_NAMES = frozenset(
    (
        *("mask", "masks", "data", "counts", "input", "pynx", "maskpynx", "norm", "scan", "gaps"),
        *("crop", "cropped", "binned", "final", "user", "static", "bad", "hot", "dead", "gap"),
        *("pixel", "pixels", "pix", "det", "detector", "beam", "beamstop"),
    )
)
"""Words of a mask's name that do not say which scan it belongs to."""
_DETECTORS = re.compile(r"(maxipix|mpx|eiger|merlin|timepix|pilatus|lambda)[a-z0-9]*")
LONE = "mask-beside"
"""The kind of the remark that the only mask of a scan is used, whatever its comment."""
_MOST_NAMED = 3


def is_pair_mask(path: Path) -> bool:
    """Whether a file is the mask of a pair, or of the TIFF beside it, by its name.

    Examples
    --------
    >>> is_pair_mask(Path("S11_maskpynx_norm_128_300_294_1_1_1.npz"))
    True
    """
    if _CDIUTILS[1] in path.name:
        return True
    form = _bcdi(path)
    return bool(form and form["mask"]) or _is_mask_of_tiff(path)


def mask_sibling(path: Path) -> Path | None:
    """The mask file that belongs to a file of counts by a program's rule, if it is there."""
    if path.suffix.lower() in TIFF_SUFFIXES:
        return _mask_of_tiff(path)
    sibling = path.with_name(path.name.replace(*_CDIUTILS))
    if sibling != path:
        return sibling if sibling.exists() else None
    form = _bcdi(path)
    if form is None or form["mask"]:
        return None
    sibling = path.with_name(f"{form['scan']}maskpynx{form['comment']}{path.suffix}")
    return sibling if sibling.exists() else None


def with_sibling(path: Path) -> list[Path]:
    """A file of counts, and the mask beside it that is used unasked, if there is one."""
    sibling = mask_sibling(path) or lone_sibling(path)
    return [path] if sibling is None else [path, sibling]


def lone_sibling(path: Path) -> Path | None:
    """The mask of bcdi's pair where its comment is another one, and no other file can be meant.

    The comment holds sizes and binning and is written twice, by hand in some scripts. Only where
    a scan has one file of counts and one of masks do they belong together all the same.
    """
    form = _bcdi(path)
    if form is None or form["mask"]:
        return None
    forms = [(other, _bcdi(other)) for other in _files_in(path.parent)]
    same = [(other, f) for other, f in forms if f and f["scan"] == form["scan"]]
    masks = [other for other, f in same if f["mask"]]
    return masks[0] if len(masks) == 1 and len(same) == 2 else None


def unused_masks(path: Path, used: Iterable[Path]) -> Remarks:
    """A remark where files beside the counts look like their mask and were not used.

    Parameters
    ----------
    path : the file of counts, a series, or a folder of frames.
    used : the mask files that were read.
    """
    known = {file.resolve() for file in used}
    found = [
        file for file in _neighbours(path) if file.resolve() not in known and _looks_so(file, path)
    ]
    if not found:
        return ()
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    names = ", ".join(file.name for file in found[:_MOST_NAMED])
    looks = "looks like its mask and is" if len(found) == 1 else "look like its mask and are"
    text = f"{names}{more} beside {path.name} {looks} not used: use it with --mask {found[0]}"
    return (Remark("mask-not-used", text),)


def names_mask(path: Path) -> bool:
    """Whether a file calls itself a mask: the word stands alone in its name."""
    words = _words(path)
    return path.suffix.lower() == ".msk" or bool(words & {"mask", "masks", "maskpynx"})


def _bcdi(path: Path) -> re.Match[str] | None:
    form = _BCDI.fullmatch(path.name)
    return None if form is None or form["comment"].startswith("_input") else form


def _mask_of_tiff(path: Path) -> Path | None:
    endings = dict.fromkeys((".tif", path.suffix, ".tiff"))
    places = (path.with_name(f"{path.stem}_mask{suffix}") for suffix in endings)
    return next((place for place in places if place.exists()), None)


def _is_mask_of_tiff(path: Path) -> bool:
    if path.suffix.lower() not in TIFF_SUFFIXES or not path.stem.endswith("_mask"):
        return False
    stem = path.stem.removesuffix("_mask")
    return any(path.with_name(f"{stem}{suffix}").exists() for suffix in TIFF_SUFFIXES)


def _neighbours(path: Path) -> list[Path]:
    """The files beside a file, or in and beside a folder of frames, that can be masks."""
    folders = [path, path.parent] if path.is_dir() else [path.parent]
    files = [file for folder in folders for file in _files_in(folder)]
    return [file for file in files if file != path and _can_be_mask(file)]


def _files_in(folder: Path) -> list[Path]:
    """What lies in a folder, nothing where it may not be looked into."""
    with suppress(OSError):
        return sorted(folder.iterdir())
    return []


def _can_be_mask(file: Path) -> bool:
    name = file.name.lower()
    is_mask = name.endswith(".msk") or ("mask" in name and name.endswith(MASK_SUFFIXES))
    return is_mask and not name.startswith(".") and "_inpainted" not in name and file.is_file()


def _looks_so(mask: Path, counts: Path) -> bool:
    """Whether a mask's name says nothing of a scan, or says what that of the counts says."""
    of_counts = _words(counts)
    words = {w for w in _words(mask) if w not in _NO_NAMES and not _DETECTORS.fullmatch(w)}
    named = {word for word in words if any(map(str.isdigit, word))}
    if not named:
        return words <= of_counts
    own = of_counts - _NO_NAMES
    return words <= of_counts or (bool(own) and own <= words) or bool(_numbers(named & of_counts))


def _numbers(words: Iterable[str]) -> set[str]:
    """Words that say which scan: ``S11``, ``scan0011``."""
    return {word for word in words if re.fullmatch(r"(s|scan|run)\d+", word)}


def _words(path: Path) -> set[str]:
    stem = re.sub(r"%0?\d*d", "", path.name.partition(".")[0]).lower()
    stem = re.sub(r"^mask(?=[^a-z_]|s\d)|(?<=\d)mask$", "mask_", stem)
    return {word for word in re.split(r"[^a-z0-9]+", stem) if word}
