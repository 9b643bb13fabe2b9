"""What has to be said about a scan: how it was read, and what in it looks wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Remark:
    """One finding about a scan, on one line, with its numbers and the option that changes it.

    Attributes
    ----------
    kind : a short name of what was found, the same for all findings of a kind, for example
        ``empty-frames``; programs look for it.
    text : the line for people.

    Examples
    --------
    >>> print(Remark("empty-frames", "frames 44:46 hold no count: masked"))
    frames 44:46 hold no count: masked
    """

    kind: str
    text: str

    def __str__(self) -> str:
        return self.text


Remarks = tuple[Remark, ...]
