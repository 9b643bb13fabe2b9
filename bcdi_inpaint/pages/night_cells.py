"""The cells of a scan on the page of a night, as HTML; every text is escaped."""

from __future__ import annotations

import math
import re
from html import escape

from bcdi_inpaint.pages.night_row import PICTURES, NightRow

VERDICTS = {
    "fill": ("fill helps", "a fill as a prior helps phase retrieval"),
    "compare": ("compare", "masking is nearly as good: compare both"),
    "mask": ("mask", "too dark for a fill to help phase retrieval"),
}
"""What the page calls each verdict, and what it means."""
FAR = "far"
"""The verdict on gaps that no Bragg peak is near."""
LARGE = 0.5
"""A mean error of the logarithm from which on it is told as a factor, either way."""
HEADS = {"before": "measured", "after": "filled", "sigma": "uncertainty"}
"""What the page calls each picture."""


def row_html(row: NightRow, common: str = "") -> str:
    """A scan's row; its numbers are in attributes, by which the script sorts.

    `common` is the folder in which all scans lie: it is said once, at the top.
    """
    uncertainty = "" if row.uncertainty is None else f"{row.uncertainty:.6g}"
    kinds = [row.status, row.verdict, "noted" if row.warnings or row.remarks else ""]
    shown = {
        "name": row.name,
        "verdict": {"fill": "0", "compare": "1", "mask": "2"}.get(row.verdict, ""),
        "uncertainty": uncertainty,
        "seconds": f"{row.seconds:g}" if row.seconds else "",
        "notes": str(len(row.warnings) * 1000 + len(row.remarks)),
        "kinds": " ".join(filter(None, kinds)),
    }
    marks = " ".join(f'data-{name}="{escape(value)}"' for name, value in shown.items())
    cells = _failed(row, common) if row.status == "failed" else _filled(row, common)
    return f'<tr id="r{row.key}" class="{escape(row.status)}" {marks}>\n{cells}\n</tr>'


def _failed(row: NightRow, common: str) -> str:
    """The cells of a scan that could not be filled."""
    return "\n".join(
        [
            f'<td class="pictures">{_pictures(row) or _NOTHING}</td>',
            f'<td class="scan">{_scan(row, common)}</td>',
            f'<td class="reason" colspan="4"><span class="badge bad">failed</span> '
            f"{escape(_without_folder(row.reason, row))}</td>",
            f'<td class="notes">{_notes(row)}</td>',
        ]
    )


def _without_folder(text: str, row: NightRow) -> str:
    """A line about the scan, whose folder is said elsewhere.

    Examples
    --------
    >>> _without_folder("/data/a.cxi is no intact HDF5 file", NightRow("/data/a.cxi"))
    'a.cxi is no intact HDF5 file'
    """
    return text.replace(f"{row.folder}/", "") if row.folder else text


_NOTHING = '<span class="nothing" aria-hidden="true">no picture</span>'


def _filled(row: NightRow, common: str) -> str:
    """The cells of a scan that was filled."""
    found = f"<small>{escape(row.gaps_found)}</small>" if row.gaps_found else ""
    return "\n".join(
        [
            f'<td class="pictures">{_pictures(row) or _NOTHING}</td>',
            f'<td class="scan">{_scan(row, common)}</td>',
            f'<td class="gaps" data-head="gaps">{escape(row.gaps) or "none"}{found}</td>',
            f'<td class="advice" data-head="advice">{_advice(row)}</td>',
            f'<td class="sure" data-head="uncertainty">{_uncertainty(row.uncertainty)}</td>',
            f'<td class="time" data-head="time">{_time(row.seconds)}</td>',
            f'<td class="notes">{_notes(row)}</td>',
        ]
    )


def _pictures(row: NightRow) -> str:
    """The thumbnails in one button, which opens them large."""
    by_name = dict(row.pictures)
    shown = "".join(
        f'<figure><img data-row="{row.key}" data-picture="{name}" src="{escape(by_name[name])}"'
        f' alt="{escape(f"{row.name}, {HEADS[name]}")}"><figcaption>{HEADS[name]}</figcaption>'
        "</figure>"
        for name in PICTURES
        if name in by_name
    )
    label = escape(f"{row.name}: show the pictures large")
    open_ = f'<button type="button" class="thumbs" aria-label="{label}">'
    return f"{open_}{shown}</button>" if shown else ""


def _scan(row: NightRow, common: str) -> str:
    """The scan's name, where it lies, and its size."""
    size = f"{row.shape} voxels" if row.shape else ""
    filled = f"{row.filled_voxels:,} filled".replace(",", " ") if row.filled_voxels else ""
    folder = row.folder.removeprefix(common).lstrip("/")
    lines = (folder, size, filled)
    name = escape(row.name).replace("_", "_<wbr>")
    return f"<strong>{name}</strong>" + "".join(
        f"<small>{escape(line)}</small>" for line in lines if line
    )


def _advice(row: NightRow) -> str:
    if row.verdict == FAR:
        advice = escape(row.advice)
        return f'<span class="quiet" title="{advice}">no gap lines near the peak</span>'
    if row.verdict not in VERDICTS:
        return '<span class="quiet">no light near the gap</span>'
    name, meaning = VERDICTS[row.verdict]
    text = re.sub(r"^gap of (\d+ \w+)(?: is)?", r"\1,", row.advice.partition(": ")[0])
    return (
        f'<span class="badge {row.verdict}" title="{escape(meaning)}">{escape(name)}</span>'
        f"<small>{escape(text)}</small>"
    )


def _uncertainty(value: float | None) -> str:
    """A share in percent, a factor where it is large, and a bar.

    Examples
    --------
    >>> _uncertainty(0.184)[:14], _uncertainty(1.5)[:19]
    ('<b>±18 %</b><i', '<b>factor 4.5</b><i')
    """
    if value is None or not math.isfinite(value):
        return '<span class="quiet">not known</span>'
    width = 100 * min(value, 1.0)
    bar = f'<i class="bar"><i style="width:{width:.0f}%"></i></i>'
    text = f"±{100 * value:.0f} %" if value < LARGE else f"factor {math.exp(value):.2g}"
    return f"<b>{text}</b>{bar}"


def _time(seconds: float) -> str:
    """How long it took, in words.

    Examples
    --------
    >>> _time(7.04), _time(90)
    ('7.0 s', '1 min 30 s')
    """
    if not seconds:
        return '<span class="quiet">not known</span>'
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s"


def _notes(row: NightRow) -> str:
    """Warnings and remarks as a list that opens; nothing where there are none."""
    lines = [("warning", text) for text in row.warnings] + [("note", text) for text in row.remarks]
    if not lines:
        return ""
    counted = _counted(len(row.warnings), "warning"), _counted(len(row.remarks), "note")
    items = "".join(
        f'<li class="{kind}">{escape(_without_folder(text, row))}</li>' for kind, text in lines
    )
    opened = " open" if row.warnings else ""
    head = ", ".join(filter(None, counted))
    return f"<details{opened}><summary>{head}</summary><ul>{items}</ul></details>"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number > 1)}" if number else ""
