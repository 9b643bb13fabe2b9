"""What an evaluation of crystals says, as text with tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.evaluation.crystals.comparing import COMPARING_COLUMNS, compare_rules
from bcdi_inpaint.evaluation.crystals.config import PhasingConfig
from bcdi_inpaint.evaluation.crystals.records import Record
from bcdi_inpaint.evaluation.crystals.safest_handover import CHOICE_COLUMNS, cross_validate_choice
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
from bcdi_inpaint.evaluation.report_tables import rows_as_csv, rows_as_table
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.phasing.benefit import BenefitSettings


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
    records : of all retrievals; those of a gap that is not done with have no ratios yet.
    config : what was judged.
    model : the network that filled.
    remarks : lines on what is not done.

    Returns
    -------
    Tables by width, by advice and by flux, and the hand-over that is safest.
    """
    records = [record for record in records if not np.isnan(record["ratio_phase_rms_rad"])]
    both = with_default(records)
    rows, by_advice = summarize(both), summarize(both, "advice")
    parts = [
        _heading(config, model) + rows_as_table(rows, SUMMARY_COLUMNS, "markdown").rstrip(),
        "The same by what `predict` says of the gap, " + _limits() + ":",
        rows_as_table(by_advice, ADVICE_COLUMNS, "markdown").rstrip(),
    ]
    if compared := list(compare_rules(records, [*default_treatments(records).values()])):
        parts += [
            "Phased twice, with the fill and with the gap masked, both with what the file says of "
            "beam and crystal where that was phased: which is taken. `filled`: how often the one "
            "with the fill.",
            rows_as_table(compared, COMPARING_COLUMNS, "markdown").rstrip(),
        ]
    if converged := summarize(of_converged(both)):
        parts += [
            f"The same of gaps whose complete data come within {CONVERGED_RAD:g} rad of the truth:",
            rows_as_table(converged, SUMMARY_COLUMNS, "markdown").rstrip(),
        ]
    if by_kind := summarize_by_kind(both):
        parts += [
            "The same for each kind of crystal and beam:",
            rows_as_table(by_kind, KIND_COLUMNS, "markdown").rstrip(),
        ]
    if by_flux := summarize_default_by_flux(both):
        parts += [
            "The default, of crystals up to and above the middle flux:",
            rows_as_table(by_flux, FLUX_COLUMNS, "markdown").rstrip(),
        ]
    parts += [
        "The safe hand-over, chosen by every other crystal and judged on the rest:",
        rows_as_table(cross_validate_choice(records), CHOICE_COLUMNS, "markdown"),
    ]
    return CrystalReport(
        "\n\n".join(parts),
        rows_as_csv(rows, SUMMARY_COLUMNS),
        [rows_as_table(rows, SUMMARY_COLUMNS), rows_as_table(by_advice, ADVICE_COLUMNS)],
        _ratios(both),
        remarks,
    )


def _heading(config: PhasingConfig, model: Model) -> str:
    return (
        f"# What fills do to crystals: `{config.name}`\n\n- seed {config.seed}\n- network: "
        f"{model.name}, sha256 `{model.sha256}`\n- ratio: RMS of the phase error inside the "
        "particle over that with the gap masked; median, quartiles and worst over gaps; "
        "`ratio_upper_rad`, `ratio_worst_rad`: upper quartile and worst of the kept starts over "
        "masking's best, median over gaps\n- `gap_intensity`: calculated intensity in the gap over "
        "that beside it; `spread_rad`: phase distance of the kept starts to the best\n\n"
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
