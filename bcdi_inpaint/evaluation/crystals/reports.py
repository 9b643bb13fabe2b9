"""What an evaluation of crystals says, as text with tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bcdi_inpaint.evaluation.crystals.comparing import COMPARING_COLUMNS, compare_rules
from bcdi_inpaint.evaluation.crystals.config import PhasingConfig
from bcdi_inpaint.evaluation.crystals.records import APART, Record, gap_of, has_failed, has_ratios
from bcdi_inpaint.evaluation.crystals.safest_handover import CHOICE_COLUMNS, cross_validate_choice
from bcdi_inpaint.evaluation.crystals.side_by_side import SIDE_COLUMNS, set_side_by_side
from bcdi_inpaint.evaluation.crystals.summary import (
    ADVICE_COLUMNS,
    CONVERGED_RAD,
    FLUX_COLUMNS,
    KIND_COLUMNS,
    SUMMARY_COLUMNS,
    default_treatments,
    of_converged,
    summarize,
    summarize_by_kind,
    summarize_default_by_flux,
    with_default,
)
from bcdi_inpaint.evaluation.crystals.treatments import MASKED
from bcdi_inpaint.evaluation.report_tables import rows_as_csv, rows_as_table
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.phasing.benefit import BenefitSettings
from bcdi_inpaint.tables import number_of


@dataclass(frozen=True)
class CrystalReport:
    """What an evaluation of crystals has to say.

    Attributes
    ----------
    text : Markdown, with all tables.
    csv : the summary by width.
    tables : for a terminal.
    ratios : phase errors over those with the gap masked, by setting and width, and treatment.
    remarks : lines on what is not done.
    """

    text: str
    csv: str
    tables: list[str]
    ratios: dict[str, dict[str, list[float]]]
    remarks: list[str]


def report_crystals(
    records: Sequence[Record], config: PhasingConfig, model: Model, remarks: list[str]
) -> CrystalReport:
    """Summarize the records of an evaluation.

    Parameters
    ----------
    records : of all retrievals; those of a gap that is not done with have no ratios yet. Gaps of
        which the masked retrieval failed are left out, and counted.
    config : what was judged.
    model : the network that filled.
    remarks : lines on what is not done.

    Returns
    -------
    Tables by width, by advice and by flux, and the hand-over that is safest.
    """
    n_left_out = len(_without_masked(records))
    records = _with_ratios(records)
    both = with_default(records)
    rows, by_advice = summarize(both), summarize(both, "advice")
    parts = [
        "\n".join(_heading(config, model, records, n_left_out)),
        _as_table(rows, SUMMARY_COLUMNS),
        "The same by what `predict` says of the gap, " + _limits() + ":",
        _as_table(by_advice, ADVICE_COLUMNS),
    ]
    if compared := list(compare_rules(records, [*default_treatments(records).values()])):
        parts += [
            "Phased twice, with the fill and with the gap masked, both with what the file says of "
            "beam and crystal where that was phased: which is taken. `filled`: how often the one "
            "with the fill.",
            _as_table(compared, COMPARING_COLUMNS),
        ]
    if converged := summarize(of_converged(both)):
        parts += [
            f"The same of gaps whose complete data come within {CONVERGED_RAD:g} rad of the truth:",
            _as_table(converged, SUMMARY_COLUMNS),
        ]
    if by_kind := summarize_by_kind(both):
        parts += [
            "The same for each kind of crystal and beam:",
            _as_table(by_kind, KIND_COLUMNS),
        ]
    if by_flux := summarize_default_by_flux(both):
        parts += [
            "The default, of crystals up to and above the middle flux:",
            _as_table(by_flux, FLUX_COLUMNS),
        ]
    parts += [
        "The safe hand-over, chosen by every other crystal and judged on the rest:",
        _as_table(cross_validate_choice(records), CHOICE_COLUMNS),
    ]
    if beside := list(set_side_by_side(records, [*default_treatments(records).values()])):
        parts += [
            "Two treatments of the same gaps: in how many the first is nearer to the truth, and "
            "how many times as far off in the median. `by_chance`: how often coins would be as "
            "one-sided. `pearson_higher`, `free_lower`: in how many its intensity in the gap "
            "correlates better with the counts, and its free log-likelihood is lower, nan where "
            "that is of other voxels or counts: *found* takes the background off.",
            _as_table(beside, SIDE_COLUMNS),
        ]
    return CrystalReport(
        "\n\n".join(parts) + "\n",
        rows_as_csv(rows, SUMMARY_COLUMNS),
        [_as_table(rows, SUMMARY_COLUMNS, "plain"), _as_table(by_advice, ADVICE_COLUMNS, "plain")],
        _ratios(both),
        remarks,
    )


def _without_masked(records: Sequence[Record]) -> set[tuple[object, ...]]:
    """The gaps whose masked retrieval failed: there is nothing to compare their others with."""
    masked = [record for record in records if record["treatment"] == MASKED]
    return {gap_of(record) for record in masked if has_failed(record)}


def _with_ratios(records: Sequence[Record]) -> list[Record]:
    """The records of gaps that are done with, and masked to some end."""
    left_out = _without_masked(records)
    return [one for one in records if has_ratios(one) and gap_of(one) not in left_out]


def _as_table(
    rows: Sequence[Record], columns: Sequence[str], style: Literal["markdown", "plain"] = "markdown"
) -> str:
    """How far starts are apart is left out where nothing had two of them."""
    shown = [name for name in columns if name != APART or _has_any(rows, APART)]
    return rows_as_table(rows, shown, style).rstrip()


def _has_any(records: Sequence[Record], column: str) -> bool:
    return any(not math.isnan(record.get(column, math.nan)) for record in records)


def _heading(
    config: PhasingConfig, model: Model, records: Sequence[Record], n_left_out: int
) -> Iterator[str]:
    yield f"# What fills do to crystals: `{config.name}`\n"
    yield f"- seed {config.seed}"
    yield f"- network: {model.name}, sha256 `{model.sha256}`"
    yield (
        "- ratio: RMS of the phase error inside the particle over that with the gap masked; "
        "median, quartiles and worst over gaps; `ratio_upper_rad`, `ratio_worst_rad`: upper "
        "quartile and worst of the kept starts over masking's best, median over gaps"
    )
    yield (
        f"- failed: {sum(map(has_failed, records))} of {number_of(len(records), 'retrieval')}, "
        "which count as infinitely far off; left out, since the masked retrieval failed: "
        + number_of(n_left_out, "gap")
    )
    apart = f"; `{APART}`: phase distance of the kept starts to the best"
    yield (
        "- `gap_intensity`: calculated intensity in the gap over that beside it, about 1 where it "
        "is right, though below 0.67 in a tenth of gaps; none where the gap hides the peak"
        + (apart if _has_any(records, APART) else "")
    )


def _limits() -> str:
    """Where the advice changes, in words."""
    rule = BenefitSettings()
    return (
        f"mask below {rule.counts:g} count a voxel beside it, else compare below "
        f"{rule.fringes:g} fringes, fill from there"
    )


def _ratios(records: Sequence[Record]) -> dict[str, dict[str, list[float]]]:
    panels: dict[str, dict[str, list[float]]] = {}
    for record in records:
        panel = panels.setdefault(f"{record['setting']}, {record['width']} px", {})
        panel.setdefault(record["treatment"], []).append(record["ratio_phase_rms_rad"])
    return panels
