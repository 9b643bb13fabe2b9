"""Who is first of a study's networks, in lines: no lead is told without its test."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bcdi_inpaint.evaluation.fills import Record
from bcdi_inpaint.evaluation.fills.records import distinct
from bcdi_inpaint.studies.averages import find_order
from bcdi_inpaint.studies.config import StudyConfig
from bcdi_inpaint.studies.contestants import our_name
from bcdi_inpaint.studies.leads import Lead, find_blindness, find_sure, leads_of

NAMED = 4
"""Networks that a line names of those ahead, or of those behind; of others it has the number."""


def write_findings(
    rows: Sequence[Record], records: Sequence[Record], names: Sequence[str], config: StudyConfig
) -> str:
    """Who is first at each width; a published network that is ahead of ours is said first.

    Parameters
    ----------
    rows : of `average_study`.
    records : that they are of.
    names : of the networks that were trained alike; which is ours, `contestants.our_name` says.
    config : of the study, for the bootstrap and the test.
    """
    lines, ours = [], our_name(names)
    pairs = [(name, ours) for name in names if name != ours]
    for scan in distinct(rows, "scan"):
        own = [row for row in rows if row["scan"] == scan]
        of_scan = [record for record in records if record["scan"] == scan]
        leads = leads_of(of_scan, pairs, config.resamples, config.seed)
        sure, blind = find_sure(leads), find_blindness(leads)
        for width in sorted(distinct(own, "width")):
            order = [name for name in find_order(own, width) if name in names]
            if ours not in order:
                continue
            place = order.index(ours)
            others = {name: leads[name, width] for name in order if name != ours}
            bold = {name for name, of_width in sure if of_width == width}
            if place:
                ahead = {name: others[name] for name in order[:place]}
                said = f"is number {place + 1} of {len(order)}, " + _behind(ahead, bold, blind)
            else:
                said = f"is first of {len(order)} networks trained alike"
                said += _ahead_of(others, bold, blind)
            lines.append((not place, f"- {scan}, {width} px: ours (`{ours}`) {said}"))
    return "".join(f"{line}\n" for _, line in sorted(lines, key=lambda each: each[0]))


def _behind(ahead: Mapping[str, Lead], sure: Collection[str], blind: str) -> str:
    """Of ours where it is not first: by how much the networks before it lead."""
    named = ", ".join(
        f"{f'**`{name}`**' if name in sure else f'`{name}`'} by {lead}"
        for name, lead in [*ahead.items()][:NAMED]
    )
    doubt = blind or "chance alone may make each of these leads"
    doubtful = f"; {doubt}" if _tested(ahead) and not {*ahead} & {*sure} else ""
    return f"behind {named}{doubtful}"


def _ahead_of(behind: Mapping[str, Lead], sure: Collection[str], blind: str) -> str:
    """Of ours where it is first: which networks it leads beyond chance, and which it may not."""
    if not _tested(behind):
        return ""
    if blind:
        return f"; {blind}"
    beyond = [f"**`{name}`**" for name in behind if name in sure]
    near = [f"`{name}` ({-lead.mean:.2g})" for name, lead in behind.items() if name not in sure]
    said = [f"beyond chance ahead of {_listed(beyond)}"] if beyond else []
    said += [f"not to be told from {_listed(near)}"] if near else []
    return f": {'; '.join(said)}"


def _tested(leads: Mapping[str, Lead]) -> bool:
    """Whether there is a test of some: there is none of few patterns, or of one crystal."""
    return any(lead.chance == lead.chance for lead in leads.values())


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
