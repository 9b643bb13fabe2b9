"""What has to be said about a scan: how it was read, and what in it looks wrong."""

from __future__ import annotations

from collections.abc import Callable
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


SEPARATOR = "; "
"""Between remarks that are written as one text; no single text holds it."""


def distinct(*groups: Remarks) -> Remarks:
    """Remarks of several sources in their order, each once.

    Examples
    --------
    >>> shutter = Remark("empty-frames", "frames 44:46 hold no count: masked")
    >>> len(distinct((shutter,), (shutter,)))
    1
    """
    return tuple(dict.fromkeys(remark for group in groups for remark in group))


def and_count(remarks: Remarks, word: str = "remark") -> str:
    """What a line about a scan ends with: how many remarks there are, if any.

    Examples
    --------
    >>> and_count((Remark("axes", "axes yxn"),))
    ', 1 remark'
    """
    return f", {len(remarks)} {word}{'s' * (len(remarks) > 1)}" if remarks else ""


def one_text(remarks: Remarks) -> str:
    """Remarks as one line, for a table or a file's provenance; `from_text` takes it apart.

    Examples
    --------
    >>> one_text((Remark("unit", "counts in 0.5; undone inside"), Remark("axes", "axes yxn")))
    'counts in 0.5, undone inside; axes yxn'
    """
    return SEPARATOR.join(remark.text.replace(SEPARATOR, ", ") for remark in remarks)


def from_text(text: str, kinds: str = "") -> Remarks:
    """The remarks of what `one_text` made, and of their kinds, joined in the same way.

    Examples
    --------
    >>> from_text("counts in 0.5; axes yxn", "unit; axes")[1]
    Remark(kind='axes', text='axes yxn')
    """
    texts = text.split(SEPARATOR) if text else []
    names = kinds.split(SEPARATOR)
    names += ["unknown"] * (len(texts) - len(names))
    return tuple(Remark(kind or "unknown", one) for kind, one in zip(names, texts, strict=False))


def telling_once(note: Callable[[Remark], None]) -> Callable[[Remarks], None]:
    """What passes remarks on to `note`, each only the first time that it comes."""
    told: set[Remark] = set()

    def tell(remarks: Remarks) -> None:
        for remark in distinct(remarks):
            if remark not in told:
                told.add(remark)
                note(remark)

    return tell
