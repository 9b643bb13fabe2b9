"""A scan's row on the page of a night."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

PICTURES = ("before", "after", "sigma")
"""What a row shows, in this order."""


@dataclass(frozen=True)
class NightRow:
    """What the page says of one scan.

    Attributes
    ----------
    scan : the scan, as a path that says where it lies from anywhere.
    output : what was written.
    status : ``filled`` or ``failed``, of which `reason` tells why.
    shape, gaps, gaps_found : in words.
    filled_voxels : how many.
    verdict, advice : whether phase retrieval gains by the fill: in a word, and in a line.
    handover : how the fill is handed over.
    uncertainty : mean relative error of the light in the gap that the fill itself expects; None
        where that is not known.
    seconds : that the fill took; 0 where that is not known.
    made : when the output was made, as it says itself.
    warnings, remarks : lines.
    view : what the pictures show.
    brightest : counts at the end of their colours.
    pictures : PNG as data URIs, by a name of `PICTURES`.
    """

    scan: str
    output: str = ""
    status: str = "filled"
    reason: str = ""
    shape: str = ""
    gaps: str = ""
    gaps_found: str = ""
    filled_voxels: int = 0
    verdict: str = ""
    advice: str = ""
    handover: str = ""
    uncertainty: float | None = None
    seconds: float = 0.0
    made: str = ""
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    view: str = ""
    brightest: float = 0.0
    pictures: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """What the page calls the row: the same for the same scan, and harmless in HTML.

        Examples
        --------
        >>> NightRow("/data/a.cxi").key == NightRow("/data/a.cxi", status="failed").key
        True
        """
        return hashlib.sha256(self.scan.encode("utf-8", "surrogateescape")).hexdigest()[:16]

    @property
    def name(self) -> str:
        """The scan without its folder.

        Examples
        --------
        >>> NightRow("/data/raw.h5:/7.1/measurement").name
        'raw.h5:/7.1/measurement'
        """
        file, mark, inner = self.scan.partition(":/")
        return file.rpartition("/")[2] + mark + inner

    @property
    def folder(self) -> str:
        """Where the scan lies."""
        return self.scan.removesuffix(self.name).rstrip("/")

    @classmethod
    def of_record(cls, record: dict[str, Any], pictures: Sequence[tuple[str, str]]) -> Self:
        """A row from what a page has of it; what it does not know is left out."""
        known = {f.name: record[f.name] for f in fields(cls) if f.name in record}
        lists = {name: tuple(known.get(name, ())) for name in ("warnings", "remarks")}
        return cls(**known | lists | {"pictures": tuple(pictures)})
